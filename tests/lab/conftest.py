"""The lab's fixtures for the tests beside it."""

from __future__ import annotations

from tests.lab.backup_site import backup, mariadb_backup, mariadb_site, place, site, sqlite_site
from tests.lab.fixtures import start_lab, start_module_lab
from tests.lab.ssh_fixtures import accounts, ssh_place, sshd

__all__ = [
    "accounts",
    "backup",
    "mariadb_backup",
    "mariadb_site",
    "place",
    "site",
    "sqlite_site",
    "ssh_place",
    "sshd",
    "start_lab",
    "start_module_lab",
]
