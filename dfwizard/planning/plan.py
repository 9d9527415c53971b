"""The plan: an ordered list of steps, all data, JSON in and out. What is shown is what runs.

A step's action is a host command or one of a few named actions. Named actions also carry the commands they run
(`shows`), made by the
same functions that run them, so that a plan, its shell export and the executor cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from dfwizard.planning.answers import RecordAnswers
from dfwizard.planning.moves import Move, Side

SCHEMA = 1
"""Version of the plan's JSON form; a reader refuses a higher one."""


class Undo(str, Enum):
    """What taking a step back requires. The rollback's plan is made from the set of these over the steps begun."""

    NOTHING = "nothing"
    MAINTENANCE = "maintenance"
    TREE = "tree"
    DATABASE = "database"
    SERVICES = "services"
    PHP = "php"


@dataclass(frozen=True)
class Execute:
    """Run one program; its output goes to the step's output file.

    `refuse` holds regular expressions: output that matches one fails the step even on exit code 0 (Laravel 6 exits
    0 when it
    cancels itself; cache:clear exits 0 when it failed). `stop_on` does the same, and ends the command as soon as such a
    line has come: nothing that it does afterwards can help. `mend` is run first, as the same user, when the step is
    repeated after an
    interruption (git's lock files, say).
    """

    KIND: ClassVar[str] = "command"
    argv: tuple[str, ...]
    cwd: str | None = None
    user: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    expect: tuple[int, ...] = (0,)
    refuse: tuple[str, ...] = ()
    mend: tuple[str, ...] = ()
    stop_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class EditDotenv:
    """Set keys in the instance's `.env`, byte-preserving; None removes a key. `diff` is what is shown (secrets masked).

    `renames` gives a new key the value that an old one has in the file when the step runs: it may be secret, and stands nowhere else.
    """

    KIND: ClassVar[str] = "edit-dotenv"
    changes: Mapping[str, str | None]
    diff: str
    renames: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """Give the keys that are set or removed."""
        return (*self.changes, *self.renames)

    def on(self, values: Mapping[str, str | None]) -> dict[str, str | None]:
        """Give all changes of a file that holds `values`."""
        renamed = {new: values[old] for new, old in self.renames.items() if old in values}
        return {**self.changes, **renamed}


@dataclass(frozen=True)
class TakeBackup:
    """Save code tree, `.env` and database into `directory`; `shows` are the shell lines that do it."""

    KIND: ClassVar[str] = "take-backup"
    directory: str
    shows: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProveBackup:
    """Restore the database of the backup in `directory` into a scratch database, compare, check archive and APP_KEY."""

    KIND: ClassVar[str] = "prove-backup"
    directory: str
    shows: tuple[str, ...] = ()


@dataclass(frozen=True)
class TakeFingerprint:
    """Record the instance's fingerprint under `name` in the run."""

    KIND: ClassVar[str] = "take-fingerprint"
    name: str


@dataclass(frozen=True)
class CompareFingerprint:
    """Compare the instance with the fingerprint `name` of the run; any difference fails the step."""

    KIND: ClassVar[str] = "compare-fingerprint"
    name: str


@dataclass(frozen=True)
class ShowLosses:
    """Record what users wrote since the run ended (tables, rows): a rollback takes it away. Never fails for that."""

    KIND: ClassVar[str] = "show-losses"


@dataclass(frozen=True)
class RestoreTree:
    """Put the code tree of the backup in `directory` in the instance's place: by rename-aside, else content exchanged.

    `token` is part of the names of what is put aside, and new for each rollback.
    """

    KIND: ClassVar[str] = "restore-tree"
    directory: str
    shows: tuple[str, ...] = ()
    token: str = ""


@dataclass(frozen=True)
class RestoreDatabase:
    """Empty the system database and fill it from the backup in `directory`."""

    KIND: ClassVar[str] = "restore-database"
    directory: str
    shows: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClearAside:
    """Remove what the exchange of the tree put aside (`token` as in `RestoreTree`), once the fingerprint was identical."""

    KIND: ClassVar[str] = "clear-aside"
    token: str = ""


