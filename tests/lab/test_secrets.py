"""Passwords, keys and tokens stand in no argv, no environment, no file but the backup's own, and in nothing printed.

Not even where the commands that are run print all of them themselves, as they are and encoded: what they say is kept without.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import shlex
import shutil
import stat
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.lab.databases import Engine
from tests.lab.driving import Cli, Ended
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab
from tests.thorough import wide

pytestmark = pytest.mark.lab

HOLDERS = ("env", "tree.tar", "dump.", "database.")
"""The parts of a backup that hold secrets, for they are what is backed up."""


CANARIES = {
    "DF_LICENSE_KEY": "c4nary0123456789licence",
    "JWT_SECRET": "c4nary+jwt/secret=%&of-32-letters",
    "MAIL_PASSWORD": "c4nary mail 'pass' $word",
    "GITHUB_TOKEN": "ghp_c4naryOfGithub012345",
}
"""What else a `.env` may hold that nobody is to see."""
TOKEN = "ghp_c4naryOfComposer98765"
LOGIN = "glpat-c4naryOfTheRemote42"

_TELL_ALL = """#!/bin/sh
exec php -r '$all = file_get_contents(".env") . file_get_contents("auth.json") . file_get_contents(".git/config");
echo "told by a hook\n", $all, base64_encode($all), "\n", rawurlencode($all), "\n", json_encode($all), "\n";'
"""
"""A hook of git that prints every secret there is, as it is and encoded."""


def plant(lab: Lab) -> None:
    """Put the canaries where secrets lie, and have git print them all when a release is checked out."""
    with (lab.instance / ".env").open("a") as env:
        env.writelines(
            f"{name}={json.dumps(value).replace('$', chr(92) + '$')}\n" for name, value in CANARIES.items()
        )
    auth = {
        "github-oauth": {"github.com": TOKEN},
        "http-basic": {"x": {"username": "git", "password": TOKEN}},
    }
    (lab.instance / "auth.json").write_text(json.dumps(auth))
    lab.git("config", "remote.mirror.url", f"https://{LOGIN}@git.example/df.git")
    hook = lab.instance / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(_TELL_ALL)
    hook.chmod(0o755)
    for path in (lab.instance / "auth.json", hook.parent, hook):
        shutil.chown(path, lab.owner, lab.owner)


@contextmanager
def core_dumps() -> Iterator[None]:
    """Let the processes that are started leave core dumps, as where somebody looks for a fault."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


