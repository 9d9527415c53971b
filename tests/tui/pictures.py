"""Pictures of screens as SVG files that are the same on every machine, and what differs between two of them in words."""

from __future__ import annotations

import difflib
import html
import io
import re
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from dfwizard.tui.app import Wizard

FOLDER = Path(__file__).parents[2] / "screenshots"
WRITE = "DFWIZARD_WRITE_PICTURES"
"""The environment variable that has the pictures written instead of compared."""

ACCEPT = f"{WRITE}=1 .venv/bin/pytest tests/tui/test_pictures.py"

_FONTS = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
_MARK = "dfw"
_FORMAT = """<svg viewBox="0 0 WIDTH HEIGHT" xmlns="http://www.w3.org/2000/svg">
<style>
text {{ font-family: FONTS; font-size: 20.25px; white-space: pre; }}
{styles}
</style>
<rect width="WIDTH" height="HEIGHT" rx="8" fill="BACKGROUND"/>
<g transform="translate(10, 10)" xml:space="preserve">
{backgrounds}
{matrix}
</g>
</svg>
""".replace("FONTS", _FONTS)

_COLOURS = (
    (20, 23, 31),
    (242, 119, 122),
    (143, 206, 126),
    (229, 192, 123),
    (108, 160, 246),
    (198, 146, 233),
    (95, 179, 179),
    (216, 222, 233),
)
_BRIGHT = (
    (110, 118, 135),
    (255, 143, 146),
    (167, 224, 152),
    (245, 214, 150),
    (143, 186, 255),
    (216, 174, 245),
    (130, 208, 208),
    (255, 255, 255),
)
_THEME = TerminalTheme((20, 23, 31), (216, 222, 233), list(_COLOURS), list(_BRIGHT))
"""What the sixteen colours of a terminal look like in the pictures."""

_BACKGROUND = "#{:02x}{:02x}{:02x}".format(*_COLOURS[0])
_CELL, _LINE = 12.2, 24.4
"""The width of a cell and the height of a line in rich's SVG."""

_TEXT = re.compile(r'<text class="[^"]*" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>')
_SHORTER = (
    (re.compile(r' clip-path="[^"]*"| shape-rendering="[^"]*"'), ""),
    (re.compile(r"&#160;"), " "),
    (re.compile(r"<text[^>]*>[ ]*</text>\n?"), ""),
    (re.compile(rf'<rect fill="{_BACKGROUND}" x[^>]*/>\n?'), ""),
    (re.compile(r'class="dfw-'), 'class="'),
    (re.compile(r"\.dfw-"), "."),
    (re.compile(r"(?<=[^\n])(?=<text |<rect )"), "\n"),
    (re.compile(r"[ \t]+\n"), "\n"),
)
"""What makes the file smaller and its differences readable, and does not change what is seen."""


def svg_of(wizard: Wizard) -> str:
    """Give a picture of what the wizard shows now."""
    width, height = wizard.size
    console = Console(
        width=width,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
        safe_box=False,
    )
    console.print(
        wizard.screen._compositor.render_update(
            full=True, screen_stack=wizard._background_screens, simplify=True
        )
    )
    frame = {
        "BACKGROUND": _BACKGROUND,
        "WIDTH": str(round(width * _CELL) + 20),
        "HEIGHT": str(round(height * _LINE) + 20),
    }
    form = _FORMAT
    for name, value in frame.items():
        form = form.replace(name, value)
    svg = console.export_svg(theme=_THEME, code_format=form, unique_id=_MARK)
    for pattern, new in _SHORTER:
        svg = pattern.sub(new, svg)
    return svg


def rows(svg: str) -> list[str]:
    """Give the lines of text in a picture."""
    cells: dict[int, list[tuple[int, str]]] = {}
    for x, y, text in _TEXT.findall(svg):
        cells.setdefault(int(float(y) / _LINE), []).append((round(float(x) / _CELL), html.unescape(text)))
    found = []
    for line in range(max(cells, default=-1) + 1):
        row = ""
        for column, text in sorted(cells.get(line, [])):
            row = row.ljust(column) + text
        found.append(row.rstrip())
    return found


def difference(before: str, after: str) -> str:
    """Say in a few lines what is different in a picture made anew; "" when nothing is."""
    if before == after:
        return ""
    lines = list(
        difflib.unified_diff(rows(before), rows(after), "the picture", "the screen now", lineterm="", n=0)
    )
    return "\n".join(lines[:60]) if lines else "The words are the same; colours or styles are not."


def compare(name: str, svg: str, *, write: bool) -> None:
    """Fail when the picture `name` is not what the screen looks like; with `write` make it so."""
    file = FOLDER / f"{name}.svg"
    if write:
        FOLDER.mkdir(exist_ok=True)
        if not file.exists() or file.read_text(encoding="utf-8") != svg:
            file.write_text(svg, encoding="utf-8")
        return
    how = f"Look at the change; when it is meant, accept it with\n  {ACCEPT} -k {name.rpartition('-')[0]}"
    if not file.exists():
        raise AssertionError(f"there is no picture {file.name} yet.\n{how}")
    said = difference(file.read_text(encoding="utf-8"), svg)
    if said:
        raise AssertionError(f"the screen differs from its picture {file.name}:\n{said}\n{how}")
