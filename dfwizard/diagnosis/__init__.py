"""What a failure's text means: its cause, what helps against it, and the lines of it that matter."""

from dfwizard.diagnosis.catalogue import Failure, known_failures
from dfwizard.diagnosis.guessing import Guess, nearest
from dfwizard.diagnosis.lines import telling_line, telling_lines
from dfwizard.diagnosis.matching import Match, Output, ranked
from dfwizard.diagnosis.remedy import Diagnosis, Place, RemedyCommand, diagnose, filled, place_of

__all__ = [
    "Diagnosis",
    "Failure",
    "Guess",
    "Match",
    "Output",
    "Place",
    "RemedyCommand",
    "diagnose",
    "filled",
    "known_failures",
    "nearest",
    "place_of",
    "ranked",
    "telling_line",
    "telling_lines",
]
