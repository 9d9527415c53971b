"""Counting journeys to a server: how many questions one after the other an answer has needed, however quick each of them was.

A question counts one more than all that its thread knew when it was put: what it had asked itself, what whoever started it had asked,
and what the results of other threads had needed. So the number depends neither on the clock nor on how many shells there are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from dfwizard.hosts.ssh.worker import Worker


@dataclass
class Journeys:
    """What has been counted: the `deepest` chain of questions that waited for each other, and all `questions`."""

    deepest: int = 0
    questions: int = 0


def counted(monkeypatch: pytest.MonkeyPatch) -> Journeys:
    """Count from now on. What is asked in a plain thread, by nobody's order, begins a chain of its own."""
    journeys, here, lock = Journeys(), threading.local(), threading.Lock()
    begin, submit, result = Worker.begin, ThreadPoolExecutor.submit, Future.result

    def depth() -> int:
        return int(getattr(here, "depth", 0))

    def begins(self: Worker, body: bytes, **how: Any) -> None:
        here.depth = depth() + 1
        with lock:
            journeys.questions += 1
            journeys.deepest = max(journeys.deepest, here.depth)
        begin(self, body, **how)

    def submits(self: ThreadPoolExecutor, work: Callable[..., Any], *args: Any, **how: Any) -> Future[Any]:
        reached = [depth()]

        def counting() -> Any:
            (here.depth,) = reached
            try:
                return work(*args, **how)
            finally:
                reached[0] = depth()

        future: Future[Any] = submit(self, counting)
        future.__dict__["reached"] = reached
        return future

    def results(self: Future[Any], timeout: float | None = None) -> Any:
        value = result(self, timeout)
        here.depth = max(depth(), *self.__dict__.get("reached", (0,)))
        return value

    monkeypatch.setattr(Worker, "begin", begins)
    monkeypatch.setattr(ThreadPoolExecutor, "submit", submits)
    monkeypatch.setattr(Future, "result", results)
    return journeys
