"""One server of a sandbox: its programs, the configuration of its services, and the installation on it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from dfwizard.demo import content
from dfwizard.demo.origin import Tag, make_clone
from dfwizard.demo.standins import world
from dfwizard.errors import DfwizardError
from dfwizard.hosts.local import LocalHost
from dfwizard.rules import Release

MARKER = "sandbox.json"
"""What a server's stand-ins read of the scenario; the reader is `standins/world.py`."""

PROGRAMS = (
    "php",
    "composer",
    "systemctl",
    "systemd-run",
    "ps",
    "nginx",
    "php-fpm",
    "curl",
    "df",
    "getent",
    "free",
    "getenforce",
)
"""What stands in for the machine's own programs; git, tar, zstd or gzip, find and sha256sum are the machine's."""

REMOTE_PROGRAMS = (*PROGRAMS, "sshd", "sudo")
_WITH_PACKAGES = frozenset({"sshd"})
"""Stand-ins that need more than the standard library."""


@dataclass(frozen=True)
class Server:
    """A server whose disk is `directory`; its web server answers for the name `site`."""

    directory: Path
    site: str = "api.example.com"

    @property
    def instance(self) -> Path:
        """Give the installation's directory."""
        return self.directory / "opt" / "dreamfactory"

    def environment(self) -> dict[str, str]:
        """Give the variables under which its own programs come first, and nobody's own settings count."""
        path = os.environ.get("PATH") or os.defpath
        own = str(self.directory / "bin")
        others = [place for place in path.split(os.pathsep) if place != own]
        return {
            "PATH": os.pathsep.join((own, *others)),
            "TMPDIR": str(self.directory / "tmp"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
        }

    def mark(self, marker: Mapping[str, object]) -> None:
        """Write what the stand-ins are to know of the scenario."""
        (self.directory / MARKER).write_text(json.dumps(marker))

    def wish(self, faults: Mapping[str, object]) -> None:
        """Write how the stand-ins are to behave."""
        (self.directory / "faults.json").write_text(json.dumps(faults, indent=1))

    def make(self, programs: tuple[str, ...]) -> None:
        """Make its directories, and the stand-ins for `programs`."""
        for name in ("bin", "etc", "home", "lib", "opt", "tmp"):
            (self.directory / name).mkdir(mode=0o700 if name in ("tmp", "home") else 0o755)
        lib = self.directory / "lib" / "standins"
        lib.mkdir()
        for source in (resources.files("dfwizard.demo") / "standins").iterdir():
            if source.name.endswith(".py"):
                (lib / source.name).write_bytes(source.read_bytes())
        for program in programs:
            # By way of sh: the path of Python may hold blanks, or be too long for a first line.
            alone = () if program in _WITH_PACKAGES else ("-IS",)
            line = shlex.join((sys.executable or "python3", *alone, str(lib / "standin.py"), program))
            script = self.directory / "bin" / program
            script.write_text(f'#!/bin/sh\nexec {line} "$@"\n')
            script.chmod(0o755)

    def install(self, release: Release, tag: Tag, origin: Path, life: content.Life, php: str) -> None:
        """Clone a release out of `origin` and fill the installation with `life`; the server's PHP is `php` ("" for the usual one)."""
        make_clone(self.instance, origin, tag)
        content.write_environment(self.instance, release, life)
        content.write_database(self.instance / content.DATABASE, release, life)
        content.write_files(self.instance, release, life)
        for path, text in self._configuration(php).items():
            file = self.directory / "etc" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def _configuration(self, php: str) -> dict[str, str]:
        stat = LocalHost().stat(str(self.instance))
        owner, group = (stat.owner, stat.group) if stat else ("", "")
        unit, directory = world.fpm_names(php or world.PHP_VERSION)
        socket = f"/run/php/{unit}.sock"
        public = f"{self.instance}/public".replace("\\", "\\\\").replace('"', '\\"')
        return {
            "nginx/nginx.conf": "events {}\nhttp {\n    include sites-enabled/*.conf;\n}\n",
            "nginx/sites-enabled/dreamfactory.conf": (
                f'server {{\n    listen 80;\n    server_name {self.site};\n    root "{public}";\n    index index.php;\n'
                "    location / {\n        try_files $uri $uri/ /index.php?$args;\n    }\n"
                f"    location ~ \\.php$ {{\n        fastcgi_pass unix:{socket};\n    }}\n}}\n"
            ),
            f"{directory}/php-fpm.conf": f"[global]\nerror_log = /var/log/{unit}.log\ninclude=pool.d/*.conf\n",
            f"{directory}/pool.d/www.conf": f"[www]\nuser = {owner}\ngroup = {group}\nlisten = {socket}\n",
        }

    def install_packages(self) -> None:
        """Let the stand-in for composer make vendor, as it will in an upgrade; this also shows that programs run there.

        Raises:
            DfwizardError: they do not.
        """
        argv = (str(self.directory / "bin" / "composer"), "install", "--no-dev", "--no-interaction")
        environment = {**os.environ, **self.environment(), "COMPOSER_ALLOW_SUPERUSER": "1"}
        _run(argv, self.instance, environment)


def _run(argv: tuple[str, ...], cwd: Path, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            argv, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except PermissionError:
        raise DfwizardError(
            "programs cannot be run in the directory for temporary files",
            where=argv[0],
            remedy="It is mounted noexec: set TMPDIR to another directory, such as ~/tmp.",
        ) from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise DfwizardError(f"the sandbox's packages could not be made: {said[-300:]}", where=argv[0])
