"""Where runs live: one directory for each under the state directory, private to the account that made it."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from dfwizard import __version__, codec
from dfwizard.errors import DfwizardError, UsageError
from dfwizard.execution import durable, journal, state
from dfwizard.execution.on_failure import OnFailure
from dfwizard.hosts import holder
from dfwizard.hosts.naming import located
from dfwizard.instance.facts import Facts
from dfwizard.planning.plan import Plan

SCHEMA = 1
"""Version of run.json; a reader refuses a higher one."""

RUN_ID = holder.RUN_ID
"""What a run's id looks like."""


@dataclass(frozen=True)
class RunRecord:
    """What is fixed when a run is made (run.json).

    `kind` is upgrade or rollback; `frm`/`to` releases; `created_at` ISO 8601 in UTC; `accepted` the ids of overridden findings;
    `of` the run that a rollback takes back; `versions` what was in use (dfwizard, python, ...).
    """

    id: str
    kind: str
    host: str
    instance: str
    frm: str
    to: str
    created_at: str
    created_by: str
    on_failure: OnFailure = OnFailure.AUTO
    accepted: tuple[str, ...] = ()
    of: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def place(self) -> str:
        """Give the instance as it is named on the command line, with its host unless that is this machine."""
        return located(self.host, self.instance)


@dataclass(frozen=True)
class Run:
    """A run's directory and what is where in it. Nothing is read before it is asked for."""

    directory: Path

    @property
    def id(self) -> str:
        """Give the run's id."""
        return self.directory.name

    @property
    def journal(self) -> Path:
        """Give the journal's path."""
        return self.directory / "journal.jsonl"

    @property
    def output(self) -> Path:
        """Give the directory of the steps' output files."""
        return self.directory / "output"

    @property
    def lock(self) -> Path:
        """Give the file that the run's runner holds."""
        return self.directory / "lock"

    @property
    def socket(self) -> Path:
        """Give the socket on which the runner takes decisions."""
        return self.directory / "socket"

    @property
    def log(self) -> Path:
        """Give the file that takes whatever the runner itself prints."""
        return self.directory / "runner.log"

    @property
    def comparison(self) -> Path:
        """Give the file with what a rollback found when it compared with the time before; it is there once one has compared."""
        return self.directory / "comparison.json"

    def fingerprint(self, name: str) -> Path:
        """Give the path of the fingerprint of that name."""
        return self.directory / f"fingerprint-{name}.json"

    def record(self) -> RunRecord:
        """Read run.json.

        Raises:
            DfwizardError: it is absent, damaged, or of a newer dfwizard.
        """
        return _load(RunRecord, self.directory / "run.json")

    def plan(self, name: str = "plan.json") -> Plan:
        """Read a plan of the run; see `record` for errors."""
        return _load(Plan, self.directory / name)

    def plans(self) -> dict[str, Plan]:
        """Read every plan of the run, by file name."""
        names = ["plan.json", *sorted(path.name for path in self.directory.glob("rollback-*.json"))]
        return {name: self.plan(name) for name in names}

    def facts(self) -> Facts:
        """Read the facts that the plan was made from; see `record` for errors."""
        return _load(Facts, self.directory / "facts.json")

    def state(self) -> state.RunState:
        """Give the state of the run as its journal tells it.

        Raises:
            DfwizardError: the journal or a plan cannot be read.
        """
        return state.reduce(journal.read(self.journal).records, self.plans())

    def write(self, name: str, text: str) -> Path:
        """Put `text` into the file `name` of the run's directory, atomically and with mode 0600.

        Raises:
            DfwizardError: it cannot be written.
        """
        path = self.directory / name
        try:
            durable.write_file(path, text.encode("utf-8"))
        except OSError as error:
            raise _unwritable(path, error) from None
        return path


