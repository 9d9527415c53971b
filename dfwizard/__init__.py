"""dfwizard: upgrade a DreamFactory installation, prove the result, and take it back when needed."""

__version__ = "0.1.0"
