"""Starting the runner apart from the terminal, and learning whether it has begun.

Where systemd runs and dfwizard is root the runner is a transient unit, so that it does not die with the service or session it
was started from; elsewhere it gets a session of its own. Either way it reports through a file in the run's directory whose
name only this launch knows.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfwizard.errors import BlockedError, DfwizardError, HeldError, UsageError
from dfwizard.execution.answers import Offer, take_answers
from dfwizard.execution.attach import alive
from dfwizard.execution.store import Run
from dfwizard.instance.secret_names import is_secret

START_SECONDS = 30.0
"""Longest time from the start of the process to its report."""

TOKEN_VARIABLE = "DFWIZARD_START"  # noqa: S105
MARK_VARIABLE = "DFWIZARD_RUN"

_SYSTEMD = Path("/run/systemd/system")
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TMPDIR",
    "SUDO_USER",
    "PYTHONPATH",
    "SSH_AUTH_SOCK",
)
_KINDS: dict[str, type[DfwizardError]] = {
    kind.__name__: kind for kind in (HeldError, BlockedError, UsageError)
}
_POLL = 0.02
_TOKEN = re.compile(r"[0-9a-f]{16}")
_LEAST_SPACE = 1 << 20  # more than the journal's reserve, which a full disk has released
"""Bytes that a runner needs for its report, its socket and the first records of its journal."""


@dataclass(frozen=True)
class StartReport:
    """The runner's side: tells the launcher, where there is one, that it has begun or why not."""

    run: Run
    token: str | None

    @classmethod
    def expected(cls, run: Run) -> StartReport:
        """Give the report that this process's launcher waits for; the environment no longer names it afterwards."""
        token = os.environ.pop(TOKEN_VARIABLE, "")
        os.environ.pop(MARK_VARIABLE, None)  # the runner must not be taken for one of its own strays
        if not _TOKEN.fullmatch(token):
            return cls(run, None)
        with contextlib.suppress(OSError, ValueError):
            file = run.directory / _environment_name(token)
            os.environ.update(json.loads(file.read_bytes()))
            file.unlink()
        return cls(run, token)

    def started(self) -> None:
        """Tell that the run is under way."""
        self._tell({"ok": True})

    def refused(self, error: DfwizardError) -> None:
        """Tell why the run cannot begin."""
        self._tell(
            {"kind": type(error).__name__, "what": error.what, "where": error.where, "remedy": error.remedy}
        )

    def _tell(self, report: dict[str, Any]) -> None:
        if self.token is not None:
            with contextlib.suppress(
                DfwizardError
            ):  # the launcher sees the end of the process then, and the log
                self.run.write(_report_name(self.token), json.dumps(report))


def launch(run: Run, argv: Sequence[str], *, answers: bytes = b"", timeout: float = START_SECONDS) -> None:
    """Start `argv`, which calls `runner.serve` for `run`, and return once it has begun; it lives on by itself.

    `answers` are for the runner's `handed_over`; they reach it through a pipe.

    Raises:
        HeldError, BlockedError, UsageError: the runner refused to begin, for the reason given.
        DfwizardError: it did not begin within `timeout` seconds; the message has the end of its log.
    """
    token = secrets.token_hex(8)
    report = run.directory / _report_name(token)
    offer: Offer | None = None
    try:
        offer = Offer(run.directory / _pipe_name(token), answers) if answers else None
        has_ended = _start(run, argv, {TOKEN_VARIABLE: token})
    except OSError as error:
        if offer is not None:
            offer.withdraw()
        raise DfwizardError(
            f"the runner cannot be started: {error.strerror}",
            where=str(argv[0] if argv else ""),
            remedy="See that dfwizard is installed whole and that there is room on the disk.",
        ) from None
    deadline = time.monotonic() + timeout
    try:
        while not report.exists():
            if offer is not None:
                offer.hand_over()
            if _is_full(run.directory) and _has_begun(run):
                return  # there was no room for its report
            if has_ended() and not report.exists():
                raise _silent(run, "the runner ended at once")
            if time.monotonic() > deadline:
                raise _silent(run, f"the runner did not begin within {timeout:g} seconds")
            time.sleep(_POLL)
        data = json.loads(report.read_bytes())
    finally:
        if offer is not None:
            offer.withdraw()
        for file in (report, run.directory / _environment_name(token)):
            with contextlib.suppress(OSError):
                file.unlink()
    if not data.get("ok"):
        kind = _KINDS.get(data["kind"], DfwizardError)
        raise kind(data["what"], where=data["where"], remedy=data["remedy"])


