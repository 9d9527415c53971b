"""The packages as a composer repository of tar archives, readable by every user of the machine."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from tests.lab.catalogue import APPLICATION, Package, Release, packages, write_overlays

_STUB = """<?php

namespace {namespace};

/** {name} {version}. */
final class Release
{{
    const NAME = '{name}';

    const VERSION = '{version}';
}}
"""


def write_archives(target: Path) -> None:
    """Write one deterministic tar per package and version into `target`."""
    for versions in packages().values():
        for package in versions.values():
            archive = target / archive_name(package)
            archive.parent.mkdir(parents=True, exist_ok=True)
            _write_archive(package, archive)


def archive_name(package: Package) -> str:
    """The file name of a package's archive, relative to the directory of archives."""
    return f"{package.name.replace('/', '-')}-{package.version}.tar"


def write_repository(target: Path, release: Release, archives: Path) -> None:
    """Write the packages.json that offers exactly the versions which this release locks."""
    offered: dict[str, dict[str, Any]] = {}
    for name, version in {**release.locked, **release.licensed}.items():
        package = packages()[name][version]
        archive = archives / archive_name(package)
        digest = hashlib.sha1(archive.read_bytes(), usedforsecurity=False).hexdigest()
        dist = {"type": "tar", "url": f"file://{archive}", "reference": digest, "shasum": digest}
        offered[name] = {version: {**composer_json(package), "version": version, "dist": dist}}
    target.mkdir(parents=True, exist_ok=True)
    (target / "packages.json").write_text(json.dumps({"packages": offered}, indent=1))


def composer_json(package: Package) -> dict[str, Any]:
    """The package's own composer.json."""
    require = {"php": package.php} if package.php else {}
    require |= dict.fromkeys((f"ext-{name}" for name in package.extensions), "*")
    require |= dict.fromkeys(package.require, "*")
    if package.type == "composer-plugin":
        require["composer-plugin-api"] = "^1.0 || ^2.0"
    autoload = package.autoload or {"psr-4": {f"{_namespace(package)}\\": "src/"}}
    extra = dict(package.extra)
    if package.namespace:
        extra["laravel"] = {"providers": [f"{package.namespace}\\ServiceProvider"]}
    return {
        "name": package.name,
        "type": package.type,
        "description": f"{package.name} as the lab has it",
        "license": "Apache-2.0",
        "require": require,
        "autoload": autoload,
        "extra": extra,
    }


def _namespace(package: Package) -> str:
    if package.namespace:
        return package.namespace
    vendor, name = package.name.split("/")
    return "\\".join(part.replace("-", " ").title().replace(" ", "") for part in (vendor, name))


def _files(package: Package, directory: Path) -> dict[str, bytes]:
    replacements = {"VERSION": package.version.removeprefix("v"), "NAMESPACE": _namespace(package)}
    write_overlays(package.overlays, directory, replacements)
    files = {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}
    stub = _STUB.format(namespace=_namespace(package), name=package.name, version=package.version)
    files["composer.json"] = json.dumps(composer_json(package), indent=4).encode()
    files["README.md"] = f"# {package.name} {package.version}\n".encode()
    files["src/Release.php"] = stub.encode()
    if package.namespace and "src/ServiceProvider.php" not in files:
        provider = (APPLICATION / "packages" / "provider.php").read_text()
        files["src/ServiceProvider.php"] = provider.replace("@NAMESPACE@", package.namespace).encode()
    return files


def _write_archive(package: Package, archive: Path) -> None:
    directory = archive.with_suffix("")
    directory.mkdir()
    files = _files(package, directory)
    for path in sorted(directory.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    directory.rmdir()
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            # One directory at the top, as the archives of real packages have it.
            member = tarfile.TarInfo(f"{package.name.replace('/', '-')}/{name}")
            member.size = len(files[name])
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(files[name]))
