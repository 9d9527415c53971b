"""What is needed to work on an instance: its `.env` as read, the database settings, and who asks the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dfwizard.backup.subject import Subject, Tools, find_tools
from dfwizard.errors import DfwizardError, DotenvError, HostError, UsageError
from dfwizard.instance import dotenv
from dfwizard.instance.database import DatabaseSettings, settings
from dfwizard.instance.dotenv_secrets import secret_values
from dfwizard.instance.facts import Facts
from dfwizard.instance.probe import Probe
from dfwizard.instance.secret_names import is_secret

if TYPE_CHECKING:
    from dfwizard.hosts.base import Host


_SHORTEST = 8
"""Bytes that a value must have to be looked for as it is written: shorter ones are words such as `null`."""


@dataclass(frozen=True)
class Access:
    """An instance that can be worked on.

    `env` is what stands in `.env`, byte for byte; `file` the same as Laravel reads it; `database` the settings of the system database
    (None: there are none that can be used).
    """

    host: Host
    path: str
    owner: str
    group: str
    php: str
    env: bytes
    file: dotenv.DotenvFile
    database: DatabaseSettings | None

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """Give every value that must not be written anywhere."""
        values = {value.encode("utf-8", "surrogateescape") for value in secret_values(self.file)}
        # As they are written, too: Laravel reads bytes that are not UTF-8 as something else.
        spans = (entry.value_span for entry in self.file.entries if is_secret(entry.name))
        written = {self.env[start:end].strip(b"\"' ") for start, end in spans}
        return tuple(values | {value for value in written if len(value) >= _SHORTEST})

    def probe(self) -> Probe:
        """Give who asks the system database.

        Raises:
            DfwizardError: there is no database to ask.
        """
        if self.database is None:
            raise DfwizardError(
                "the settings of the system database are not known",
                where=self.path,
                remedy="Correct DB_* in .env.",
            )
        # A SQLite file is asked as the owner of the tree: what root creates beside it, the application could not write.
        user = self.owner if self.database.driver == "sqlite" else None
        return Probe(self.host, self.php, self.database, user)

    def subject(self, tools: Tools | None = None) -> Subject:
        """Give the instance as a backup sees it.

        Raises:
            BackupError: a program that a backup needs is missing on the host.
        """
        driver = self.database.driver if self.database else ""
        return Subject(
            path=self.path,
            owner=self.owner,
            group=self.group,
            me=self.host.user,
            php=self.php,
            settings=self.database,
            tools=tools or find_tools(self.host, driver),
        )


def open_instance(host: Host, facts: Facts, *, env_from: str | None = None) -> Access:
    """Open the instance that `facts` describe; `env_from` is a `.env` to use when the instance's own is gone.

    Raises:
        DfwizardError: neither can be read.
    """
    path = f"{facts.path}/.env"
    try:
        env = host.read(path)
    except HostError:
        if env_from is None:
            raise
        env = host.read(env_from)
    cli = facts.cli()
    file = dotenv.parse(env)
    return Access(
        host=host,
        path=facts.path,
        owner=facts.tree.owner,
        group=facts.tree.group,
        php=cli.binary if cli else "php",
        env=env,
        file=file,
        database=_database(host, facts, file),
    )


def _database(host: Host, facts: Facts, file: dotenv.DotenvFile) -> DatabaseSettings | None:
    try:
        config = host.read(f"{facts.path}/config/database.php", limit=1 << 20).decode("utf-8", "replace")
    except HostError:
        config = None
    try:
        return settings(file.values, facts.path, config=config)
    except (UsageError, DotenvError):
        return None