def state_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Give where dfwizard keeps its state: $DFWIZARD_STATE_DIR, /var/lib/dfwizard for root, else the XDG state directory."""
    if environ.get("DFWIZARD_STATE_DIR"):
        return Path(environ["DFWIZARD_STATE_DIR"]).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/dfwizard")
    xdg = environ.get("XDG_STATE_HOME", "")
    if xdg.startswith("/"):  # the specification tells to ignore relative ones
        return Path(xdg) / "dfwizard"
    return Path(environ.get("HOME") or pwd.getpwuid(os.geteuid()).pw_dir) / ".local/state/dfwizard"


class Store:
    """The runs under one state directory."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or state_directory()

    @property
    def runs(self) -> Path:
        """Give the directory that holds the runs' directories."""
        return self.directory / "runs"

    def create(
        self,
        plan: Plan,
        facts: Facts | None,
        *,
        host: str,
        on_failure: OnFailure = OnFailure.AUTO,
        accepted: tuple[str, ...] = (),
        of: str | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> Run:
        """Make a run's directory, whole or not at all.

        Raises:
            UsageError: the state directory cannot be used.
            DfwizardError: it cannot be written.
        """
        try:
            for directory in (self.directory, self.runs):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                _require_private(directory)
            run = Run(self.runs / _new_id())
            record = RunRecord(
                id=run.id,
                kind=plan.kind,
                host=host,
                instance=plan.instance,
                frm=plan.frm,
                to=plan.to,
                created_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
                created_by=_account(),
                on_failure=on_failure,
                accepted=accepted,
                of=of,
                versions={"dfwizard": __version__, **(versions or {})},
            )
            documents: dict[str, object] = {"run.json": record, "plan.json": plan}
            if facts is not None:
                documents["facts.json"] = facts
            self._lay_out(run, documents)
        except OSError as error:
            raise _unwritable(self.directory, error) from None
        return run

    def _lay_out(self, run: Run, documents: Mapping[str, object]) -> None:
        aside = Run(self.runs / f".new-{run.id}")
        aside.directory.mkdir(mode=0o700)
        try:
            aside.output.mkdir(mode=0o700)
            durable.write_file(aside.lock, b"")
            for name, document in documents.items():
                durable.write_file(aside.directory / name, codec.dumps(document, indent=1).encode("utf-8"))
            aside.directory.rename(run.directory)
        except BaseException:
            shutil.rmtree(aside.directory, ignore_errors=True)
            raise
        durable.sync_directory(self.runs)

    def list(self) -> tuple[Run, ...]:
        """Give the runs, the newest first. Directories of somebody else, or that others may write in, are left out."""
        try:
            names = sorted((path.name for path in self.runs.iterdir()), reverse=True)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise UsageError(
                f"the runs cannot be listed: {error.strerror}",
                where=str(self.runs),
                remedy="Run dfwizard as the account that made them, or set DFWIZARD_STATE_DIR.",
            ) from None
        runs = (Run(self.runs / name) for name in names if RUN_ID.fullmatch(name))
        return tuple(run for run in runs if _is_ours(run.directory))

    def find(self, name: str) -> Run:
        """Give the run of that id, of an id that begins so, or the `latest`.

        Raises:
            UsageError: there is none, or more than one, or it belongs to somebody else.
        """
        runs = self.list()
        if name == "latest":
            matching = runs[:1]
        else:
            matching = tuple(run for run in runs if name and run.id.startswith(name))
        if len(matching) == 1:
            return matching[0]
        if matching:
            shown = ", ".join(run.id for run in matching[:5])
            raise UsageError(
                f"{len(matching)} runs begin with {name!r}: {shown}", remedy="Give more of the id."
            )
        if RUN_ID.fullmatch(name) and (self.runs / name).is_dir():
            raise UsageError(
                "the run belongs to another account, or others may write in its directory",
                where=str(self.runs / name),
                remedy="Run dfwizard as that account; a run's directory has mode 0700.",
            )
        raise UsageError(
            "there is no run yet" if name == "latest" else f"there is no run {name!r}",
            where=str(self.runs),
            remedy="See `dfwizard runs` for the runs there are.",
        )


def discard_unstarted(run: Run) -> bool:
    """Remove a run that never began (it has no journal); tell whether it was removed."""
    if run.journal.exists():
        return False
    shutil.rmtree(run.directory, ignore_errors=True)
    return True


def require_ours(directory: Path) -> None:
    """Refuse a run's directory that somebody else could have prepared.

    Raises:
        UsageError: it is not a directory, belongs to another account, or others may write in it.
    """
    if not _is_ours(directory):
        raise UsageError(
            "this is not a directory of a run of yours, or others may write in it",
            where=str(directory),
            remedy="See `dfwizard runs`; run dfwizard as the account that made the run. A run's directory has mode 0700.",
        )


def _is_ours(directory: Path) -> bool:
    try:
        info = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid() and not info.st_mode & 0o022


def _require_private(directory: Path) -> None:
    link, info = directory.lstat(), directory.stat()
    planted = stat.S_ISLNK(link.st_mode) and link.st_uid not in (0, os.geteuid())
    if planted or info.st_uid != os.geteuid() or info.st_mode & 0o022:
        raise UsageError(
            "the state directory belongs to another account, or others may write in it",
            where=str(directory),
            remedy="Give it to this account with mode 0700, or name another one in DFWIZARD_STATE_DIR.",
        )


def _new_id() -> str:
    return f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _account() -> str:
    """Give the account at work; behind sudo also who called it."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = str(os.geteuid())
    caller = os.environ.get("SUDO_USER")
    return f"{caller} as {name}" if caller and caller != name else name


def _load(kind: type[codec.T], path: Path) -> codec.T:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DfwizardError(
            f"a file of the run cannot be read: {error.strerror}",
            where=str(path),
            remedy="See `dfwizard runs` for the runs that are whole.",
        ) from None
    return codec.loads(kind, text, where=str(path))


def _unwritable(path: Path, error: OSError) -> DfwizardError:
    return DfwizardError(
        f"the run's files cannot be written: {error.strerror}",
        where=str(path),
        remedy="Make room, or name another place in DFWIZARD_STATE_DIR.",
    )
