"""Which instance is an end of the migration: found ones of a machine, another path, another server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from dfwizard.tui.screens.dialogs import WIDTH, Dialog
from dfwizard.tui.screens.migration_rows import choices
from dfwizard.tui.widgets.rowlist import RowList

if TYPE_CHECKING:
    from dfwizard.errors import DfwizardError
    from dfwizard.instance.discover import Found

Search = Callable[[Callable[[tuple["Found", ...]], None], Callable[["DfwizardError"], None]], None]
"""Looks for instances, then calls the one with what it found, or the other (why the machine cannot be looked at)."""


class EndList(RowList):
    """What can be chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "Choose")]


class EndDialog(Dialog[str]):
    """Closes with the id of the row that was chosen (see `migration_rows.choices`)."""

    def __init__(self, title: str, host: str, search: Search, *, taken: tuple[str, ...] = ()) -> None:
        super().__init__(title, ["Looking changes nothing. Up and Down move, Enter chooses."])
        self._host, self._search, self._taken = host, search, taken

    def more(self) -> ComposeResult:
        """Give the list."""
        yield EndList(choices(self._host, None, "", WIDTH - 4), id="ends")

    def on_mount(self) -> None:
        """Look for instances."""
        self.query_one(EndList).focus()
        self._search(self._take, self._refuse)

    def _take(self, found: tuple[Found, ...]) -> None:
        self._fill(found, "")
        if found and self.is_attached:
            free = [one for one in found if one.path not in self._taken]
            self.query_one(EndList).move_to(f"instance:{(free or found)[0].path}")

    def _refuse(self, error: DfwizardError) -> None:
        self._fill((), str(error))

    def _fill(self, found: tuple[Found, ...], problem: str) -> None:
        if self.is_attached:
            made = choices(self._host, found, problem, WIDTH - 4, without=self._taken)
            self.query_one(EndList).set_rows(made)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """Give what was chosen."""
        event.stop()
        self.dismiss(event.row_id)
