"""What a failure's text means: its cause, what helps against it, and the line of it that matters."""

from dfwizard.diagnosis.matching import Diagnosis, diagnose, telling_line

__all__ = ["Diagnosis", "diagnose", "telling_line"]
