"""Whether two databases are one: by what their servers say of themselves, and by a marker written into one and looked for in the other.

A wrong `.env`, a socket, another name of the same host, a proxy: each makes the database that is about to be emptied be the one that
is to be saved. Servers' own words tell most of it; the marker tells all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dfwizard.backup import commands
from dfwizard.backup.context import BackupContext
from dfwizard.backup.credentials import client_credentials
from dfwizard.backup.subject import Subject
from dfwizard.errors import BlockedError, DfwizardError
from dfwizard.hosts.command import Command
from dfwizard.instance.probe import Probe, probe_identity, probe_names

MARKER = "dfwizard_marker_"
"""What the name of a marker's table begins with."""

_COLUMN = "token"
_CLOCK = 3.0
"""Seconds by which two answers about the moment a server began may differ, and mean the same moment."""

_SQLITE = (
    "try { $db = new SQLite3($argv[1], SQLITE3_OPEN_READWRITE); $db->enableExceptions(true); $db->busyTimeout(60000); "
    '$db->exec($argv[2]); } catch (Exception $error) { fwrite(STDERR, $error->getMessage() . "\\n"); exit(1); }'
)


@dataclass(frozen=True)
class Asked:
    """A database as it can be asked and written to: with `context` its host, `subject` the instance, `probe` who asks."""

    context: BackupContext
    subject: Subject
    probe: Probe


def is_same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Tell by what two servers say of themselves (see `probe_identity`) whether it is one database."""
    if one.get("database", "").lower() != other.get("database", "").lower():
        return False
    return is_same_server(one, other)


def is_same_server(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Tell by what two servers say of themselves whether they are one."""
    names = {name for name in (*one, *other) if name.startswith("server")}
    if not names or any(one.get(name) != other.get(name) for name in names):
        return False
    began = [said.get("began") for said in (one, other)]
    if began == [None, None]:
        return True
    # Copies of one server (a snapshot, a cloned container) share every name, but not the moment at which they began.
    return None not in began and abs(float(began[0] or 0) - float(began[1] or 0)) <= _CLOCK


def prove_apart(source: Asked, target: Asked, token: str) -> None:
    """Prove that two databases are not one; the marker that is written into the target's is gone afterwards.

    What the servers say of themselves is asked first: where that shows one database nothing at all is written.

    Raises:
        BlockedError: it is one database; nothing was changed.
        DfwizardError: it could not be proven.
    """
    theirs, ours = (probe_identity(asked.probe, mark=asked.context.mark)[0] for asked in (source, target))
    if is_same(theirs, ours):
        raise _same(target, "both servers say the same of themselves")
    write_marker(target, token)
    try:
        found = has_marker(source, token)
        if not has_marker(target, token):
            raise DfwizardError(
                "a marker that was written into the target's database cannot be read there",
                where=_where(target),
                remedy="See what stands between dfwizard and the server (a proxy, read replicas): it must be one server.",
            )
    finally:
        remove_marker(target, token)
    if found:
        raise _same(target, "a marker written into the target's is in the source's")


def write_marker(asked: Asked, token: str) -> None:
    """Write the marker of `token` into a database; one of the same token that is there is replaced."""
    remove_marker(asked, token)
    _execute(asked, f"CREATE TABLE {_name(asked, token)} ({_COLUMN} varchar(64))", "writing a marker")


def remove_marker(asked: Asked, token: str) -> None:
    """Remove the marker of `token` from a database; none is fine."""
    _execute(asked, f"DROP TABLE IF EXISTS {_name(asked, token)}", "removing the marker")


def has_marker(asked: Asked, token: str) -> bool:
    """Tell whether the marker of `token` is in a database."""
    bare = replace(asked.probe, settings=replace(asked.probe.settings, prefix=""))
    table = f"{MARKER}{token}"
    return (table, _COLUMN) in probe_names(bare, ((table, _COLUMN),), mark=asked.context.mark)


def _name(asked: Asked, token: str) -> str:
    if not token.isalnum():
        raise DfwizardError("the marker's token is none", where=token, remedy="Make the plan anew.")
    settings = asked.subject.settings
    if settings is not None and settings.driver == "pgsql":
        schema = settings.schema.replace('"', '""')
        return f'"{schema}".{MARKER}{token}'
    return f"{MARKER}{token}"


def _execute(asked: Asked, sql: str, doing: str) -> None:
    subject, context = asked.subject, asked.context
    settings = subject.settings
    assert settings is not None
    if settings.driver == "sqlite":
        assert settings.file is not None
        # As the owner of the tree: what root creates beside the file, the application could not write.
        argv = (subject.php, "-d", "display_errors=stderr", "-r", _SQLITE, "--", settings.file, sql)
        context.run(Command(argv, user=subject.owner), doing, where=_where(asked))
        return
    with client_credentials(context.host, settings, context.private) as client_file:
        if settings.driver == "pgsql":
            command = commands.psql(subject, client_file, f"SET client_min_messages = warning; {sql}")
        else:
            command = commands.mysql_client(subject, client_file, database=settings.name, sql=sql)
        context.run(command, doing, where=_where(asked))


def _where(asked: Asked) -> str:
    settings = asked.subject.settings
    return f"database {settings.name} ({settings.address})" if settings else asked.subject.path


def _same(target: Asked, how: str) -> BlockedError:
    return BlockedError(
        f"the target's database is the source's own: {how}. Nothing was changed",
        where=_where(target),
        remedy="Give the target a database of its own, and set DB_* in its .env to it.",
    )