def forms(secret: str) -> set[str]:
    """Give a secret in every way that it is likely to be written."""
    raw = secret.encode()
    doubled = secret.replace("\\", "\\\\")
    inside = {
        base64.b64encode(b"x" * shift + raw).decode()[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
        for shift in range(3)
    }
    return inside | {
        secret,
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        raw.hex(),
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        shlex.quote(secret),
        shlex.quote(secret)[1:-1],
        doubled.replace("'", "\\'"),
        doubled.replace('"', '\\"'),
        secret.replace("'", "''"),
        secret.replace("$", "\\$").replace('"', '\\"'),
    }


def needles(lab: Lab) -> tuple[bytes, ...]:
    """Give all that must not be seen."""
    key = lab.app_key.removeprefix("base64:")
    found = forms(lab.db_password) | forms(lab.app_key) | forms(key)
    for canary in (*CANARIES.values(), TOKEN, LOGIN):
        found |= forms(canary)
    plain = base64.b64decode(key)
    return tuple(sorted({text.encode() for text in found} | {plain, plain.hex().encode()}))


class Sampler:
    """Reads argv and environment of every process of a lab again and again, and keeps what holds a secret.

    A process belongs to the lab when its argv, environment or working directory names one of `places`: other labs, with the same
    canaries, may run beside it. Processes that were there before are left out.
    """

    def __init__(self, secrets: tuple[bytes, ...], places: tuple[Path, ...]) -> None:
        self.found: set[str] = set()
        self.seen: set[str] = set()
        self.cores: dict[str, str] = {}
        """The size that a core dump of each runner may have, when it was last looked at."""
        self._secrets = secrets
        self._places = tuple(os.fsencode(place) for place in places)
        self._before = set(_processes())
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._end.wait(0.004):
            for process in _processes():
                if process not in self._before:
                    with suppress(OSError):
                        self._look(process)

    def _look(self, process: Path) -> None:
        argv = (process / "cmdline").read_bytes()
        environ = (process / "environ").read_bytes()
        place = os.fsencode((process / "cwd").readlink())
        if not any(one in text for one in self._places for text in (argv, environ, place)):
            return
        self.seen.add(argv.split(b"\0")[0].decode("utf-8", "replace"))
        if b"run-detached" in argv:
            limits = (process / "limits").read_text().splitlines()
            self.cores[process.name] = next(line for line in limits if "core file" in line).split()[4]
        for name, data in (("argv", argv), ("environment", environ)):
            if any(secret in data for secret in self._secrets):
                self.found.add(f"{name} of {argv[:200]!r}")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch inside."""
        self._thread.start()
        try:
            yield
        finally:
            self._end.set()
            self._thread.join()


def in_files(directory: Path, secrets: tuple[bytes, ...]) -> list[str]:
    """Give the files below `directory` that hold a secret and are not a backup's own parts."""
    found = []
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            inside = path.relative_to(directory).parts
            if inside[0] == "backups" and len(inside) == 3 and path.name.startswith(HOLDERS):
                continue
            data = path.read_bytes()
            found += [f"{path}: {secret!r}" for secret in secrets if secret in data]
    return found


def open_modes(directory: Path) -> list[str]:
    """Give what others than the owner may read below `directory`."""
    found = []
    for path in (directory, *directory.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if not path.is_symlink() and mode & 0o077:
            found.append(f"{mode:o} {path}")
    return found


def _processes() -> list[Path]:
    return [path for path in Path("/proc").iterdir() if path.name.isdigit()]


@pytest.mark.parametrize("engine", ["mariadb", wide("postgresql")])
def test_no_secret_is_seen_anywhere(start_lab: StartLab, tmp_path: Path, engine: Engine) -> None:
    lab = start_lab(engine, "6.3.0", web=True)
    cli = Cli(lab, tmp_path / "state")
    plant(lab)
    secrets = needles(lab)
    env = (lab.instance / ".env").read_bytes()
    assert lab.app_key.encode() in env
    path = str(lab.instance)
    said: list[Ended] = []
    sampler = Sampler(secrets, (lab.directory, cli.state))
    with core_dumps(), sampler.watching():
        said.append(cli.run("inspect", path).expect(0))
        said.append(cli.run("inspect", path, "--json").expect(0))
        said += [cli.run("plan", path, "--to", "7.1.0", "--format", form).expect(0) for form in FORMATS]
        said.append(cli.run("check", path, "--to", "7.1.0", "--json").expect(3))
        said.append(cli.run("backup", path).expect(0))
        lab.fail_migration(True)
        said.append(cli.upgrade("7.1.0", "--on-failure", "stop").expect(1))
        lab.fail_migration(False)
        said.append(cli.run("rollback", "latest", "--yes").expect(0))
        said += [cli.run("report", "latest", "--format", form).expect(0) for form in ("text", "json", "md")]
        backup = max((cli.state / "backups").iterdir())
        said.append(cli.run("backup", "verify", str(backup)).expect(0))
        said.append(cli.run("runs", "--json").expect(0))
    assert {"composer", "php", "git"} & {Path(name).name for name in sampler.seen}
    assert sampler.found == set()
    assert sampler.cores
    assert set(sampler.cores.values()) == {"0"}
    told = [path for path in cli.state.rglob("*.log") if b"told by a hook" in path.read_bytes()]
    assert told
    assert all(path.read_bytes().count(b"***") > 4 * len(CANARIES) for path in told)
    printed = "".join(f"{ended.out}\n{ended.err}" for ended in said).encode()
    assert [secret for secret in secrets if secret in printed] == []
    assert in_files(cli.state, secrets) == []
    assert open_modes(cli.state) == []


FORMATS = ("text", "json", "sh", "md")


@pytest.mark.parametrize("line", ["DB_PASSWORD={} unquoted", 'DB_PASSWORD="{}', "DB_PASSWORD ={}", "A{}"])
def test_a_secret_in_a_line_that_cannot_be_read_is_not_quoted(
    start_module_lab: StartLab, tmp_path: Path, line: str
) -> None:
    secret = "canary-7f3a91"
    lab = _shared(start_module_lab)
    path = lab.instance / ".env"
    before = path.read_bytes()
    path.write_bytes(before + line.format(secret).encode() + b"\n")
    cli = Cli(lab, tmp_path / "state")
    try:
        said = [
            cli.run("inspect", str(lab.instance)),
            cli.run("inspect", str(lab.instance), "--json"),
            cli.run("check", str(lab.instance), "--to", "7.1.0"),
            cli.run("backup", str(lab.instance)),
        ]
    finally:
        path.write_bytes(before)
    assert not [ended for ended in said if secret in ended.out + ended.err]


_labs: dict[int, Lab] = {}


def _shared(start: StartLab) -> Lab:
    if id(start) not in _labs:
        _labs[id(start)] = start("sqlite", "6.3.0")
    return _labs[id(start)]
