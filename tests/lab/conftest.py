"""The lab's fixtures for the tests beside it."""

from __future__ import annotations

from tests.lab.backup_site import backup, mariadb_backup, mariadb_site, place, site, sqlite_site
from tests.lab.fixtures import start_lab, start_module_lab

__all__ = [
    "backup",
    "mariadb_backup",
    "mariadb_site",
    "place",
    "site",
    "sqlite_site",
    "start_lab",
    "start_module_lab",
]
