"""Backups of an instance in use: what is written meanwhile, and what others on the server can see."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest

from dfwizard.backup.prove import prove
from dfwizard.backup.restore import restore_database
from dfwizard.backup.take import take
from dfwizard.errors import BackupError
from dfwizard.hosts.command import Command, Pipeline, Result
from dfwizard.hosts.local import LocalHost
from tests.lab.backup_site import (
    ENGINES,
    Site,
    names_in,
    site_of,
)
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab


def _dumps(work: Command | Pipeline) -> bool:
    if isinstance(work, Pipeline):
        return "dump" in work.commands[0].argv[0]
    return any("->backup(" in word for word in work.argv)


class ChangingHost(LocalHost):
    """A host on which `change` happens while the dump runs."""

    def __init__(self, change: Callable[[], object], times: int) -> None:
        super().__init__()
        object.__setattr__(self, "change", change)
        object.__setattr__(self, "left", [times])

    def run(self, work: Command | Pipeline, **options: Any) -> Result:
        result = super().run(work, **options)
        left = cast("list[int]", self.left)  # type: ignore[attr-defined]
        if left[0] and _dumps(work):
            left[0] -= 1
            self.change()  # type: ignore[attr-defined]
        return result


class TestWhileInUse:
    def test_tables_written_during_the_dump_are_dumped_again_once(
        self, start_lab: StartLab, place: Path
    ) -> None:
        for engine in ENGINES:
            lab = start_lab(engine)
            own = place / f"changing-{engine}"
            own.mkdir(mode=0o700)

            def write(lab: Lab = lab) -> None:
                lab.query("UPDATE role SET description = 'now " + str(time.monotonic_ns()) + "'")
                lab.query("DELETE FROM token_map")

            site = site_of(lab, own, ChangingHost(write, 1))
            directory = site.new("once")
            take(site.context, site.subject, directory)
            assert any("table role" in line and "once more" in line for line in site.lines)
            prove(site.context, site.subject, directory)
            site = site_of(lab, own, ChangingHost(write, 2))
            with pytest.raises(BackupError, match="tables changed while being dumped, twice: table role"):
                take(site.context, site.subject, site.new("twice"))

    def test_a_file_written_during_the_archive_is_named(self, sqlite_site: Site) -> None:
        site = sqlite_site
        for name, fails in (("storage/logs/dreamfactory.log", False), ("busy file", True)):
            path = site.lab.instance / name
            path.parent.mkdir(exist_ok=True)
            with path.open("ab") as file:
                file.truncate(300 << 20)
                done = threading.Event()

                def grow(file: Any = file, done: threading.Event = done) -> None:
                    while not done.wait(0.001):
                        file.write(b"x")
                        file.flush()

                writer = threading.Thread(target=grow)
                writer.start()
                directory = site.new("busy")
                try:
                    if fails:
                        with pytest.raises(BackupError, match="busy file"):
                            take(site.context, site.subject, directory)
                    else:
                        manifest = take(site.context, site.subject, directory)
                        assert manifest.code.changed == (name,)
                finally:
                    done.set()
                    writer.join()
                    path.unlink()

    def test_no_password_is_in_any_command_line_or_environment(self, site: Site) -> None:
        seen: set[bytes] = set()
        done = threading.Event()
        sign = f"DFWIZARD_RUN={site.context.mark}".encode()

        def sample() -> None:
            while not done.is_set():
                for process in names_in("/proc"):
                    with suppress(OSError):
                        texts = [
                            Path(f"/proc/{process}/{name}").read_bytes() for name in ("environ", "cmdline")
                        ]
                        if sign in texts[0]:
                            seen.update(texts)

        watcher = threading.Thread(target=sample)
        watcher.start()
        try:
            directory = site.new("watched")
            take(site.context, site.subject, directory)
            prove(site.context, site.subject, directory)
            restore_database(site.context, site.subject, directory)
        finally:
            done.set()
            watcher.join()
        programs = {"mysql": b"--defaults-file=", "pgsql": b"pg_restore", "sqlite": b"SQLite3"}
        assert any(programs[site.subject.driver] in text for text in seen)
        password = site.lab.db_password.encode()
        assert not [text for text in seen if password in text or site.lab.app_key.encode() in text]
