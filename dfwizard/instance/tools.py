"""Which programs the host has."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host
from dfwizard.instance.asking import Asker

PROGRAMS = (
    "git", "composer", "tar", "zstd", "pigz", "gzip", "find", "sha256sum", "mysqldump", "mariadb-dump", "mysql", "mariadb",
    "pg_dump", "psql", "pg_restore", "sqlite3", "systemctl", "curl", "runuser", "sudo", "unzip", "7z", "7zz", "7za",
)  # fmt: skip


def tool_paths(host: Host) -> Mapping[str, str]:
    """Give the paths of those of `PROGRAMS` that are on the PATH."""
    found = {program: host.which(program) for program in PROGRAMS}
    return {program: path for program, path in found.items() if path}


def composer_version(ask: Asker, php: str, path: str) -> str:
    """Give composer's version, asked as the owner and with the PHP that will run it.

    Raises:
        HostError: it does not start.
    """
    env = {
        "COMPOSER_HOME": "/nonexistent",
        "COMPOSER_CACHE_DIR": "/dev/null",
        "COMPOSER_DISABLE_XDEBUG_WARN": "1",
    }
    flags = ("--no-ansi", "--no-interaction", "--no-plugins", "--version")
    result = ask.as_owner(php, path, *flags, env=env, timeout=30)
    match = re.search(r"Composer(?: version)? (\d+\.\d+\S*)", result.text)
    if match is None:  # not a PHP program: a shell wrapper, say
        result = ask.as_owner(path, *flags, env=env, timeout=30)
        match = re.search(r"Composer(?: version)? (\d+\.\d+\S*)", result.text)
    if match is None:
        said = (result.error_text.strip() or result.text.strip() or "nothing").splitlines()[-1]
        raise HostError(
            f"composer does not tell its version: {said}", where=path, remedy=f"Run {path} --version."
        )
    return match[1]
