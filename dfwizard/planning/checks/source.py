"""Checks of the code: version evidence, git, the origin, local changes, licence files."""

from __future__ import annotations

import re
import shlex

from dfwizard.planning.catalogue import explained
from dfwizard.planning.checks.context import Check, Context
from dfwizard.planning.findings import Finding, Severity, counted
from dfwizard.rules import AdminUi
from dfwizard.rules.model import parse_version

OFFICIAL = "github.com/dreamfactorysoftware/dreamfactory"
_SHOWN = 12


def shown(items: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Give the first items, and a last line that counts the rest."""
    rest = len(items) - _SHOWN
    return (*items[:_SHOWN], f"and {rest} more") if rest > 0 else tuple(items)


def git_command(context: Context, arguments: str) -> str:
    """Give a git command for a person to type: as the tree's owner, for git refuses a tree of somebody else to root."""
    facts = context.facts
    before = "" if facts.me == facts.tree.owner else f"runuser -u {shlex.quote(facts.tree.owner)} -- "
    return f"{before}git -C {shlex.quote(facts.path)} {arguments}"


def version(context: Context) -> list[Finding]:
    """Name every disagreement in the evidence of the version."""
    facts = context.facts.version
    evidence = tuple(f"{item.source}: {item.said}" for item in facts.evidence)
    if not facts.conflicts:
        return [
            explained("version", Severity.OK, f"The instance runs {facts.release}: {facts.because}", evidence)
        ]
    return [
        explained(
            "version-conflict",
            Severity.WARNING,
            f"The signs of the version disagree; {facts.release} is believed: {facts.because}",
            facts.conflicts,
        )
    ]


def repository(context: Context) -> list[Finding]:
    """The tree must be a git checkout without an operation in progress and without a lock."""
    facts = context.facts
    if facts.git is None:
        return [
            explained(
                "git-repository",
                Severity.BLOCKER,
                "The instance is not a git repository",
                (f"{facts.path}/.git is missing or unreadable",),
            )
        ]
    findings = []
    if facts.git.operation:
        findings.append(
            explained(
                "git-operation",
                Severity.BLOCKER,
                f"A git {facts.git.operation} is in progress",
                (facts.path,),
                command=git_command(
                    context, _ABORT.get(facts.git.operation, f"{facts.git.operation} --abort")
                ),
            )
        )
    findings += [
        explained(
            "git-lock",
            Severity.BLOCKER,
            "git's lock stands: another git works in the tree, or one was killed there",
            (lock,),
            command=f"rm -- {shlex.quote(lock)}",
        )
        for lock in facts.git.locks
    ]
    return findings


_ABORT = {"bisect": "bisect reset"}
"""How to leave an operation that knows no --abort."""


def origin(context: Context) -> list[Finding]:
    """The origin must answer and have every tag of the road, at the commit that is known."""
    facts, found = context.facts, context.origin
    if found.error or not found.refs:
        return [
            explained(
                "git-remote",
                Severity.BLOCKER,
                "The remote `origin` cannot be used",
                (
                    found.error or "it has no tags",
                    facts.git.remote if facts.git and facts.git.remote else "no remote",
                ),
                remedy=f"As {facts.tree.owner}, make this work: git -C {shlex.quote(facts.path)} ls-remote --tags origin",
                command=git_command(context, "ls-remote --tags origin"),
            )
        ]
    findings = []
    official = bool(facts.git and facts.git.remote and OFFICIAL in facts.git.remote)
    for release in context.way:
        commit = found.commit(release.tag)
        if commit is None:
            findings.append(
                explained(
                    "target-tag",
                    Severity.BLOCKER,
                    f"The origin has no tag {release.tag}",
                    (f"it has {counted(len(found.tags()), 'tag')}",),
                )
            )
        elif commit != release.commit:
            findings.append(
                explained(
                    "target-commit",
                    Severity.BLOCKER if official else Severity.WARNING,
                    f"The tag {release.tag} stands for another commit than the published one",
                    (f"origin: {commit}", f"published: {release.commit}"),
                )
            )
    return findings


def newer_releases(context: Context) -> list[Finding]:
    """Tell of releases that the origin has and the rules do not know."""
    newest = context.rules.behaves_as(context.rules.newest())
    known = {release.tag for release in context.rules.releases}
    numbered = [
        tag for tag in context.origin.tags() if tag not in known and re.fullmatch(r"\d+(\.\d+){1,2}", tag)
    ]
    newer = sorted((tag for tag in numbered if parse_version(tag) > newest), key=parse_version)
    if not newer:
        return []
    return [
        explained(
            "newer-releases",
            Severity.INFO,
            f"The origin has releases that this dfwizard does not know: {', '.join(newer)}",
        )
    ]


def local_changes(context: Context) -> list[Finding]:
    """Explain a dirty tree file by file; licence files are never put aside silently."""
    facts = context.facts
    findings = _licence(context)
    others = [file for file in facts.git.dirty if file.path not in facts.tree.licensed] if facts.git else []
    if others:
        findings.append(
            explained(
                "local-changes",
                Severity.WARNING,
                f"{counted(len(others), 'tracked file')} changed or deleted",
                shown([f"{_STATES.get(file.state.strip(), file.state)}: {file.path}" for file in others]),
                command=git_command(context, "diff HEAD --stat"),
            )
        )
    return findings


def _licence(context: Context) -> list[Finding]:
    """Licence files are of one release: those of the target are put in place, or nothing is begun."""
    tree, tag = context.facts.tree, context.goal.tag
    doubts = [f"{files.tag}: {files.doubt}" for files in context.licence if files.doubt]
    lost = [
        name
        for name in tree.licensed_packages
        if context.licence and name not in context.licence[-1].packages
    ]
    if context.licence:
        return [
            explained(
                "licence-files",
                Severity.WARNING if doubts or lost else Severity.INFO,
                f"Licence files are put in place: {tag} comes with {counted(len(context.licence[-1].packages), 'licensed package')}",
                (
                    *(f"{files.tag}: {files.directory}" for files in context.licence),
                    *shown(context.licence[-1].packages),
                    *doubts,
                    *(f"{name} is here now, and does not come with them" for name in lost),
                ),
                remedy="See that they are the files for these releases, and of your contract."
                if doubts or lost
                else "",
            )
        ]
    if not tree.licensed and context.licence_error is None:
        return []
    title = (
        "The licence files that were named cannot be used"
        if context.licence_error
        else "Commercial licence files stand over the tracked ones"
    )
    return [
        explained(
            "licence-files",
            Severity.BLOCKER,
            title,
            (
                *((context.licence_error,) if context.licence_error else ()),
                *tree.licensed,
                *shown(tree.licensed_packages),
            ),
            remedy=f"Get the licence files for {' and for '.join(one.tag for one in context.way)} from DreamFactory, put them on "
            "the server, and name their directory with --licence-files DIR (of several releases: DIR/RELEASE).",
        )
    ]


_STATES = {"M": "changed", "D": "deleted", "A": "added", "R": "renamed", "T": "type changed", "U": "unmerged"}


def untracked_in_the_way(context: Context) -> list[Finding]:
    """Untracked files that a release on the road tracks would be overwritten by its checkout."""
    facts = context.facts
    tracked = {path for target in context.targets for path in target.paths}
    clashes = [path for path in facts.git.untracked if path in tracked] if facts.git else []
    if not clashes:
        return []
    return [
        explained(
            "untracked-in-the-way",
            Severity.WARNING,
            f"{counted(len(clashes), 'untracked file')} where the release brings its own",
            shown(clashes),
        )
    ]


def admin_ui(context: Context) -> list[Finding]:
    """A target of the 6.x line needs its admin UI from outside of composer."""
    if context.goal.admin_ui is not AdminUi.RELEASE_ZIP or context.facts.tree.admin_ui == "release-zip":
        return []
    if "admin-ui" in {step.id for step in context.plan.steps} and not context.admin_ui_error:
        return []
    return [
        explained(
            "admin-ui",
            Severity.BLOCKER,
            f"{context.goal.tag} comes without its admin UI",
            (context.admin_ui_error,)
            if context.admin_ui_error
            else (f"the instance's own is {context.facts.tree.admin_ui}",),
        )
    ]


def release_notes(context: Context) -> list[Finding]:
    """Pass on what is known of each release on the road."""
    return [
        explained(
            f"release-{release.tag}-{warning.id}",
            Severity.INFO,
            f"{release.tag}: {warning.text}",
            (warning.source,),
        )
        for release in context.way
        for warning in release.warnings
    ]


SOURCE_CHECKS: tuple[Check, ...] = (
    version,
    repository,
    origin,
    newer_releases,
    local_changes,
    untracked_in_the_way,
    admin_ui,
    release_notes,
)
