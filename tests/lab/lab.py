"""A DreamFactory installation in a directory of its own: application, git origin, database, web server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.lab import databases
from tests.lab.cache import copy, home_directory
from tests.lab.catalogue import release_of
from tests.lab.content import APP_KEY, content, write_environment
from tests.lab.databases import Database, Engine
from tests.lab.instances import Variant, tree
from tests.lab.origin import commits, origin
from tests.lab.processes import OWNER, LabError, ensure_owner, run, stop_servers
from tests.lab.web import start_web, write_systemctl

_STATE = "lab.json"


@dataclass(frozen=True)
class Lab:
    """One running installation. Everything of it lies in `directory`; `stop` ends its servers and leaves the files."""

    directory: Path
    release: str
    variant: Variant
    database: Database
    web_port: int
    """The web server's loopback port, 0 without a web server."""

    @classmethod
    def start(
        cls,
        directory: Path,
        db: Engine = "mariadb",
        release: str = "6.3.0",
        variant: Variant = "installer",
        web: bool = True,
    ) -> Lab:
        """Build an installation in a new or empty directory and start its servers.

        Every directory above must be open for other users (pytest's `tmp_path` is not): the application, the database
        and the web server run as users of their own. LabError says what is wrong where that, or anything else, fails.
        """
        ensure_owner()
        chosen = release_of(release)
        directory = _prepared(directory)
        template = content(db, chosen, variant)
        instance = directory / "opt" / "dreamfactory"
        copy(origin(), directory / "origin.git")
        copy(tree(chosen, variant), instance)
        databases.place_data(db, template, directory, instance)
        _state_file(directory).write_text(json.dumps({"directory": str(directory)}))
        try:
            database = databases.start(db, directory, instance)
            write_environment(instance, database, variant, chosen)
            _set_remote(instance, directory / "origin.git")
            port = databases.on_free_port(lambda port: start_web(directory, port)) if web else 0
            lab = cls(directory, release, variant, database, port)
            _state_file(directory).write_text(json.dumps(lab._state(), indent=2))
            write_systemctl(directory)
        except BaseException:
            cls.stop_in(directory)
            raise
        return lab

    @classmethod
    def attach(cls, directory: Path) -> Lab:
        """The lab that was started in `directory`, by whichever process; LabError where there is none."""
        directory = directory.resolve()
        try:
            state = json.loads(_state_file(directory).read_text())
            stored = state["database"]
            path = Path(stored["path"]) if stored["path"] else None
            database = Database(stored["engine"], stored["port"], path)
            return cls(directory, state["release"], state["variant"], database, state["web_port"])
        except (OSError, ValueError, KeyError) as error:
            raise LabError(f"{directory} holds no complete lab ({error})") from error

    def _state(self) -> dict[str, Any]:
        database = asdict(self.database)
        database["path"] = str(self.database.path) if self.database.path else None
        return {
            "directory": str(self.directory),
            "release": self.release,
            "variant": self.variant,
            "database": database,
            "web_port": self.web_port,
        }

    @property
    def instance(self) -> Path:
        """The DreamFactory tree."""
        return self.directory / "opt" / "dreamfactory"

    @property
    def origin(self) -> Path:
        """The bare repository that the tree's remote points at."""
        return self.directory / "origin.git"

    @property
    def commits(self) -> dict[str, str]:
        """The commit of every release tag in the origin."""
        return commits(self.origin)

    @property
    def bin(self) -> Path:
        """The directory with the stand-in for systemctl."""
        return self.directory / "bin"

    @property
    def url(self) -> str | None:
        """Where the web server answers, without a slash at the end."""
        return f"http://127.0.0.1:{self.web_port}" if self.web_port else None

    @property
    def owner(self) -> str:
        """The OS user that owns the tree."""
        return OWNER

    @property
    def app_key(self) -> str:
        """The APP_KEY, as `.env` has it: the same canary in every lab."""
        return APP_KEY

    @property
    def db_password(self) -> str:
        """The database password of the application's user: the same canary in every lab."""
        return databases.PASSWORD

    @property
    def environment(self) -> dict[str, str]:
        """A whole environment for running dfwizard against this lab."""
        return {**os.environ, "PATH": f"{self.bin}:{os.environ.get('PATH', os.defpath)}"}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement on the system database as the application's user; text that is not UTF-8 comes as bytes."""
        return self.database.query(sql)

    def artisan(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `php artisan` as the owner; the exit code is the caller's to look at."""
        return run(
            ["php", "artisan", *arguments], cwd=self.instance, home=home_directory(), user=OWNER, check=False
        )

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run git in the tree as the owner; the exit code is the caller's to look at."""
        return run(["git", *arguments], cwd=self.instance, home=home_directory(), user=OWNER, check=False)

    def composer(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run composer in the tree as the owner; the exit code is the caller's to look at."""
        return run(
            ["composer", *arguments], cwd=self.instance, home=home_directory(), user=OWNER, check=False
        )

    def fail_migration(self, fail: bool) -> None:
        """Make the migrations of 7.1.0 and of 7.7.0 fail half-way from now on: one has then created its table. Or no more."""
        self._mark("fail-migration", fail)

    def fail_cached(self, fail: bool) -> None:
        """Make the API answer well once and with 500 from then on, as it does when its cache cannot be read. Or no more."""
        self._mark("fail-cached", fail)

    def _mark(self, name: str, fail: bool) -> None:
        marker = self.instance / "storage" / "app" / name
        if fail:
            marker.touch()
            shutil.chown(marker, OWNER, OWNER)
        else:
            marker.unlink(missing_ok=True)

    def stop(self) -> None:
        """End every server of the lab and wait for their ends."""
        self.stop_in(self.directory)

    @staticmethod
    def stop_in(directory: Path) -> None:
        """End the servers of whatever lab is in `directory`, complete or not."""
        stop_servers(directory.resolve())


def _state_file(directory: Path) -> Path:
    return directory / _STATE


def _prepared(directory: Path) -> Path:
    directory = directory.resolve()
    if refused := re.sub(r"[\w./ '+,=@-]", "", str(directory)):
        # nginx, php-fpm, MariaDB and git would each need another way of quoting, and some have none.
        raise LabError(f"{directory} has {refused!r} in its name; use letters, digits, spaces and ./'+,=@-")
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    if any(directory.iterdir()):
        raise LabError(f"{directory} is not empty; give a new directory for the lab")
    for parent in directory.parents:
        if not parent.stat().st_mode & 0o001:
            raise LabError(
                f"other users cannot enter {parent}; put the lab below a directory that is open to them"
            )
    for name in ("opt", "run", "bin"):
        (directory / name).mkdir()
    return directory


def _set_remote(instance: Path, repository: Path) -> None:
    git = ["git", "remote", "set-url", "origin", f"file://{repository}"]
    run(git, cwd=instance, home=home_directory(), user=OWNER)
