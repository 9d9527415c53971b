"""The commands of a step, as they are shown: the same lines that the executor runs."""

from __future__ import annotations

import shlex

from dfwizard.hosts.command import Command, render
from dfwizard.planning import moves
from dfwizard.planning.answers import RecordAnswers
from dfwizard.planning.plan import (
    Action,
    ClearAside,
    CompareFingerprint,
    EditDotenv,
    Execute,
    Plan,
    ProveBackup,
    RestoreDatabase,
    RestoreTree,
    ShowLosses,
    Step,
    TakeBackup,
    TakeFingerprint,
    Verify,
    WaitForPerson,
)

_BY_DFWIZARD = {
    TakeFingerprint: "dfwizard records commit, files, owners, modes, schema and rows.",
    CompareFingerprint: "dfwizard compares the instance with what was recorded before the run.",
    ShowLosses: "dfwizard lists what users have written since the run ended.",
    ClearAside: "dfwizard removes what the exchange of the tree put aside.",
    moves.RecordSource: "dfwizard records the source's commit, files, owners, modes, schema and rows; it only reads.",
    moves.ReadDump: "dfwizard reads the dump through, and changes nothing.",
    moves.ProveApart: "dfwizard compares what both servers say of themselves, then makes a table in the target's database, looks for "
    "it in the source's, and drops it.",
    moves.RemoveMarker: "dfwizard drops the marker's table, where one was left.",
    moves.CarryDotenv: "dfwizard edits the target's .env in place; every other byte, owner and mode stay.",
    moves.ProveKey: "dfwizard compares the MACs of stored values with APP_KEY; nothing is decrypted.",
    moves.CompareSource: "dfwizard compares the source with what was recorded of it.",
}


_WITH_LINES = (
    TakeBackup,
    ProveBackup,
    RestoreTree,
    RestoreDatabase,
    moves.SaveSource,
    moves.Transfer,
    moves.ImportDatabase,
    moves.UnpackFiles,
)


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
    if isinstance(action, WaitForPerson):
        return action.shows
    if isinstance(action, _WITH_LINES):
        return action.shows
    return ()


def on(plan: Plan, step: Step) -> str:
    """Give the host that a migration's step works on; "" for other plans, whose steps all work on the instance's."""
    if not plan.source:
        return ""
    if step.side is moves.Side.BOTH:
        return f"{plan.source_host} (source) and {plan.host} (target)"
    return f"{plan.source_host} (source)" if step.side is moves.Side.SOURCE else f"{plan.host} (target)"


def described(action: Action) -> str:
    """Say what an action without commands of its own does; "" for the others."""
    if isinstance(action, Verify):
        what = "everything" if action.final else "everything but what HTTP answers (maintenance mode is on)"
        return f"dfwizard compares {what} with the facts recorded before: it has to be {action.release}."
    if isinstance(action, moves.VerifyMigration):
        what = "and what HTTP answers" if action.final else "table by table and row by row"
        return f"dfwizard compares the target with the source as recorded, {what}: it has to be {action.release}."
    if isinstance(action, WaitForPerson):
        wanted = " or ".join(action.window)
        return f"A person types this; dfwizard waits, and looks whether command line and web server run PHP {wanted}."
    if isinstance(action, RecordAnswers):
        who = f", without a login and as {action.login}" if action.login else ""
        return f"dfwizard asks twice{who}: {', '.join(action.paths)}"
    if isinstance(action, EditDotenv):
        return "dfwizard edits .env in place; every other byte, owner and mode stay."
    return _BY_DFWIZARD.get(type(action), "")
