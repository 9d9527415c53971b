"""systemd's services, as far as systemctl tells: which unit a process belongs to, and whether it is active."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host
from dfwizard.instance.asking import Asker, Problems

_FPM = re.compile(r"(?:.*-)?php[\d.]*-?(?:php-)?fpm(?:@.*)?")


def services(ask: Asker, problems: Problems) -> Mapping[str, bool]:
    """Give the loaded services by name (without `.service`) with whether each is active; empty without systemd."""
    if ask.host.which("systemctl") is None:
        problems.add("systemctl is not on the PATH: services cannot be restarted, nor their state told")
        return {}
    result = ask.as_me(
        "systemctl", "list-units", "--type=service", "--all", "--plain", "--no-legend", "--no-pager"
    )
    if result.code != 0:
        problems.add(f"systemctl does not list services: {result.error_text.strip() or result.code}")
        return {}
    return parse_units(result.text)


def parse_units(text: str) -> dict[str, bool]:
    """Read `systemctl list-units --plain --no-legend`: name, load state, active state, ..."""
    found = {}
    for line in text.splitlines():
        words = line.split(None, 4)
        if len(words) >= 3 and words[0].endswith(".service") and words[1] == "loaded":
            found[words[0].removesuffix(".service")] = words[2] in {"active", "reloading"}
    return found


def unit_of(ask: Asker, pid: int, known: Mapping[str, bool]) -> str | None:
    """Give the service that a process runs in, by its control group; None where that is no service known."""
    match = re.search(r"/([^/\n]+)\.service(?:/|$)", group_of(ask.host, pid), re.MULTILINE)
    return match[1] if match and match[1] in known else None


def group_of(host: Host, pid: int) -> str:
    """Give what the system says of a process's control group; "" when the process is not there any more."""
    try:
        return host.read(f"/proc/{pid}/cgroup", limit=4096).decode("utf-8", "replace")
    except HostError:
        return ""


def fpm_unit(known: Mapping[str, bool], minor: str) -> str | None:
    """Give the service of php-fpm for a PHP such as 8.2: the one that names it, else the only one, active ones first."""
    candidates = [name for name in known if _FPM.fullmatch(name)]
    digits = minor.replace(".", "")
    named = [name for name in candidates if re.search(rf"php({re.escape(minor)}|{digits})(?!\d)", name)]
    return _only(named, known) or _only(candidates, known)


def named_unit(known: Mapping[str, bool], names: Sequence[str]) -> str | None:
    """Give the first of `names` that is a service."""
    return next((name for name in names if name in known), None)


def _only(names: Sequence[str], known: Mapping[str, bool]) -> str | None:
    active = [name for name in names if known[name]]
    if len(active) == 1:
        return active[0]
    return names[0] if len(names) == 1 else None
