"""The lines around every screen: where one is, what stopping would mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.screen import Screen
from textual.widgets import Footer, Static

from dfwizard.execution.outcomes import WELL
from dfwizard.reports.terminal import plain
from dfwizard.tui import signs
from dfwizard.tui.styles import fitted

if TYPE_CHECKING:
    from dfwizard.execution.state import RunState

STAGES = (
    ("instance", "Instance"),
    ("detection", "Detection"),
    ("path", "Path"),
    ("checks", "Checks"),
    ("backup", "Backup"),
    ("run", "Run"),
    ("verify", "Verify"),
    ("done", "Done"),
)
"""The road that most people go, in order; failure and rollback are places beside it."""

_MIGRATION = {"detection": ("migration", "Servers"), "path": ("carry", "Carry over")}
"""What stands in the place of which stage on the road of a migration."""

_BESIDE = {"failure": "run"}
"""The stage of the road beside which another one is."""

_BACK = {"verify": ("rollback", "Rollback")}
"""What stands on the road of a run that is taken back, in the place of which stage."""


class TitleBar(Static):
    """The screen's name, the instance, and DEMO where it is one."""

    DEFAULT_CSS = """
    TitleBar { height: 1; background: $panel; text-style: bold; }
    """

    def __init__(self, title: str, instance: str, demo: bool) -> None:
        super().__init__(markup=False)
        self._title, self._instance, self._demo = title, instance, demo

    def name_instance(self, instance: str) -> None:
        """Name another instance, or host."""
        self._instance = instance
        self.refresh()

    def render(self) -> Text:
        """Give the line."""
        mark = " DEMO " if self._demo else ""
        width = self.size.width
        left = f" dfwizard {signs.LINE} {self._title}"
        room = width - len(left) - len(mark) - 3
        right = fitted(plain(self._instance), room) if room > 8 else ""
        gap = max(width - len(left) - len(right) - len(mark) - 2, 1)
        return Text.assemble(left, " " * gap, right, "  ", (mark, "bold reverse"), no_wrap=True, end="")


class StageBar(Static):
    """The stages of the road, those behind ticked off, the present one between brackets."""

    DEFAULT_CSS = """
    StageBar { height: 1; }
    """

    def __init__(self, stage: str, state: RunState | None = None, *, work: str = "upgrade") -> None:
        super().__init__(markup=False)
        self._stage = _BESIDE.get(stage, stage)
        back = stage == "rollback" or (
            stage == "done"
            and state is not None
            and state.phase is not None
            and state.phase.name == "rollback"
        )
        road = (
            (_MIGRATION.get(name, (name, title)) for name, title in STAGES) if work == "migration" else STAGES
        )
        self._road = tuple(_BACK.get(name, (name, title)) if back else (name, title) for name, title in road)
        well = back or state is None or state.outcome in WELL
        self._left_out = "" if well else "verify"

    def render(self) -> Text:
        """Give the line."""
        names = [name for name, _ in self._road]
        here = names.index(self._stage) if self._stage in names else -1
        line = Text(" ", no_wrap=True, end="")
        for index, (name, title) in enumerate(self._road):
            if index == here:
                line.append(f"[{title}]", "bold cyan")
            elif index < here and name != self._left_out:
                line.append(f"{signs.DONE}{title}", "green")
            else:
                line.append(title, "bright_black")
            line.append("  " if self.size.width >= 90 else " ")
        return line


class StakesLine(Static):
    """What stopping now would mean; above the keys on every screen."""

    DEFAULT_CSS = """
    StakesLine { height: 1; padding: 0 1; text-style: bold; }
    """

    def __init__(self, text: str) -> None:
        super().__init__(Text(text), markup=False, id="stakes")

    def say(self, text: str) -> None:
        """Show another sentence."""
        self.update(Text(text, no_wrap=True, overflow="ellipsis"))


class KeysLine(Footer):
    """The keys that do something now. It is put together anew only when they are others: a run that goes asks for it ten times a second."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._known: list[tuple[str, str, bool]] | None = None

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Hear that the keys may have changed."""
        if screen is self.screen and screen.app.app_focus:
            known = [
                (one.binding.key, one.binding.description, one.enabled)
                for one in screen.active_bindings.values()
                if one.binding.show
            ]
            if known == self._known:
                return
            self._known = known
        super().bindings_changed(screen)
