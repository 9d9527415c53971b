"""How the road to a release is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from dfwizard.planning.plan import Hop
from dfwizard.tui.styles import QUIET

_GATE = "┃gate┃"
_WAIT = "┃PHP {}┃"


def drawn(hops: Sequence[Hop], width: int, unmet: frozenset[str] = frozenset()) -> Text:
    """Draw the road as a line, a gate where a release is verified before the next leg; stops in `unmet` need another PHP.

    Where the run waits for another PHP, that stands before the stop that needs it.
    """
    pieces: list[list[tuple[str, str]]] = [[(hops[0].frm, "bold")]] if hops else []
    for index, hop in enumerate(hops):
        way = [(" ──▶ ", QUIET)] if index == 0 else [(" ─", QUIET), (_GATE, "cyan"), ("─▶ ", QUIET)]
        if hop.gate:
            way[-1:] = [
                (" ─" if index == 0 else "─", QUIET),
                (_WAIT.format(hop.gate[0]), "yellow"),
                ("─▶ ", QUIET),
            ]
        pieces.append([*way, (hop.to, "bold yellow" if hop.to in unmet else "bold green")])
    text, used = Text(), 0
    for piece in pieces:
        length = sum(len(part) for part, _ in piece)
        if used and used + length > width:
            text.append("\n  ")
            used = 2
        text.append_text(Text.assemble(*piece))
        used += length
    return text
