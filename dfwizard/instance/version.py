"""Which release is installed: every sign of it is kept, one is believed, and each disagreement is put into words.

How far each sign can be trusted differs: config/app.php is a hand-written literal that lags behind in 20 tags, so an
expected lag is no disagreement; GET /status repeats it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dfwizard.instance.facts import Evidence, GitFacts, VersionFacts


class KnownRelease(Protocol):
    """What detection needs to know of a release."""

    @property
    def tag(self) -> str:
        """Give the tag."""
        ...

    @property
    def config_version(self) -> str:
        """Give what its config/app.php says."""
        ...

    @property
    def commit(self) -> str:
        """Give the published commit."""
        ...

    @property
    def laravel(self) -> str:
        """Give the locked version of laravel/framework."""
        ...

    @property
    def df_core(self) -> str:
        """Give the locked version of dreamfactory/df-core."""
        ...

    @property
    def same_as(self) -> str:
        """Give the tag whose commit it repeats, or ""."""
        ...


class Releases(Protocol):
    """The release table, oldest first; `dfwizard.rules.Rules` is one."""

    @property
    def releases(self) -> Sequence[KnownRelease]:
        """Give all of them."""
        ...

    def by_commit(self, commit: str) -> Sequence[KnownRelease]:
        """Give those of a commit."""
        ...

    def by_tree(self, tree: str) -> Sequence[KnownRelease]:
        """Give those of a git tree."""
        ...

    def by_lock_hash(self, lock_hash: str) -> Sequence[KnownRelease]:
        """Give those with this content-hash in composer.lock."""
        ...

    def by_config_version(self, version: str) -> Sequence[KnownRelease]:
        """Give those whose config/app.php says so."""
        ...

    def laravel_line(self, laravel: str) -> Sequence[KnownRelease]:
        """Give those that a version of Laravel speaks for."""
        ...


@dataclass(frozen=True)
class Packages:
    """Versions named in composer.lock or vendor/composer/installed.json: what matters of them, without a leading `v`."""

    versions: dict[str, str]
    content_hash: str = ""

    @property
    def laravel(self) -> str:
        """Give the version of laravel/framework, "" when it is not among them."""
        return self.versions.get("laravel/framework", "")

    @property
    def df_core(self) -> str:
        """Give the version of dreamfactory/df-core."""
        return self.versions.get("dreamfactory/df-core", "")

    @property
    def said(self) -> str:
        """Give it in one line."""
        parts = [
            f"Laravel {self.laravel}" if self.laravel else "",
            f"df-core {self.df_core}" if self.df_core else "",
        ]
        parts.append(f"content-hash {self.content_hash}" if self.content_hash else "")
        return ", ".join(part for part in parts if part) or "no package of DreamFactory's"


@dataclass(frozen=True)
class Signs:
    """What was read, before it is judged; None where it could not be."""

    git: GitFacts | None = None
    config: str | None = None
    lock: Packages | None = None
    installed: Packages | None = None
    vendor_missing: bool = False
    df_version: str | None = None
    artisan: str | None = None
    status: str | None = None
    config_cached: bool = False


_PHP_TOKENS = re.compile(
    r"""(?P<comment>//[^\n]*|\#(?!\[)[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<single>'(?:\\.|[^'\\])*')
      | (?P<double>"(?:\\.|[^"\\])*")
      | (?P<arrow>=>)
      | (?P<open>[\[({]) | (?P<close>[\])}])
      | (?P<other>\w+|\S)""",
    re.VERBOSE | re.DOTALL,
)


def config_version(text: str) -> str | None:
    """Read the literal `'version' => 'X'` of config/app.php's outermost array, without PHP; None when there is none."""
    depth = 0
    before: tuple[str, str] = ("", "")
    for match in _PHP_TOKENS.finditer(text):
        kind, token = str(match.lastgroup), match.group()
        if kind == "comment":
            continue
        depth += (kind == "open") - (kind == "close")
        literal = _literal(kind, token)
        if literal is not None and depth == 1 and before == ("version", "=>"):
            return literal
        before = (before[1], literal if literal is not None else token)
    return None


def _literal(kind: str, token: str) -> str | None:
    if kind == "single":
        return re.sub(r"\\([\\'])", r"\1", token[1:-1])
    if kind == "double" and "$" not in token and "\\" not in token:
        return token[1:-1]
    return None


