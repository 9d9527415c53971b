"""A plan written to a file: a shell script, a runbook in Markdown, or text, as the file's name says."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dfwizard.errors import UsageError
from dfwizard.hosts.naming import LOCAL
from dfwizard.planning.plan import Plan

_OTHER_NAME = "Give another file name."


def save_plan(plan: Plan, path: str, *, host: str = LOCAL, script: Callable[[], str]) -> str:
    """Write `plan` to the new file `path` (`~` understood), and give the file's full path.

    `host` is the name of the host that the instance is on; the file is written on this machine. A name that ends with .sh takes what
    `script` gives (mode 0700), one with .md a runbook, every other one plain text (mode 0600).

    Raises:
        UsageError: something is there already, or it cannot be written.
        DfwizardError: the script cannot be made.
    """
    target = Path(path)
    with suppress(RuntimeError):  # no such account: the name is taken as it stands
        target = target.expanduser()
    suffix = target.suffix.lower()
    text = script() if suffix == ".sh" else _markdown(plan, host) if suffix == ".md" else _text(plan, host)
    data = text.encode("utf-8", "surrogateescape")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(target, flags, 0o700 if suffix == ".sh" else 0o600), "wb") as file:
            file.write(data)
    except FileExistsError:
        raise UsageError("something is there already", where=str(target), remedy=_OTHER_NAME) from None
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "no file can have such a name"
        raise UsageError(
            f"the plan cannot be written: {why}", where=str(target), remedy=_OTHER_NAME
        ) from None
    return str(target.absolute())


def _markdown(plan: Plan, host: str) -> str:
    from dfwizard.reports.plan_markdown import plan_markdown

    return plan_markdown(plan, host=host) + "\n"


def _text(plan: Plan, host: str) -> str:
    from dfwizard.reports.plan_text import plan_text

    return plan_text(plan, host=host)
