"""The commands of a step, as they are shown: the same lines that the executor runs."""

from __future__ import annotations

import shlex

from dfwizard.hosts.command import Command, render
from dfwizard.planning.plan import (
    Action,
    ClearAside,
    CompareFingerprint,
    EditDotenv,
    Execute,
    ProveBackup,
    RestoreDatabase,
    RestoreTree,
    ShowLosses,
    Step,
    TakeBackup,
    TakeFingerprint,
    Verify,
)

_BY_DFWIZARD = {
    TakeFingerprint: "dfwizard records commit, files, owners, modes, schema and rows.",
    CompareFingerprint: "dfwizard compares the instance with what was recorded before the run.",
    ShowLosses: "dfwizard lists what users have written since the run ended.",
    ClearAside: "dfwizard removes what the exchange of the tree put aside.",
}


def shell_line(action: Execute, *, me: str) -> str:
    """Give the line of shell that does the same as `action`, its directory included."""
    command = Command(action.argv, cwd=action.cwd, env=action.env, user=action.user)
    line = render(command, me=me)
    return f"(cd {shlex.quote(action.cwd)} && {line})" if action.cwd else line


def shown(step: Step, *, me: str) -> tuple[str, ...]:
    """Give the lines of shell that the step runs; empty when it runs none of its own."""
    action = step.action
    if isinstance(action, Execute):
        return (shell_line(action, me=me),)
    if isinstance(action, (TakeBackup, ProveBackup, RestoreTree, RestoreDatabase)):
        return action.shows
    return ()


def described(action: Action) -> str:
    """Say what an action without commands of its own does; "" for the others."""
    if isinstance(action, Verify):
        what = "everything" if action.final else "everything but what HTTP answers (maintenance mode is on)"
        return f"dfwizard compares {what} with the facts recorded before: it has to be {action.release}."
    if isinstance(action, EditDotenv):
        return "dfwizard edits .env in place; every other byte, owner and mode stay."
    return _BY_DFWIZARD.get(type(action), "")