def handed_over(run: Run) -> bytes:
    """Give the `answers` of this process's launcher; empty where there is none. To be called once, before `serve`.

    Raises:
        DfwizardError: they did not come.
    """
    token = os.environ.get(TOKEN_VARIABLE, "")
    return take_answers(run.directory / _pipe_name(token)) if _TOKEN.fullmatch(token) else b""


def _start(run: Run, argv: Sequence[str], variables: dict[str, str]) -> Callable[[], bool]:
    """Start the process; give what tells whether it has ended."""
    log = os.open(run.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode=0o600)
    try:
        if _SYSTEMD.is_dir() and os.geteuid() == 0 and shutil.which("systemd-run"):
            unit = f"dfwizard-{run.id}-{secrets.token_hex(2)}.service"
            if _succeeds(_unit_command(run, unit, argv, variables)):
                return lambda: not _succeeds(["systemctl", "is-active", "--quiet", unit])
        environment = {**os.environ, **variables}
        environment.pop(MARK_VARIABLE, None)
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    finally:
        os.close(log)
    # A caller that lives longer than the runner (the wizard) must not be left with a zombie.
    waiting = threading.Thread(target=child.wait, name=f"runner {child.pid}", daemon=True)
    waiting.start()
    return lambda: not waiting.is_alive()


def _succeeds(argv: Sequence[str]) -> bool:
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def _unit_command(run: Run, unit: str, argv: Sequence[str], variables: dict[str, str]) -> list[str]:
    """Give the call of systemd-run; what every account could read in it or in the unit goes by a file of the run's instead.

    Raises:
        DfwizardError: that file cannot be written.
    """
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(("DFWIZARD_", "XDG_", "COMPOSER_"))
    }
    passed_on.pop(MARK_VARIABLE, None)
    hidden = {name: passed_on.pop(name) for name in tuple(passed_on) if _is_hidden(name)}
    if hidden:
        run.write(_environment_name(variables[TOKEN_VARIABLE]), json.dumps(hidden))
    return [
        "systemd-run",
        f"--unit={unit}",
        "--collect",
        "--quiet",
        "--working-directory=/",
        "--property=KillMode=mixed",  # TERM goes to the runner alone, which then ends its command in good order
        f"--property=StandardOutput=append:{run.log}",
        f"--property=StandardError=append:{run.log}",
        *(f"--setenv={name}={value}" for name, value in {**passed_on, **variables}.items()),
        "--",
        *(word.replace("$", "$$") for word in argv),  # systemd expands variables in the command line
    ]


def _has_begun(run: Run) -> bool:
    with contextlib.suppress(DfwizardError):
        return alive(run, run.state().runner)
    return False


def _is_hidden(name: str) -> bool:
    return name == "COMPOSER_AUTH" or is_secret(name)


def _environment_name(token: str) -> str:
    return f"environment-{token}.json"


def _report_name(token: str) -> str:
    return f"start-{token}.json"


def _pipe_name(token: str) -> str:
    return f"answers-{token}"


def _silent(run: Run, what: str) -> DfwizardError:
    try:
        lines = run.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    except OSError:
        lines = []
    if not lines and _is_full(run.directory):
        return DfwizardError(
            f"{what}: there is no space left on the disk of {run.directory}",
            where=run.id,
            remedy="Make room there, then try again; the run is as it was.",
        )
    shown = "\n".join(lines) or f"Its log is empty: {run.log}"
    return DfwizardError(what, where=run.id, remedy=f"The end of its log:\n{shown}")


def _is_full(directory: Path) -> bool:
    try:
        found = os.statvfs(directory)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < _LEAST_SPACE
