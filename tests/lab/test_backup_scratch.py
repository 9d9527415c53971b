"""Scratch databases in which a backup is proven: who may make them, and that none is left."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace

import pytest

from dfwizard.backup.prove import prove
from dfwizard.backup.scratch import hindrance, scratch_name
from dfwizard.errors import BackupError
from tests.lab.backup_site import (
    Site,
    databases,
    names_in,
    socket,
)

pytestmark = pytest.mark.lab


class TestScratch:
    def test_scratch_databases_are_dropped_and_leftovers_too(self, site: Site, backup: str) -> None:
        if site.subject.driver == "sqlite":
            prove(site.context, site.subject, backup)
            assert names_in(site.context.private) == []
            return
        usual = databases(site)
        left = scratch_name(site.subject.path, "dead")
        other = scratch_name("/another/instance", "live")
        for name in (left, other):
            administer(site, f"CREATE DATABASE {name}")
        assert {left, other} <= set(databases(site))
        prove(site.context, site.subject, backup)
        assert sorted(databases(site)) == sorted([*usual, other])
        administer(site, f"DROP DATABASE {other}")
        if site.subject.driver == "mysql":
            found = subprocess.run(
                ["mariadb", f"--socket={socket(site)}", "-NBe", "SELECT Db FROM mysql.db"],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert "scratch" not in found.stdout

    def test_a_user_who_may_create_databases_needs_no_administrator(self, site: Site, backup: str) -> None:
        alone = replace(site.subject, me="deploy")
        if site.subject.driver == "sqlite":
            assert "scratch file" in prove(site.context, alone, backup).scratch
            return
        user = site.subject.settings.user if site.subject.settings else ""
        if site.subject.driver == "mysql":
            allow = [f"GRANT ALL ON `dfwizard\\_scratch\\_%`.* TO '{user}'@'{host}'" for host in HOSTS]
            deny = [f"REVOKE ALL ON `dfwizard\\_scratch\\_%`.* FROM '{user}'@'{host}'" for host in HOSTS]
        else:
            allow, deny = [f"ALTER ROLE {user} CREATEDB"], [f"ALTER ROLE {user} NOCREATEDB"]
        assert hindrance(site.context, site.subject) is None  # root may be the server's administrator
        assert re.search(r"GRANT ALL ON `dfwizard|CREATEDB", hindrance(site.context, alone) or "")
        with pytest.raises(BackupError, match=r"GRANT ALL ON `dfwizard|CREATEDB"):
            prove(site.context, alone, backup)
        for sql in allow:
            administer(site, sql)
        try:
            assert hindrance(site.context, alone) is None
            assert "database user" in prove(site.context, alone, backup).scratch
        finally:
            for sql in deny:
                administer(site, sql)


HOSTS = ("127.0.0.1", "localhost")


def administer(site: Site, sql: str) -> None:
    if site.subject.driver == "mysql":
        argv = ["mariadb", f"--socket={socket(site)}", "-e", sql]
    else:
        found = next((site.lab.directory / "run").rglob(".s.PGSQL.*[0-9]"))
        argv = [
            "runuser",
            "-u",
            "postgres",
            "--",
            "psql",
            "-h",
            str(found.parent),
            "-p",
            found.suffix[1:],
            "-c",
            sql,
        ]
    subprocess.run(argv, check=True, capture_output=True)
