"""What a step did to the tree is put on the disk before the journal says that it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from dfwizard.execution import events as ev
from dfwizard.execution.executor import Executor, Interruption
from dfwizard.execution.lock import Lock
from dfwizard.execution.redaction import Redactor
from dfwizard.execution.state import StepState
from dfwizard.execution.store import Run, Store
from dfwizard.hosts.base import OnOutput
from dfwizard.hosts.command import Command, Pipeline, Result
from dfwizard.hosts.local import LocalHost
from dfwizard.planning.plan import Execute, Plan, Step, Undo


@dataclass(frozen=True)
class Watched(LocalHost):
    """This machine, telling in `order` what was run."""

    order: list[str] = field(default_factory=list)

    def run(
        self,
        work: Command | Pipeline,
        *,
        on_output: OnOutput | None = None,
        keep: int = 1 << 20,
        check: bool = True,
        mark: str | None = None,
    ) -> Result:
        assert isinstance(work, Command)
        self.order.append(" ".join(work.argv))
        return super().run(work, on_output=on_output, keep=keep, check=check, mark=mark)


@dataclass
class Site:
    """An instance with a step that changes it, and all that happens in order."""

    instance: Path
    run: Run
    step: Step
    events: list[ev.Event] = field(default_factory=list)

    def attempt(self) -> list[str]:
        host = Watched()
        plan = replace(self.run.plan(), steps=(self.step,))
        executor = Executor(
            host,
            {},
            self.run,
            self._noting(host),
            redactor=Redactor(),
            hold=Lock(),
            interruption=Interruption(),
            full=lambda: False,
        )
        executor.attempt(plan, self.step, StepState(self.step.id), "output/x.log")
        return host.order

    def _noting(self, host: Watched) -> Callable[[ev.Event], None]:
        def append(event: ev.Event) -> None:
            self.events.append(event)
            host.order.append(event.KIND)

        return append


@pytest.fixture
def site(tmp_path: Path) -> Site:
    instance = tmp_path / "-it's here"
    instance.mkdir()
    step = Step("x", "X", "test", Execute(("touch", f"{instance}/made")), undo=Undo.TREE)
    plan = Plan("upgrade", str(instance), "1", "2", "/b", "o", LocalHost().user, (), (step,))
    return Site(instance, Store(tmp_path / "state").create(plan, None, host="localhost"), step)


def test_a_step_that_changed_the_tree_is_synced_before_it_is_done(site: Site) -> None:
    assert site.attempt() == [
        "step-started",
        f"touch {site.instance}/made",
        f"sync -f -- {site.instance}",
        "step-finished",
    ]


def test_a_sync_that_fails_is_noted_and_the_step_is_done(site: Site) -> None:
    site.step = replace(site.step, action=Execute(("rmdir", str(site.instance))))
    site.attempt()
    assert [event.KIND for event in site.events] == ["step-started", "note", "step-finished"]
    note = site.events[1]
    assert isinstance(note, ev.Note)
    assert "may not be on the disk yet" in note.text
    assert not note.warning


@pytest.mark.parametrize(
    "changes", [{"undo": Undo.NOTHING}, {"undo": Undo.DATABASE}, {"action": Execute(("false",))}]
)
def test_a_step_that_failed_or_left_the_tree_alone_is_not_synced(
    site: Site, changes: dict[str, object]
) -> None:
    site.step = replace(site.step, **changes)  # type: ignore[arg-type]
    assert not any(line.startswith("sync") for line in site.attempt())
