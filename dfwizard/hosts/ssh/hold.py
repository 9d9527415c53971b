"""The lock on an instance of a server: a process there holds flock on its directory, as a dfwizard on that server would itself.

It outlives a lost link. A thread renews its lease; when nobody has done so for a quarter of an hour and nothing of the run is alive
there, it ends. The same run takes it over when it comes back.
"""

from __future__ import annotations

import os
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone

from dfwizard.errors import DfwizardError, HostError
from dfwizard.hosts.failures import shown
from dfwizard.hosts.holder import RUN_ID, Holder, held, not_opened, unlockable
from dfwizard.hosts.ssh.frames import new_token
from dfwizard.hosts.ssh.messages import number_of, said
from dfwizard.hosts.ssh.shell import call, functions, place
from dfwizard.hosts.ssh.workers import Workers


@dataclass(frozen=True)
class Lease:
    """How long a hold lasts: `seconds` without being renewed, which is done every `renewal`, and looked at there every `watch`."""

    seconds: int = 900
    renewal: float = 60.0
    watch: float = 20.0


@dataclass
class _Held:
    id: str
    path: str
    what: str


class ServerHold:
    """The locks of one run on a server; see `Hold`. They end with `release`, or with their lease."""

    def __init__(self, workers: Workers, *, run: str, lease: Lease) -> None:
        self._workers = workers
        self._run = run
        self._lease = lease
        self._held: list[_Held] = []
        self._changing = threading.Lock()
        self._released = threading.Event()

    def take(self, path: str, what: str) -> None:
        """Lock one directory; `what` names it in messages.

        Raises:
            HeldError: another process holds it; the message says who and since when.
            UsageError: there is no such path, or it cannot be opened or locked.
            HostError: the server cannot be asked, or has no flock(1).
        """
        with self._changing:
            self._held.append(self._taken(secrets.token_hex(12), path, what))
            if len(self._held) == 1:
                threading.Thread(target=self._renew, name=f"lease on {path}", daemon=True).start()

    def hold_also(self, path: str) -> None:
        """See `Hold.hold_also`."""
        self.take(path, f"the directory {path}")

    def release(self) -> None:
        """See `Hold.release`. What cannot be given back now, for the link is lost, ends with its lease."""
        self._released.set()
        with self._changing:
            while self._held:
                with suppress(HostError):
                    self._workers.ask(call("dfw_hold_release", self._held.pop().id))

    def _taken(self, name: str, path: str, what: str) -> _Held:
        end = new_token().encode()
        script = b"dfw_script() { cat <<'" + end + b"'\n" + self._script() + end + b"\n}\n"
        sessions = "yes" if self._workers.server.sessions else ""
        try:
            body = script + call("dfw_hold_take", name, place(path), self._run, sessions)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise not_opened(what, reason or "not a possible path", where=self._where(path)) from error
        answer = self._workers.ask(body)
        if answer.code:
            raise self._refusal(answer.err, path, what)
        verdict, _, rest = os.fsdecode(answer.out).partition("\n")
        if verdict == "busy":
            raise held(_holder(rest), what, where=self._where(path))
        return _Held(rest.strip(), path, what)

    def _refusal(self, text: bytes, path: str, what: str) -> DfwizardError:
        line, number = said(text), number_of(text)
        if line == "dfw: there is no flock":
            return HostError(
                f"{what} cannot be locked: flock is not installed there",
                where=self._where(path),
                remedy="Install it, on Debian or Ubuntu with: apt-get install util-linux",
            )
        if line.startswith("flock: "):
            reason = os.strerror(number) if number is not None else shown(line)
            return unlockable(what, reason, where=self._where(path))
        reason = os.strerror(number) if number is not None else shown(line)
        return not_opened(what, reason, where=self._where(path))

    def _renew(self) -> None:
        while not self._released.wait(self._lease.renewal):
            with self._changing, suppress(DfwizardError):
                for index, one in enumerate(self._held):
                    if self._workers.ask(call("dfw_hold_renew", one.id)).out.startswith(b"gone"):
                        # The server was restarted, or somebody ended the holder: it is ours still, unless another was quicker.
                        self._held[index] = self._taken(secrets.token_hex(12), one.path, one.what)

    def _script(self) -> bytes:
        return (
            functions("common.sh", "processes.sh", "holder.sh")
            + f'dfw_hold "$1" "$2" {self._lease.seconds} {self._lease.watch:g}\n'.encode()
        )

    def _where(self, path: str) -> str:
        return f"{self._workers.name}:{shown(path)}"


def _holder(told: str) -> Holder | None:
    """Read what `dfw_hold_tell` says; None when nobody who holds it can be seen."""
    first, *lines = told.splitlines()
    device, boot, ticks = (int(word) for word in first.split())
    candidates: list[tuple[bool, int, Holder]] = []
    for line in lines:
        pid, place_, opened, started, user, command = (line.split(" ", 5) + [""] * 6)[:6]
        major, minor, _ = place_.split(":")
        same = os.makedev(int(major, 16), int(minor, 16)) == device
        # Some filesystems (btrfs, overlayfs) show another device there than in stat: then the open files decide.
        if same or opened == "yes":
            since = datetime.fromtimestamp(boot + int(started) / ticks, timezone.utc).astimezone()
            run = RUN_ID.search(command)
            candidates.append(
                (
                    same,
                    int(pid),
                    Holder(int(pid), user, since if int(started) else None, run[0] if run else None),
                )
            )
    return max(candidates, key=lambda item: item[:2])[2] if candidates else None
