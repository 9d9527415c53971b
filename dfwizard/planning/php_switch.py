"""What a person types to switch PHP, for the family of distributions that the server belongs to."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from fnmatch import fnmatchcase

from dfwizard.instance.facts import Facts
from dfwizard.rules import PhpSwitch, Rules

Lines = Callable[[PhpSwitch], "tuple[str, ...]"]


def install_lines(rules: Rules, facts: Facts, old: str, new: str) -> tuple[str, ...]:
    """Give what can be done before the run begins: PHP `new` installed beside `old`, where the family allows it."""
    return _lines(facts, families(rules, facts), old, new, lambda family: family.install)


def switch_lines(rules: Rules, facts: Facts, old: str, new: str) -> tuple[str, ...]:
    """Give what is typed while the run waits: command line, FPM and the web server's site go from PHP `old` to `new`."""

    def lines(family: PhpSwitch) -> tuple[str, ...]:
        server = {"nginx": family.nginx, "apache": family.apache}.get(facts.web.server or "", family.nginx)
        return (*family.switch, *server)

    return _lines(facts, families(rules, facts), old, new, lines)


def families(rules: Rules, facts: Facts) -> tuple[PhpSwitch, ...]:
    """Give the families that the server may belong to, as the name of php-fpm's service tells: one, or all where it does not."""
    unit = facts.web.fpm_service
    found = tuple(
        each for each in rules.php_switches if unit and fnmatchcase(unit.removesuffix(".service"), each.unit)
    )
    return found or rules.php_switches


def _lines(facts: Facts, known: tuple[PhpSwitch, ...], old: str, new: str, of: Lines) -> tuple[str, ...]:
    found: list[str] = []
    for family in known:
        found.append(f"# {family.title}:")
        sites = [path for path in facts.web.sites if "/fpm/" not in path and "/php-fpm.d/" not in path]
        site = " ".join(shlex.quote(path) for path in sites) or family.site
        found += [
            line.replace("{old}", old).replace("{new}", new).replace("{site}", site) for line in of(family)
        ]
    return tuple(found)
