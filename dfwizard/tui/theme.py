"""How the wizard looks on this terminal: its own colours where there are enough of them, else the terminal's sixteen."""

from __future__ import annotations

import os
from collections.abc import Mapping

from textual.theme import Theme

NIGHT = Theme(
    name="dfwizard-night",
    primary="#6ca0f6",
    secondary="#5fb3b3",
    accent="#e5a94f",
    warning="#e5c07b",
    error="#f2777a",
    success="#8fce7e",
    foreground="#d8dee9",
    background="#14171f",
    surface="#14171f",
    panel="#222836",
    boost="#222836",
    dark=True,
)
SIXTEEN = "ansi-dark"


def choose(environ: Mapping[str, str] = os.environ) -> str:
    """Give the theme's name for the terminal that `environ` describes."""
    if "NO_COLOR" in environ:
        return SIXTEEN
    term = environ.get("TERM", "")
    if environ.get("COLORTERM") in ("truecolor", "24bit") and term not in ("linux", "vt100"):
        return NIGHT.name
    return NIGHT.name if "256color" in term or "direct" in term else SIXTEEN
