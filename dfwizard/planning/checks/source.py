"""Checks of the code: version evidence, git, the origin, local changes, licence files."""

from __future__ import annotations

import re
import shlex

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
            Finding("version", Severity.OK, f"The instance runs {facts.release}: {facts.because}", evidence)
        ]
    return [
        Finding(
            "version-conflict",
            Severity.WARNING,
            f"The signs of the version disagree; {facts.release} is believed: {facts.because}",
            facts.conflicts,
            why="An upgrade that starts from half of another release may fail where nobody expects it.",
            remedy="Finish or take back what was left half done, or go on knowing it.",
        )
    ]


def repository(context: Context) -> list[Finding]:
    """The tree must be a git checkout without an operation in progress and without a lock."""
    facts = context.facts
    if facts.git is None:
        return [
            Finding(
                "git-repository",
                Severity.BLOCKER,
                "The instance is not a git repository",
                (f"{facts.path}/.git is missing or unreadable",),
                why="The in-place method of the guide checks the target out with git (Prerequisites).",
                remedy="Clone the installed release beside it, copy .env, storage and vendor over, and upgrade that.",
            )
        ]
    findings = []
    if facts.git.operation:
        findings.append(
            Finding(
                "git-operation",
                Severity.BLOCKER,
                f"A git {facts.git.operation} is in progress",
                (facts.path,),
                why="A checkout in the middle of it would mix two states.",
                remedy="Finish it or abort it.",
                command=git_command(
                    context, _ABORT.get(facts.git.operation, f"{facts.git.operation} --abort")
                ),
            )
        )
    findings += [
        Finding(
            "git-lock",
            Severity.BLOCKER,
            "git's lock stands: another git works in the tree, or one was killed there",
            (lock,),
            why="Every git command that writes refuses to start, in the middle of the upgrade.",
            remedy="Wait for that git. When none runs (`pgrep -a git`) the file is left over: remove it.",
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
            Finding(
                "git-remote",
                Severity.BLOCKER,
                "The remote `origin` cannot be used",
                (
                    found.error or "it has no tags",
                    facts.git.remote if facts.git and facts.git.remote else "no remote",
                ),
                why="The releases are fetched from there.",
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
                Finding(
                    "target-tag",
                    Severity.BLOCKER,
                    f"The origin has no tag {release.tag}",
                    (f"it has {counted(len(found.tags()), 'tag')}",),
                    why="A release is checked out by its tag, never by a branch of the same name.",
                    remedy="Choose another target, or correct the URL of the remote.",
                )
            )
        elif commit != release.commit:
            findings.append(
                Finding(
                    "target-commit",
                    Severity.BLOCKER if official else Severity.WARNING,
                    f"The tag {release.tag} stands for another commit than the published one",
                    (f"origin: {commit}", f"published: {release.commit}"),
                    why="A tag that moved may be a re-cut release, a mirror, or a stranger's code.",
                    remedy="Compare with the releases page; give --rules FILE with the commit you expect when it is right.",
                    acceptable=True,
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
        Finding(
            "newer-releases",
            Severity.INFO,
            f"The origin has releases that this dfwizard does not know: {', '.join(newer)}",
            why="What they need and break is not known, so they are never chosen.",
            remedy="Get a newer dfwizard, or describe them in a rules file of your own (--rules FILE).",
        )
    ]


def local_changes(context: Context) -> list[Finding]:
    """Explain a dirty tree file by file; licence files are never put aside silently."""
    facts = context.facts
    findings = []
    if facts.tree.licensed:
        findings.append(
            Finding(
                "licence-files",
                Severity.BLOCKER,
                "Commercial licence files stand over the tracked ones",
                (*facts.tree.licensed, *shown(facts.tree.licensed_packages)),
                why="They belong to one release. Put aside (the guide's `git stash`) they leave an open source installation: "
                "scripting, scheduler and limits vanish while their rows stay.",
                remedy=f"Get the licence files for {context.goal.tag} from DreamFactory, and upgrade with them in place of the open ones.",
                acceptable=True,
            )
        )
    others = [file for file in facts.git.dirty if file.path not in facts.tree.licensed] if facts.git else []
    if others:
        findings.append(
            Finding(
                "local-changes",
                Severity.WARNING,
                f"{counted(len(others), 'tracked file')} changed or deleted",
                shown([f"{_STATES.get(file.state.strip(), file.state)}: {file.path}" for file in others]),
                why="A checkout replaces them. They are put into a git stash, which waits after the upgrade (guide: Step 2).",
                remedy="Look at them with `git diff HEAD`; what must live on goes back by hand from the stash.",
                command=git_command(context, "diff HEAD --stat"),
            )
        )
    return findings


_STATES = {"M": "changed", "D": "deleted", "A": "added", "R": "renamed", "T": "type changed", "U": "unmerged"}


def untracked_in_the_way(context: Context) -> list[Finding]:
    """Untracked files that a release on the road tracks would be overwritten by its checkout."""
    facts = context.facts
    tracked = {path for target in context.targets for path in target.paths}
    clashes = [path for path in facts.git.untracked if path in tracked] if facts.git else []
    if not clashes:
        return []
    return [
        Finding(
            "untracked-in-the-way",
            Severity.WARNING,
            f"{counted(len(clashes), 'untracked file')} where the release brings its own",
            shown(clashes),
            why="The checkout replaces them; they stay in the backup.",
            remedy="Move them aside first when you made them yourself.",
        )
    ]


def admin_ui(context: Context) -> list[Finding]:
    """A target of the 6.x line needs its admin UI from outside of composer."""
    if context.goal.admin_ui is not AdminUi.RELEASE_ZIP or context.facts.tree.admin_ui == "release-zip":
        return []
    if "admin-ui" in {step.id for step in context.plan.steps} and not context.admin_ui_error:
        return []
    return [
        Finding(
            "admin-ui",
            Severity.BLOCKER,
            f"{context.goal.tag} comes without its admin UI",
            (context.admin_ui_error,)
            if context.admin_ui_error
            else (f"the instance's own is {context.facts.tree.admin_ui}",),
            why="From 6.0.0 to 7.0.0 it is not among composer's packages: after the guide's steps the front page answers 500 "
            "`View [index] not found` (composer.json of 5.4.1 and 6.0.0).",
            remedy="Download release.zip of github.com/dreamfactorysoftware/df-admin-interface and name it with --admin-ui FILE; or "
            "go on to 7.0.1 or later, which brings its own.",
            acceptable=True,
        )
    ]


def release_notes(context: Context) -> list[Finding]:
    """Pass on what is known of each release on the road."""
    return [
        Finding(
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
