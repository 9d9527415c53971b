"""The lab's releases and packages, as `application/releases.json` lists them.

Names, numbers, PHP constraints and release dates are those of the real DreamFactory locks; the packages' contents are not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.lab.processes import LabError

APPLICATION = Path(__file__).parent / "application"


@dataclass(frozen=True)
class Package:
    """One package in one version, ready to be written to disk."""

    name: str
    version: str
    php: str
    """The package's own constraint on PHP, or "" where it has none."""
    require: tuple[str, ...]
    extensions: tuple[str, ...]
    type: str
    namespace: str
    """The namespace of its Laravel service provider, or "" where it has none."""
    autoload: dict[str, Any]
    extra: dict[str, Any]
    overlays: tuple[Path, ...]
    """Directories whose files make up the package, later ones on top."""


@dataclass(frozen=True)
class Release:
    """One release of the application."""

    tag: str
    tags: tuple[str, ...]
    """All tags on its commit, `tag` first."""
    branch: bool
    """Whether a branch has the tag's name, with another commit and the same tree."""
    date: str
    config_version: str
    """What its config/app.php says, which is not always what the tag says."""
    php: str
    platform: str
    require: dict[str, str]
    """Root constraints that are not derived from the locked version."""
    locked: dict[str, str]
    licensed: dict[str, str]
    """Packages that only a commercial bundle has, on top of `locked`."""
    overlays: tuple[Path, ...]
    """Directories whose files make up its tree, later ones on top."""


def _document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((APPLICATION / "releases.json").read_text())
    return loaded


@cache
def packages() -> dict[str, dict[str, Package]]:
    """Every package by name and version."""
    found: dict[str, dict[str, Package]] = {}
    for name, entry in _document()["packages"].items():
        versions = list(entry["php"])
        found[name] = {version: _package(name, version, versions, entry) for version in versions}
    return found


def _package(name: str, version: str, versions: list[str], entry: dict[str, Any]) -> Package:
    directory = APPLICATION / "packages" / name
    newer = [directory.with_name(f"{directory.name}@{v}") for v in versions[: versions.index(version) + 1]]
    return Package(
        name=name,
        version=version,
        php=entry["php"][version],
        require=tuple(entry.get("require", ())),
        extensions=tuple(entry.get("extensions", ())),
        type=entry.get("type", "library"),
        namespace=entry.get("namespace", ""),
        autoload=entry.get("autoload", {}),
        extra=entry.get("extra", {}),
        overlays=tuple(path for path in (directory, *newer) if path.is_dir()),
    )


@cache
def releases() -> dict[str, Release]:
    """Every release by its main tag, oldest first: each entry in the file is a change to the one before it."""
    found: dict[str, Release] = {}
    require: dict[str, str] = {}
    locked: dict[str, str] = {}
    licensed: dict[str, str] = {}
    overlays = [APPLICATION / "base"]
    for entry in _document()["releases"]:
        require = {**require, **entry.get("require", {})}
        locked = {k: v for k, v in {**locked, **entry["locked"]}.items() if v is not None}
        licensed = {**licensed, **entry["licensed"]}
        overlays = [*overlays, APPLICATION / "releases" / entry["tag"]]
        found[entry["tag"]] = Release(
            tag=entry["tag"],
            tags=(entry["tag"], *entry.get("also", ())),
            branch=entry.get("branch", False),
            date=entry["date"],
            config_version=entry["config_version"],
            php=entry["php"],
            platform=entry["platform"],
            require=require,
            locked=locked,
            licensed=licensed,
            overlays=tuple(path for path in overlays if path.is_dir()),
        )
    return found


def release_of(tag: str) -> Release:
    """The release that carries this tag; LabError names the known tags."""
    for release in releases().values():
        if tag in release.tags:
            return release
    known = ", ".join(tag for release in releases().values() for tag in release.tags)
    raise LabError(f"the lab has no release {tag}; it has {known}")


def write_overlays(overlays: tuple[Path, ...], target: Path, replacements: dict[str, str]) -> None:
    """Copy the overlays' files into `target`, with `@NAME@` replaced; a `.removed` file lists what an overlay takes away."""
    for overlay in overlays:
        removed = overlay / ".removed"
        if removed.exists():
            for line in removed.read_text().splitlines():
                (target / line).unlink()
        for source in sorted(path for path in overlay.rglob("*") if path.is_file() and path != removed):
            destination = target / source.relative_to(overlay)
            destination.parent.mkdir(parents=True, exist_ok=True)
            content = source.read_bytes()
            for name, value in replacements.items():
                content = content.replace(f"@{name}@".encode(), value.encode())
            destination.write_bytes(content)
            destination.chmod(0o755 if content.startswith(b"#!") else 0o644)
