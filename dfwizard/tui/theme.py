"""How the wizard looks on this terminal: its own colours where there are enough of them, else the terminal's sixteen."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rich.terminal_theme import TerminalTheme
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
PALETTE = TerminalTheme(
    background=(0x14, 0x17, 0x1F),
    foreground=(0xD8, 0xDE, 0xE9),
    normal=[
        (0x2B, 0x31, 0x40),
        (0xF2, 0x77, 0x7A),
        (0x8F, 0xCE, 0x7E),
        (0xE5, 0xC0, 0x7B),
        (0x6C, 0xA0, 0xF6),
        (0xC8, 0x92, 0xE8),
        (0x5F, 0xC3, 0xC3),
        (0xD8, 0xDE, 0xE9),
    ],
    bright=[
        (0x8A, 0x94, 0xA8),
        (0xFF, 0x9A, 0x9C),
        (0xB0, 0xE8, 0xA0),
        (0xFF, 0xDC, 0x9A),
        (0x8F, 0xBA, 0xFF),
        (0xDD, 0xB3, 0xF5),
        (0x85, 0xDD, 0xDD),
        (0xFF, 0xFF, 0xFF),
    ],
)
"""The sixteen colours that the styles name, as the night theme shows them: quiet text must be readable on its background."""

SIXTEEN = "ansi-dark"


def choose(environ: Mapping[str, str] = os.environ) -> str:
    """Give the theme's name for the terminal that `environ` describes."""
    if "NO_COLOR" in environ:
        return SIXTEEN
    term = environ.get("TERM", "")
    if environ.get("COLORTERM") in ("truecolor", "24bit") and term not in ("linux", "vt100"):
        return NIGHT.name
    return NIGHT.name if "256color" in term or "direct" in term else SIXTEEN
