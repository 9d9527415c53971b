"""What is known, and the questions it answers: which release is meant, what lies between two, what runs on what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dfwizard.errors import UsageError
from dfwizard.rules.model import (
    CarryRule,
    EnvAddition,
    EnvRule,
    Hop,
    PhpSwitch,
    Release,
    ServiceOrigin,
    TableRules,
    parse_version,
)

if TYPE_CHECKING:
    from packaging.version import Version

# What Laravel's env() makes no value of: the key is there, and the application sees "" or null.
_BLANK = frozenset({"", "null", "(null)", "empty", "(empty)"})


class UnknownRelease(UsageError):
    """No release of the rules is called so; the message names those that come near."""


@dataclass(frozen=True)
class Rules:
    """All that is known; `releases` are in the order of their versions."""

    releases: tuple[Release, ...]
    hops_table: tuple[Hop, ...]
    env: tuple[EnvRule, ...]
    tables: TableRules
    files: tuple[str, ...] = field(default=())
    """The files that the rules were read from, for messages and reports."""
    carry: tuple[CarryRule, ...] = field(default=())
    services: tuple[ServiceOrigin, ...] = field(default=())
    php_switches: tuple[PhpSwitch, ...] = field(default=())

    def by_tag(self, tag: str) -> Release | None:
        """Give the release with exactly this tag."""
        return next((release for release in self.releases if release.tag == tag), None)

    def by_commit(self, commit: str) -> tuple[Release, ...]:
        """Give the releases of a commit (full, or at least seven digits): two for 68531bb, 6.3.0 and 7.0.0."""
        prefix = commit.strip().lower()
        if not re.fullmatch(r"[0-9a-f]{7,40}", prefix):
            return ()
        return tuple(release for release in self.releases if release.commit.startswith(prefix))

    def by_tree(self, tree: str) -> tuple[Release, ...]:
        """Give the releases known to have this git tree (known for few)."""
        return tuple(release for release in self.releases if release.tree and release.tree == tree)

    def by_lock_hash(self, lock_hash: str) -> tuple[Release, ...]:
        """Give the releases whose composer.lock has this content-hash."""
        return tuple(release for release in self.releases if release.lock_hash == lock_hash)

    def by_config_version(self, version: str) -> tuple[Release, ...]:
        """Give the releases whose config/app.php says `version`."""
        return tuple(release for release in self.releases if release.config_version == version)

    def laravel_line(self, laravel: str) -> tuple[Release, ...]:
        """Give the releases that a Laravel version ("11.48.0", "v11.48.0") speaks for.

        Those that lock exactly this version where there are any, else those of the same Laravel line.
        """
        match = re.fullmatch(r"v?(\d+)\.(\d+)(\.\d+)*", laravel.strip())
        if match is None:
            return ()
        plain = laravel.strip().removeprefix("v")
        exact = tuple(release for release in self.releases if release.laravel == plain)
        # Up to 5.x a line of Laravel was two numbers.
        line = f"{match[1]}.{match[2]}." if int(match[1]) < 6 else f"{match[1]}."
        return exact or tuple(release for release in self.releases if release.laravel.startswith(line))

    def newest(self) -> Release:
        """Give the newest release that may be installed."""
        return self._newest(self.releases, "there is no release to install")

    def newest_of_major(self, major: int) -> Release:
        """Give the newest release of a line that may be installed.

        Raises:
            UnknownRelease: the line has none.
        """
        line = tuple(release for release in self.releases if release.major == major)
        return self._newest(line, f"there is no release of {major}.x to install")

    def _newest(self, releases: tuple[Release, ...], otherwise: str) -> Release:
        usable = [release for release in releases if release.usable_as_stop]
        if not usable:
            raise UnknownRelease(otherwise, remedy="Name another release, or pass a rules file that has one.")
        return usable[-1]

    def resolve(self, wish: str) -> Release:
        """Give the release that a person means: "latest", "7.1.0", "v7.1.0", "7.3", "refs/tags/7.1.0".

        Raises:
            UnknownRelease: there is none of that name.
        """
        name = wish.strip().removeprefix("refs/tags/")
        if name.lower() == "latest":
            return self.newest()
        found = self.by_tag(name) or self._by_version(name)
        if found is None:
            raise UnknownRelease(
                f"there is no release {wish!r}" if name else "no release was named",
                remedy=f"Known releases near it: {', '.join(self._near(name))}; or say latest.",
            )
        return found

    def _by_version(self, name: str) -> Release | None:
        # "7" alone is a line, not a release: packaging would read it as 7.0.0.
        if not re.fullmatch(r"v?\d+\.\d+.*", name, flags=re.IGNORECASE | re.ASCII):
            return None
        try:
            version = parse_version(name)
        except UsageError:
            return None
        return next((each for each in self.releases if parse_version(each.version) == version), None)

    def _near(self, name: str) -> list[str]:
        from difflib import get_close_matches

        numbers = [int(digits) for digits in re.findall(r"[0-9]{1,6}", name)[:3]]
        if not numbers:
            close = get_close_matches(name, [release.tag for release in self.releases], n=3)
            return close or [self.newest().tag]
        wanted = (*numbers, 0, 0)[:3]
        scored = sorted(
            self.releases,
            key=lambda each: [
                abs(a - b) for a, b in zip(parse_version(each.version).release, wanted, strict=False)
            ],
        )
        return [release.tag for release in sorted(scored[:4], key=lambda each: parse_version(each.version))]

    def behaves_as(self, version: Release | str) -> Version:
        """Give the version whose code this is: 6.3.0 for "7.0.0"; a version that the rules do not know is itself.

        Raises:
            UsageError: it is not a version.
        """
        if isinstance(version, str):
            known = self.by_tag(version) or self._by_version(version)
            return parse_version(known.behaves_as if known else version)
        return parse_version(version.behaves_as)

    def hops(self, from_version: Release | str, to_version: Release | str) -> tuple[Hop, ...]:
        """Give the guide's rows for an upgrade in place: one for each line that is left behind.

        Inside one line it is the row of minor upgrades; for the same code, or backwards, there is none. A
        boundary that the guide has no row for (2.x to 3.x) gives none: `stops` refuses it.
        """
        start, end = self.behaves_as(from_version), self.behaves_as(to_version)
        if start >= end:
            return ()
        if start.major == end.major:
            return tuple(hop for hop in self.hops_table if hop.to_line == "same")
        return tuple(
            hop for major in range(start.major, end.major) for hop in self.hops_table if hop.crosses(major)
        )

    def cross_server(self) -> Hop | None:
        """Give the guide's row for moving to another server."""
        return next((hop for hop in self.hops_table if hop.to_line == "cross-server"), None)

    def php_allows(self, release: Release, php: str) -> bool:
        """Whether the release and all that it locks run on a PHP version ("8.3" or "8.3.14")."""
        match = re.match(r"\d+\.\d+(?!\d)", php)
        return match is not None and match[0] in release.php_minors

    def composer_allows(self, release: Release, composer: str) -> bool:
        """Whether a Composer version can install the release's lock.

        Raises:
            UsageError: `composer` is not a version.
        """
        from packaging.specifiers import SpecifierSet

        return SpecifierSet(release.composer).contains(parse_version(composer), prereleases=True)

    def service_types(self, release: Release | str) -> frozenset[str]:
        """Give the service types that the open-source set of a release carries."""
        until = self.behaves_as(release)
        carried: set[str] = set()
        for each in self.releases:
            if parse_version(each.behaves_as) <= until:
                carried -= set(each.removed_service_types)
                carried |= set(each.added_service_types)
        return frozenset(carried)

    def service_origin(self, name: str) -> ServiceOrigin | None:
        """Say where a service type comes from that the open-source set of today does not carry; None: it is not known."""
        return next((each for each in self.services if each.name == name), None)

    def removed_service_types(
        self, from_version: Release | str, to_version: Release | str
    ) -> Mapping[str, Release]:
        """Give the service types that the open-source set loses on the way, with the release they go at.

        Those whose services a migration gives another type are not lost.
        """
        start, end = self.behaves_as(from_version), self.behaves_as(to_version)
        return {
            service_type: release
            for release in self.releases
            if start < parse_version(release.behaves_as) <= end
            for service_type in release.removed_service_types
            if not ((origin := self.service_origin(service_type)) and origin.becomes)
        }

    def env_changes(self, from_version: Release | str, to_version: Release | str) -> tuple[EnvRule, ...]:
        """Give the `.env` rules whose first release is passed on the way, oldest first."""
        start, end = self.behaves_as(from_version), self.behaves_as(to_version)
        crossed = [rule for rule in self.env if start < parse_version(rule.since) <= end]
        return tuple(sorted(crossed, key=lambda rule: parse_version(rule.since)))

    def carry_rule(self, key: str) -> CarryRule | None:
        """Give the rule for a key of `.env` in a migration: by its name, else by the longest pattern that fits it."""
        fitting = [
            ("*" not in pattern, len(pattern), rule)
            for rule in self.carry
            for pattern in rule.keys
            if fnmatchcase(key, pattern)
        ]
        return max(fitting, key=lambda item: item[:2])[2] if fitting else None

    def required_env(
        self, from_version: Release | str, to_version: Release | str, present: Mapping[str, str]
    ) -> tuple[EnvAddition, ...]:
        """Give the keys that `.env` needs before the code changes, given its `present` content.

        Each addition keeps the behaviour that the instance has now: the value of the old key where that is what
        the old code reads, else the rule's own.
        """
        additions: dict[str, EnvAddition] = {}
        for rule in self.env_changes(from_version, to_version):
            has_value = present.get(rule.new, "").strip().lower() not in _BLANK
            if not rule.required or has_value or rule.new in additions:
                continue
            old = present.get(rule.old, "").strip() if rule.old else ""
            value = rule.value if old.lower() in _BLANK else old
            additions[rule.new] = EnvAddition(rule.new, value, rule)
        return tuple(additions.values())
