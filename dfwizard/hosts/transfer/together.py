"""Asking both hosts at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Later(Generic[T]):
    """The outcome of `work`, which begins now in a thread of its own."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._found: list[T] = []
        self._error: BaseException | None = None

        def run() -> None:
            try:
                self._found.append(work())
            except BaseException as error:
                self._error = error

        self._thread = threading.Thread(target=run, name="asking beside", daemon=True)
        self._thread.start()

    def result(self) -> T:
        """Wait for it; raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found[0]


def both(one: Callable[[], T], other: Callable[[], T]) -> tuple[T, T]:
    """Give the outcomes of two works that are done at the same time."""
    first = Later(one)
    second = other()
    return first.result(), second
