"""Checks of the checkout beyond its release: what a clone lacks, what lies about, what a checkout leaves behind."""

from __future__ import annotations

import re
import shlex

from dfwizard.planning.catalogue import explained
from dfwizard.planning.checks.context import Check, Context
from dfwizard.planning.checks.source import git_command, shown
from dfwizard.planning.findings import Finding, Severity, counted

_BEYOND = re.compile(r"(.+)-([1-9]\d*)-g[0-9a-f]{4,40}")
"""What `git describe --tags` says of a commit that has no tag: the last one, and how many commits ago."""


def shallow(context: Context) -> list[Finding]:
    """A clone without its history is told: nothing here needs the history, other tools may."""
    git = context.facts.git
    if git is None or not git.shallow:
        return []
    command = git_command(context, "fetch --unshallow")
    return [
        explained(
            "git-shallow", Severity.INFO, "The clone is shallow", (context.facts.path,), command=command
        )
    ]


def same_name(context: Context) -> list[Finding]:
    """Tell of a release whose tag and a branch have one name: checking out by name may take the wrong one."""
    clashes = [
        f"branch {release.tag}: {branch[:12]}, tag: {(context.origin.commit(release.tag) or '')[:12]}"
        for release in context.way
        if (branch := context.origin.refs.get(f"refs/heads/{release.tag}"))
    ]
    if not clashes:
        return []
    return [
        explained(
            "tag-and-branch",
            Severity.INFO,
            f"The origin has a branch that is called as {'a release is' if len(clashes) == 1 else 'releases are'}",
            clashes,
        )
    ]


def stashes(context: Context) -> list[Finding]:
    """Stashes from before are kept; the upgrade's own comes on top of them."""
    git = context.facts.git
    if git is None or not git.stashes:
        return []
    return [
        explained(
            "git-stashes",
            Severity.INFO,
            f"git's stash holds {counted(git.stashes, 'earlier change')}",
            (context.facts.path,),
            command=git_command(context, "stash list"),
        )
    ]


def local_commits(context: Context) -> list[Finding]:
    """Commits of no release: the checkout of the target leaves them behind."""
    facts = context.facts
    if facts.git is None or any(
        item.fits and item.source in ("commit", "tree") for item in facts.version.evidence
    ):
        return []
    match = _BEYOND.fullmatch(facts.git.describe)
    if match is None:
        return []
    return [
        explained(
            "git-local-commits",
            Severity.WARNING,
            f"The checkout is {counted(int(match[2]), 'commit')} beyond {match[1]}, and no release",
            (f"commit {facts.git.commit}", f"branch {facts.git.branch or 'none (detached)'}"),
            command=git_command(context, f"log --oneline {shlex.quote(match[1])}..HEAD"),
        )
    ]


def copies(context: Context) -> list[Finding]:
    """A whole tree inside the instance is a copy that went wrong; one beside it is somebody's backup."""
    facts = context.facts
    inside = [path for path in facts.server.copies if path.startswith(f"{facts.path}/")]
    beside = [path for path in facts.server.copies if path not in inside]
    findings = []
    if inside:
        findings.append(
            explained("copy-inside", Severity.WARNING, "Another DreamFactory lies inside of this one", inside)
        )
    if beside:
        findings.append(
            explained("copy-beside", Severity.INFO, "A copy of the instance lies beside it", beside)
        )
    return findings


def leftovers(context: Context) -> list[Finding]:
    """Trees that a rollback put aside and that were not taken away: of a run that ended before its last step."""
    left = context.facts.server.leftovers
    if not left:
        return []
    return [
        explained(
            "left-aside",
            Severity.WARNING,
            f"{counted(len(left), 'thing')} that an earlier rollback put aside {'is' if len(left) == 1 else 'are'} still there",
            shown(left),
        )
    ]


CHECKOUT_CHECKS: tuple[Check, ...] = (shallow, same_name, stashes, local_commits, copies, leftovers)
