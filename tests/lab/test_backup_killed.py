"""Backups and restores killed at any moment end well when they are run again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dfwizard.backup.context import BackupContext
from dfwizard.backup.manifest import read_manifest
from dfwizard.backup.restore import restore_database
from dfwizard.backup.take import take
from dfwizard.backup.tree import clear_aside, restore_tree
from dfwizard.errors import BackupError
from tests.lab.backup_site import (
    DyingHost,
    Site,
    bind_mounted,
    names_in,
    sentences,
)
from tests.thorough import stride

pytestmark = pytest.mark.lab


def bring_back(site: Site, directory: str, run_id: str, context: BackupContext) -> None:
    restore_tree(context, site.subject, directory, run_id)


def save(site: Site, directory: str, context: BackupContext) -> None:
    take(context, site.subject, directory)


def die_at(last: int, context: BackupContext, work: Callable[[BackupContext], object]) -> bool:
    """Do `work` in a process that dies before its action of number `last`; tell whether it died."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work(replace(context, host=DyingHost(last=last), report=lambda _line: None))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


class TestKilled:
    def test_restoring_the_tree_ends_well_wherever_it_was_killed(
        self, sqlite_site: Site, request: pytest.FixtureRequest
    ) -> None:
        site = sqlite_site
        directory = site.new("kill")
        take(site.context, site.subject, directory)
        before = site.fingerprint()
        last = 1
        while True:
            (site.lab.instance / "artisan").write_text(str(last))
            run_id = f"kill{last}"
            died = die_at(last, site.context, partial(bring_back, site, directory, run_id))
            restore_tree(site.context, site.subject, directory, run_id)
            restore_tree(site.context, site.subject, directory, run_id)
            assert sentences(before, site.fingerprint()) == [], last
            clear_aside(site.context, site.subject.path, run_id)
            assert not [name for name in names_in(site.lab.instance.parent) if "dfwizard" in name]
            if not died:
                break
            last += stride(request, 3)
        assert last > 8

    def test_exchanging_the_content_ends_well_wherever_it_was_killed(
        self, sqlite_site: Site, request: pytest.FixtureRequest
    ) -> None:
        site = sqlite_site
        directory = site.new("kill-content")
        take(site.context, site.subject, directory)
        before = site.fingerprint()
        with bind_mounted(site.lab.instance):
            last = 1
            while True:
                (site.lab.instance / "artisan").write_text(str(last))
                (site.lab.instance / f"extra{last}").write_text("extra")
                run_id = f"kill{last}"
                died = die_at(
                    last,
                    site.context,
                    partial(bring_back, site, directory, run_id),
                )
                restore_tree(site.context, site.subject, directory, run_id)
                assert sentences(before, site.fingerprint()) == [], last
                clear_aside(site.context, site.subject.path, run_id)
                assert not [name for name in names_in(site.lab.instance) if "dfwizard" in name]
                if not died:
                    break
                last += 4 * stride(request, 4)
        assert last > 40

    def test_restoring_the_database_ends_well_wherever_it_was_killed(
        self, site: Site, backup: str, request: pytest.FixtureRequest
    ) -> None:
        before = site.fingerprint()
        last = 1
        while die_at(last, site.context, lambda ctx: restore_database(ctx, site.subject, backup)):
            restore_database(site.context, site.subject, backup)
            assert sentences(before, site.fingerprint()) == [], last
            last += 2 * stride(request, 2)
        assert last > 3

    def test_an_import_killed_in_the_middle_is_run_again(
        self, mariadb_site: Site, mariadb_backup: str
    ) -> None:
        site = mariadb_site
        before = site.fingerprint()
        assert before.database is not None
        child = os.fork()
        if child == 0:
            try:
                restore_database(replace(site.context, mark="mid-import"), site.subject, mariadb_backup)
            finally:
                os._exit(0)
        counting = "SELECT count(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
        seen: list[int] = []
        while not seen or not 0 < seen[-1] < len(before.database.tables) - 5:
            seen.append(int(site.lab.query(counting)[0][0]))
            assert os.waitpid(child, os.WNOHANG) == (0, 0), seen
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        site.context.host.end_marked("mid-import")
        assert sentences(before, site.fingerprint())
        assert names_in(site.context.private)
        restore_database(site.context, site.subject, mariadb_backup)
        assert sentences(before, site.fingerprint()) == []
        assert names_in(site.context.private) == []

    def test_a_killed_backup_is_taken_anew_by_its_run_alone(
        self, sqlite_site: Site, request: pytest.FixtureRequest
    ) -> None:
        site = sqlite_site
        last = 1
        while True:
            directory = site.new("killed-take")
            died = die_at(last, site.context, partial(save, site, directory))
            other = replace(site.context, mark="another-run")
            if Path(directory).exists() and names_in(directory):
                with pytest.raises(BackupError, match="never overwrites"):
                    take(other, site.subject, directory)
            manifest = take(site.context, site.subject, directory)
            assert read_manifest(site.context.host, directory) == manifest
            assert names_in(directory) == [
                "database.sqlite.zst",
                "env",
                "manifest.json",
                "tree.tar.zst",
            ]
            if not died:
                break
            last += stride(request, 3)
        assert last > 8
