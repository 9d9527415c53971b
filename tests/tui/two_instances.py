"""Two installations side by side for the screens of a migration: an old one in use, and a new one that holds next to nothing."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from dfwizard.demo import Sandbox, scenario
from dfwizard.demo.content import DATABASE
from dfwizard.demo.sandbox import attach_sandbox, build_sandbox

KEY = "base64:" + base64.b64encode(b"the key of a new installation ..").decode()
KEPT = ("migrations", "sqlite_sequence", "instance_id", "user", "system_config", "cors_config")


@dataclass(frozen=True)
class Two:
    """Both installations; commands are run under the target's environment. `old` and `new` are short links to them, quick to type."""

    source: Sandbox
    target: Sandbox
    old: str
    new: str


@contextmanager
def two_instances(directory: Path) -> Iterator[Two]:
    """Build both below `directory`, and put the environment in which they work in force."""
    old, new = directory / "old", directory / "new"
    old.mkdir(parents=True)
    wanted = scenario("smooth")
    source = build_sandbox(old, wanted)
    with (source.instance / ".env").open("a", encoding="utf-8") as file:
        file.write("SENDGRID_KEY=SG.a-key-of-the-source\nGITHUB_TOKEN=ghp_of-the-source\n")
    build_new(new)
    with attach_sandbox(new) as target, TemporaryDirectory(prefix="m", dir="/tmp") as short:
        links = f"{short}/o", f"{short}/n"
        Path(links[0]).symlink_to(source.instance)
        Path(links[1]).symlink_to(target.instance)
        yield Two(source, target, *links)


def build_new(directory: Path) -> Sandbox:
    """Build an installation of 7.1.0 that nobody has used yet."""
    directory.mkdir()
    target = build_sandbox(directory, replace(scenario("smooth"), installed="7.1.0"))
    env = target.instance / ".env"
    lines = [
        f"APP_KEY={KEY}" if line.startswith("APP_KEY=") else line
        for line in env.read_text(encoding="utf-8").splitlines()
    ]
    env.write_text("\n".join(lines) + "\nMAIL_FROM_ADDRESS=ops@new.example.com\n", encoding="utf-8")
    with closing(sqlite3.connect(target.instance / DATABASE)) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            if table not in KEPT:
                database.execute(f'delete from "{table}"')
        database.execute('delete from "user" where id > (select min(id) from "user")')
        database.execute("update instance_id set instance_id = 'a-new-installation'")
        database.commit()
    return target
