"""An executor for single steps, without a runner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from dfwizard.execution import events as ev
from dfwizard.execution.executor import Executor, Interruption, StepContext
from dfwizard.execution.lock import Lock
from dfwizard.execution.redaction import Redactor
from dfwizard.execution.state import StepState
from dfwizard.execution.store import Run
from dfwizard.hosts.base import Host
from dfwizard.hosts.local import LocalHost
from dfwizard.planning.plan import Execute, Plan, Step


@dataclass
class Rig:
    """An executor that keeps its events in a list; its commands run on `host`."""

    run: Run
    actions: dict[str, Callable[[StepContext, object], None]] = field(default_factory=dict)
    events: list[ev.Event] = field(default_factory=list)
    redactor: Redactor = field(default_factory=Redactor)
    full: bool = False
    host: Host = field(default_factory=LocalHost)

    def attempt(self, step: Step) -> bool:
        executor = Executor(
            self.host,
            self.actions,
            self.run,
            self.events.append,
            redactor=self.redactor,
            hold=Lock(),
            interruption=Interruption(),
            full=lambda: self.full,
        )
        plan = Plan("upgrade", "/i", "1", "2", "/b", "o", self.host.user, (), (step,))
        return executor.attempt(plan, step, StepState(step.id), "output/x.log")

    def command(self, script: str, **changes: object) -> bool:
        action = replace(Execute(("sh", "-c", script)), **changes)  # type: ignore[arg-type]
        return self.attempt(Step("x", "X", "test", action))

    @property
    def output(self) -> bytes:
        return (self.run.output / "x.log").read_bytes()

    @property
    def failure(self) -> ev.StepFailed:
        event = self.events[-1]
        assert isinstance(event, ev.StepFailed)
        return event