def read_packages(data: bytes) -> Packages | None:
    """Read composer.lock, or vendor/composer/installed.json in either of composer's forms; None when it is neither."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    packages = document.get("packages") if isinstance(document, dict) else document
    if not isinstance(packages, list):
        return None
    versions = {
        str(package["name"]): str(package["version"]).removeprefix("v")
        for package in packages
        if isinstance(package, dict) and "name" in package and "version" in package
    }
    found = document.get("content-hash", "") if isinstance(document, dict) else ""
    return Packages(versions, found if isinstance(found, str) else "")


def decide(signs: Signs, releases: Releases | None) -> VersionFacts:
    """Judge the signs: which release is believed, why, and what disagrees.

    A commit known to the table goes first, then a tree, a tag at HEAD and a known composer.lock; where none of these names a
    release, the one that most of the other signs fit, if config/app.php is among them.
    """
    if releases is None:
        return VersionFacts(None, "no release table was given", ())
    evidence = tuple(_evidence(signs, releases))
    release, because = _believe(evidence, releases)
    if release is None:
        return VersionFacts(None, because, evidence)
    same = {one.tag for one in releases.releases if release.tag in {one.tag, one.same_as}}
    return VersionFacts(release.tag, because, evidence, tuple(_conflicts(signs, evidence, release, same)))


def _tags(found: Sequence[KnownRelease]) -> tuple[str, ...]:
    return tuple(release.tag for release in found)


def _evidence(signs: Signs, releases: Releases) -> list[Evidence]:
    found = _git_evidence(signs.git, releases) if signs.git else []
    if signs.config is not None:
        found.append(Evidence("config", signs.config, _tags(releases.by_config_version(signs.config))))
    if signs.lock is not None:
        found.append(_lock_evidence(signs.lock, releases))
    if signs.installed is not None:
        found.append(
            Evidence("installed.json", signs.installed.said, _fits(signs.installed, releases.releases))
        )
    if signs.df_version is not None:
        match = re.search(r"\d+(?:\.\d+)+", signs.df_version)
        known = [one for one in releases.releases if match and one.tag == match.group()]
        note = "" if known else "the guide names this command; the published releases do not have it"
        found.append(Evidence("df:version", signs.df_version, _tags(known), note=note))
    if signs.artisan is not None:
        match = re.search(r"\d+(?:\.\d+)+", signs.artisan)
        found.append(
            Evidence("artisan", signs.artisan, _tags(releases.laravel_line(match.group())) if match else ())
        )
    if signs.status is not None:
        found.append(Evidence("status", signs.status, _tags(releases.by_config_version(signs.status))))
    return found


def _git_evidence(git: GitFacts, releases: Releases) -> list[Evidence]:
    by_commit, by_tree = releases.by_commit(git.commit), releases.by_tree(git.tree)
    found = [Evidence("commit", git.commit, _tags(by_commit), bool(by_commit))]
    found.append(Evidence("tree", git.tree, _tags(by_tree), bool(by_tree)))
    known = {release.tag: release for release in releases.releases}
    here = [tag for tag in git.tags if tag in known]
    if here:
        differs = not by_commit and any(known[tag].commit != git.commit for tag in here)
        note = "not the published commit of that tag" if differs else ""
        found.append(Evidence("tag", ", ".join(git.tags), tuple(here), True, note))
    elif match := re.fullmatch(r"(.+)-(\d+)-g[0-9a-f]+", git.describe):
        base, count = match.groups()
        note = f"{count} commits after {base}"
        found.append(Evidence("tag", git.describe, (base,) if base in known else (), note=note))
    elif git.tags:
        found.append(Evidence("tag", ", ".join(git.tags), note="no release of the table has such a tag"))
    return found


def _fits(packages: Packages, releases: Sequence[KnownRelease]) -> tuple[str, ...]:
    """Give the releases that lock the same Laravel and df-core."""
    if not packages.laravel:
        return ()
    same = [one for one in releases if one.laravel == packages.laravel]
    return _tags([one for one in same if not packages.df_core or one.df_core == packages.df_core])


def _lock_evidence(lock: Packages, releases: Releases) -> Evidence:
    by_hash = releases.by_lock_hash(lock.content_hash)
    if not by_hash:
        return Evidence(
            "composer.lock",
            lock.said,
            _fits(lock, releases.releases),
            note="its content-hash is no release's",
        )
    fits = _fits(lock, by_hash) or _tags(by_hash)
    return Evidence("composer.lock", lock.said, fits, exact=len(fits) == 1)


def _believe(evidence: Sequence[Evidence], releases: Releases) -> tuple[KnownRelease | None, str]:
    known = {release.tag: release for release in releases.releases}
    order = [release.tag for release in releases.releases]
    sign = next(
        (
            one
            for source in ("commit", "tree", "tag", "composer.lock")
            for one in evidence
            if one.source == source and one.exact and one.fits
        ),
        None,
    )
    votes = _votes(evidence)
    if sign is not None:
        candidates = list(sign.fits)
        because = {
            "commit": f"the commit is that of {' and '.join(candidates)}",
            "tree": f"the tree is that of {' and '.join(candidates)}",
            "tag": f"the tag{'s' if len(candidates) > 1 else ''} {' and '.join(candidates)} "
            f"point{'' if len(candidates) > 1 else 's'} at the commit",
            "composer.lock": f"composer.lock is that of {candidates[0]}",
        }[sign.source]
    else:
        if not any(one.source == "config" and one.fits for one in evidence):
            return None, "no sign names a release"
        most = max(votes.values())
        candidates = [tag for tag in order if votes.get(tag) == most]
        agreeing = [one.source for one in evidence if candidates[0] in one.fits and one.source in _VOTERS]
        because = f"{', '.join(agreeing)} agree on {' or '.join(candidates)}"
    own = [tag for tag in candidates if not known[tag].same_as] or candidates
    best = max(own, key=lambda tag: (votes.get(tag, 0), order.index(tag)))
    if any(known[tag].same_as == best for tag in known):
        others = [tag for tag in known if known[tag].same_as == best]
        because += f"; {', '.join(others)} is the same commit and behaves as {best}"
    elif len(own) > 1:
        because += f"; nothing tells them apart, {best} is the newest"
    return known[best], because


_VOTERS = ("tag", "config", "composer.lock", "installed.json")


def _votes(evidence: Sequence[Evidence]) -> dict[str, int]:
    votes: dict[str, int] = {}
    for one in evidence:
        for tag in one.fits if one.source in _VOTERS else ():
            votes[tag] = votes.get(tag, 0) + 1
    return votes


def _some(tags: Sequence[str]) -> str:
    return f"{tags[0]} to {tags[-1]}" if len(tags) > 2 else " or ".join(tags)


def _conflicts(
    signs: Signs, evidence: Sequence[Evidence], release: KnownRelease, same: set[str]
) -> list[str]:
    by_source = {one.source: one for one in evidence}

    def against(source: str) -> Evidence | None:
        found = by_source.get(source)
        return found if found and found.fits and not same.intersection(found.fits) else None

    found = []
    if (tag := against("tag")) and not tag.note.endswith("commit of that tag"):
        found.append(f"the tag at the commit is {tag.said}, but the commit is that of {release.tag}")
    config = by_source.get("config")
    if config and config.said != release.config_version:
        found.append(
            f"config/app.php says {config.said} but the code is {release.tag}, which says {release.config_version} there"
        )
    if lock := against("composer.lock"):
        found.append(
            f"composer.lock is that of {_some(lock.fits)} ({lock.said}) but the code is {release.tag}: "
            "it was replaced or not checked out"
        )
    found += _vendor_conflicts(signs, against("installed.json"), release)
    artisan = against("artisan")
    if artisan and not against("installed.json"):
        found.append(
            f"artisan says {artisan.said} ({_some(artisan.fits)}) but the code is {release.tag}: composer install never finished"
        )
    if signs.status is not None and signs.status != release.config_version:
        why = (
            "the configuration is cached"
            if signs.config_cached
            else "php-fpm was not restarted, or configuration is cached"
        )
        found.append(
            f"GET /status says {signs.status} but the code is {release.tag} ({release.config_version} there): {why}"
        )
    return found


def _vendor_conflicts(signs: Signs, installed: Evidence | None, release: KnownRelease) -> list[str]:
    if signs.vendor_missing:
        return [
            "vendor/composer/installed.json is missing: composer install was never run, or vendor was removed"
        ]
    if installed is not None and signs.installed is not None:
        what = f"vendor is {signs.installed.laravel} ({_some(installed.fits)})"
        return [f"{what} but the code is {release.tag}: composer install never finished"]
    lock, vendor = signs.lock, signs.installed
    if lock is None or vendor is None:
        return []
    differing = sorted(
        name
        for name in ("laravel/framework", "dreamfactory/df-core")
        if vendor.versions.get(name) != lock.versions.get(name)
    )
    return [
        f"vendor has {name} {vendor.versions.get(name, 'not at all')} where composer.lock has "
        f"{lock.versions.get(name, 'none')}: composer install never finished"
        for name in differing
    ]