@dataclass(frozen=True)
class Verify:
    """Compare the instance with the facts recorded before.

    `release` is the tag expected; `final` false at a gate between hops. `php` is the program to ask the instance with, "" for the one
    of before: after a person has switched PHP that one cannot run the new code.
    """

    KIND: ClassVar[str] = "verify"
    release: str
    final: bool = True
    php: str = ""


@dataclass(frozen=True)
class WaitForPerson:
    """Look whether the command line (`php`, run as the owner) and the web server run one of the PHP minors in `window`; else fail.

    A person switches it, as in `shows`, and has it looked at again; nothing is changed by looking. `web`: the web server's PHP was
    known before, and must be seen now. `before` is the minor that a rollback waits for, switched back as in `back`, with `unit` the
    service of php-fpm then ("": not known).
    """

    KIND: ClassVar[str] = "wait-for-person"
    php: str
    window: tuple[str, ...]
    web: bool
    before: str
    shows: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    unit: str = ""


Action = (
    Execute
    | EditDotenv
    | TakeBackup
    | ProveBackup
    | TakeFingerprint
    | CompareFingerprint
    | ShowLosses
    | RestoreTree
    | RestoreDatabase
    | ClearAside
    | RecordAnswers
    | Verify
    | WaitForPerson
    | Move
)


@dataclass(frozen=True)
class Step:
    """One step of a plan.

    `id` is unique in the plan; `reason` one sentence; `guide` the section of the official guide it comes from (""
    where the guide has
    none); `departs` says how and why it departs from the guide's letter, "" where it does not. `undo` is what
    taking it back
    requires, in words in `undo_text`. `done_when` is a command whose success (exit code 0) means that the step is
    already done;
    a failed step that is not `required` is recorded as a warning and the run goes on; `timeout` seconds;
    `repeatable` whether it may simply be run again after an interruption; `skippable` whether a
    person may
    skip it; `hop` the index of the hop it belongs to (-1: the whole run); `weight` its expected seconds, for
    progress; `side` the host it works on.
    """

    id: str
    title: str
    reason: str
    action: Action
    guide: str = ""
    departs: str = ""
    undo: Undo = Undo.NOTHING
    undo_text: str = "Nothing to undo."
    done_when: Execute | None = None
    timeout: float = 600.0
    repeatable: bool = True
    skippable: bool = False
    required: bool = True
    hop: int = -1
    weight: float = 1.0
    side: Side = Side.TARGET


@dataclass(frozen=True)
class Hop:
    """One leg of the road: from a release to the next stop.

    `commit` is what the tag stood for when the plan was made; `php` the PHP minors that the target's packages
    allow; `method` and `notes` the
    guide's row; `warnings` what the rules know of the target. `gate` are the PHP minors one of which a person has to switch to before
    this leg; empty: the PHP of the leg before will do.
    """

    frm: str
    to: str
    commit: str
    php: tuple[str, ...]
    method: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    gate: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All that will be done, in order, with everything decided that can be decided before.

    `kind` is `upgrade`, `migration` or `rollback`; `instance` the tree's path; `frm`/`to` releases (tags); `backup` the backup's
    directory; `owner` the
    account that owns the tree; `me` the account dfwizard runs as on the host (it decides runuser or sudo).

    Of a migration the instance is the target, on `host`; `source` is the source's path on `source_host`, where dfwizard runs as
    `source_me` and saves the source into `source_backup`; `carried` is where that lies on the target's host.
    """

    kind: str
    instance: str
    frm: str
    to: str
    backup: str
    owner: str
    me: str
    hops: tuple[Hop, ...]
    steps: tuple[Step, ...]
    schema: int = SCHEMA
    host: str = ""
    source_host: str = ""
    source: str = ""
    source_me: str = ""
    source_backup: str = ""
    carried: str = ""

    @property
    def answers(self) -> RecordAnswers | None:
        """Give what the API is asked before and after, None where nobody wished that."""
        return next((step.action for step in self.steps if isinstance(step.action, RecordAnswers)), None)

    def step(self, step_id: str) -> Step:
        """Give the step of that id.

        Raises:
            KeyError: the plan has no such step.
        """
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)
