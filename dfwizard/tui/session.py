"""What the person has chosen and what was found out, from the first screen to the last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dfwizard.execution.on_failure import OnFailure
from dfwizard.planning.road import USUAL, Course

if TYPE_CHECKING:
    from dfwizard.controller import Prospect
    from dfwizard.execution.store import Run
    from dfwizard.instance.facts import Facts
    from dfwizard.migrating import MigrationProspect
    from dfwizard.tui.carrying import Carrying


@dataclass(frozen=True)
class Demo:
    """What is said on every screen of a demonstration: the scenario's `title`, and its `story` on the first screen and in the help.

    `attach` is the command that comes back to its sandbox.
    """

    title: str
    story: str
    attach: str = ""


@dataclass
class Session:
    """One visit: screens read it and write their own answers into it; nothing here is ever a secret but what `carrying` keeps to itself.

    `host` is the machine whose instances are looked for ("" this one); `path` where the instance is, with its host.
    `path`, `php`, `url`, `backup_dir`, `admin_ui` and `target` are wishes as on the command line; `facts` and `prospect` what came of them;
    `course` is how the road is taken; `acknowledged` the warnings read one by one; `accepted` the blockers overridden by name;
    `run` the run being watched.
    `work` is what the visit, or that run, is about: `upgrade` or `migration`. Of a migration `path` and `facts` are the target's, and
    `carrying` has its source and what goes over.
    """

    host: str = ""
    path: str = ""
    php: str | None = None
    url: str | None = None
    backup_dir: str | None = None
    admin_ui: str | None = None
    target: str = ""
    facts: Facts | None = None
    prospect: Prospect | MigrationProspect | None = None
    carrying: Carrying | None = None
    work: str = "upgrade"
    acknowledged: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    on_failure: OnFailure = OnFailure.ASK
    course: Course = USUAL
    run: Run | None = None
    accept_new_host_key: bool = False

    def forget_findings(self) -> None:
        """Drop what was said of findings: they are to be looked at again."""
        self.prospect = None
        self.acknowledged.clear()
        self.accepted.clear()

    def begin_at(self, path: str) -> None:
        """Take up another instance."""
        self.path, self.facts, self.target, self.run = path, None, "", None
        self.carrying, self.work, self.course = None, "upgrade", Course(licence=self.course.licence)
        self.forget_findings()

    def begin_on(self, host: str) -> None:
        """Take up another machine."""
        self.host = host
        self.begin_at("")
