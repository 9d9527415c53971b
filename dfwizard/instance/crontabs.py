"""Crontab lines that work on the instance: df-scheduler installs one in the crontab of whoever boots the application."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from dfwizard.errors import HostError
from dfwizard.instance.asking import Asker, Problems

_SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron")
_SECRET = re.compile(
    r"((?:\w*(?:pass|passwd|password|secret|token|key)\w*)[=: ]\s*)(\"[^\"]*\"|'[^']*'|\S+)", re.IGNORECASE
)
_URL_SECRET = re.compile(r"(://[^/\s:@]*):[^/\s@]+@")
_LARGEST = 1 << 20


def crontab_lines(ask: Asker, users: Iterable[str], problems: Problems) -> tuple[str, ...]:
    """Give `FILE: line` for each line of the crontabs of `users` and of /etc/cron.d that mentions the instance's path.

    What looks like a password or token in a line is masked.
    """
    found = []
    for file in _files(ask, users, problems):
        try:
            text = ask.host.read(file, limit=_LARGEST).decode("utf-8", "surrogateescape")
        except HostError as error:
            problems.add(f"{file} cannot be read: {error.what}")
            continue
        found += [f"{file}: {masked(line)}" for line in text.splitlines() if mentions(line, ask.path)]
    return tuple(found)


def mentions(line: str, path: str) -> bool:
    """Whether a line that is no comment names `path` itself or something below it, not merely a path that begins alike."""
    if line.lstrip().startswith("#"):
        return False
    return re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w.-])", line) is not None


def masked(line: str) -> str:
    """Give the line with passwords and tokens as asterisks."""
    return _URL_SECRET.sub(r"\1:***@", _SECRET.sub(r"\1***", line.strip()))


def _files(ask: Asker, users: Iterable[str], problems: Problems) -> list[str]:
    host = ask.host
    files = []
    try:
        for user in sorted(set(users)):
            files += [posixpath.join(spool, user) for spool in _SPOOLS]
        files.append("/etc/crontab")
        if host.stat("/etc/cron.d", follow=True) is not None:
            files += [posixpath.join("/etc/cron.d", name) for name in host.listdir("/etc/cron.d")]
        stats = {file: host.stat(file, follow=True) for file in files}
    except HostError as error:
        problems.add(f"crontabs cannot be read: {error.what}")
        return []
    return [file for file, stat in stats.items() if stat is not None and stat.kind == "file"]
