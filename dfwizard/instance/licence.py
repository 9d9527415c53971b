"""Licence files of a release: where they lie on the host, and whether they are whole and of that release."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dfwizard.errors import UsageError
from dfwizard.instance.asking import Asker
from dfwizard.instance.origin import TargetFacts
from dfwizard.instance.tree import LICENSED_FILES

_LARGEST = 16 << 20
_MARK = "dreamfactory/"
_CORE = "dreamfactory/df-core"
_LARAVEL = "laravel/framework"


@dataclass(frozen=True)
class LicenceFiles:
    """The licence files of the release `tag`, in `directory` on the host.

    `packages` are those that the open release does not have; `doubt` says what looks as if the files were another release's.
    """

    tag: str
    directory: str
    manifest: Mapping[str, Any]
    lock: Mapping[str, Any]
    packages: tuple[str, ...]
    doubt: str = ""


def read_licence(ask: Asker, directory: str, targets: Sequence[TargetFacts]) -> tuple[LicenceFiles, ...]:
    """Read the licence files of each target, as the owner of the tree: those in `directory/TAG`, else, of the last one, in `directory`.

    Raises:
        UsageError: files are missing, cannot be read, do not fit each other, or are those of another Laravel.
    """
    return tuple(_read(ask, directory, target, alone=target is targets[-1]) for target in targets)


def _read(ask: Asker, directory: str, target: TargetFacts, *, alone: bool) -> LicenceFiles:
    own = posixpath.join(directory, target.tag)
    place = directory if alone and ask.as_owner("test", "-e", own).code != 0 else own
    manifest, lock = (_document(ask, posixpath.join(place, name), target.tag) for name in LICENSED_FILES[:2])
    locked = {
        str(package.get("name")): str(package.get("version", ""))
        for package in lock.get("packages") or ()
        if isinstance(package, dict)
    }
    required = manifest.get("require")
    asked = [name for name in (required if isinstance(required, dict) else {}) if name.startswith(_MARK)]
    problem = _problem(target, asked, locked)
    if problem:
        raise UsageError(
            problem,
            where=place,
            remedy=f"Get the licence files for {target.tag} from DreamFactory; each release has its own.",
        )
    return LicenceFiles(
        target.tag,
        place,
        manifest,
        lock,
        tuple(sorted(name for name in asked if name not in target.packages)),
        _doubt(target, locked),
    )


def _problem(target: TargetFacts, asked: Sequence[str], locked: Mapping[str, str]) -> str:
    """Say what speaks against licence files; "" for nothing."""
    lacking = [name for name in asked if name not in locked]
    if not asked:
        return "composer.json asks for no package of DreamFactory"
    if lacking:
        return f"composer.json asks for {lacking[0]}, which is not in composer.lock: the two are not of one release"
    if all(name in target.packages for name in asked):
        return "composer.json asks for nothing that the open source release does not have: there is no licensed package in it"
    ours, theirs = (_number(one, _LARAVEL) for one in (target.packages, locked))
    if ours and theirs.partition(".")[0] != ours.partition(".")[0]:
        return f"composer.lock has Laravel {theirs or '(none)'}, {target.tag} has Laravel {ours}: the files are another release's"
    return ""


def _doubt(target: TargetFacts, locked: Mapping[str, str]) -> str:
    """Nearly every release has a df-core of its own: another one tells of another release's files, or of files made later."""
    ours, theirs = (_number(one, _CORE) for one in (target.packages, locked))
    if not ours or ours == theirs:
        return ""
    return f"composer.lock has df-core {theirs or '(none)'}, the open source {target.tag} has df-core {ours}"


def _number(packages: Mapping[str, str], name: str) -> str:
    return packages.get(name, "").removeprefix("v")


def _document(ask: Asker, file: str, tag: str) -> Mapping[str, Any]:
    answer = ask.as_owner("cat", "--", file, keep=_LARGEST)
    if answer.code != 0:
        raise UsageError(
            f"{ask.owner} cannot read the licence file: {answer.error_text.strip().rpartition(': ')[2] or 'no reason was given'}",
            where=file,
            remedy=f"Put composer.json and composer.lock of {tag} there, readable to {ask.owner}.",
        )
    try:
        document = json.loads(answer.stdout)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UsageError(
            "the licence file is no JSON document", where=file, remedy="Copy it to the server again."
        )
    return document
