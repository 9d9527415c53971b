"""Take a backup, prove it by restoring it, and restore it."""
