"""Whether the databases of the services answer from the target: tried with their stored credentials, read-only, for a few seconds each."""

from __future__ import annotations

import posixpath

from dfwizard.instance.dotenv import printable
from dfwizard.instance.key import key_bytes
from dfwizard.instance.probe import ServiceConnection, probe_connections
from dfwizard.verification.picture import Opened
from dfwizard.verification.result import Check, Verdict

DRIVERS = {
    "mysql": "mysql",
    "mariadb": "mysql",
    "memsql": "mysql",
    "pgsql": "pgsql",
    "alloydb": "pgsql",
    "aws_redshift_db": "pgsql",
    "sqlite": "sqlite",
    "sqlsrv": "sqlsrv",
}
"""PDO's driver by service type (the packages df-sqldb, df-mysqldb, df-sqlsrv)."""


def try_connections(
    access: Opened, path: str, *, seconds: int = 5, most: float = 60.0, mark: str | None = None
) -> tuple[Check, ...]:
    """Try the database of each active service of the instance at `path`; one check for each, a warning where it does not answer.

    Raises:
        DatabaseUnreachable: the system database itself did not answer.
        HostError: PHP did not run.
    """
    values = access.file.values
    keys = (values.get("APP_KEY") or "", *(values.get("APP_PREVIOUS_KEYS") or "").split(","))
    directory = posixpath.join(path, values.get("DF_SQLITE_STORAGE") or "storage/databases")
    found = probe_connections(
        access.probe(),
        DRIVERS,
        keys=[raw for raw in map(key_bytes, keys) if raw],
        sqlite_directory=directory,
        seconds=seconds,
        most=most,
        mark=mark,
    )
    return tuple(_check(item) for item in found)


_AFTER = {"ok": "answers", "failed": "does not answer", "untried": "not tried"}


def _check(item: ServiceConnection) -> Check:
    name = printable(item.name)
    verdict = Verdict.WARNING if item.state == "failed" else Verdict.OK
    why = printable(" ".join(item.reason.split()))
    return Check(
        f"connection:{name}", f"Database of {name} ({item.type})", "", _AFTER[item.state], verdict, why
    )
