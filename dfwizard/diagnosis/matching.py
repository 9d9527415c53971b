"""Known failures, matched by their text: `data/failures.toml` says what each looks like and what helps against it."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Literal

from dfwizard import codec
from dfwizard.diagnosis.lines import plain_lines, telling_line, unwrapped
from dfwizard.hosts.command import Command, run_as
from dfwizard.planning.plan import Execute, Plan, Undo

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

__all__ = ["Diagnosis", "Failure", "diagnose", "known_failures", "telling_line"]

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Failure:
    """One entry of `data/failures.toml`, which says what each key means."""

    id: str
    title: str
    patterns: tuple[str, ...]
    cause: str
    remedy: str
    source: str
    steps: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    command: str = ""
    touches: Literal["", "tree"] = ""
    safe: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """A failure that is known. `line` is the line that matters; `command` one line of shell that does what `remedy` says.

    The command is what a person would type as the account that dfwizard runs as, account and directory named in it; "" where
    there is none, or it must not be run yet. `safe` tells that it may be run without thinking.
    """

    id: str
    title: str
    line: str
    cause: str
    remedy: str
    command: str
    safe: bool
    source: str


@dataclass(frozen=True)
class _Catalogue:
    failure: tuple[Failure, ...]


@cache
def known_failures() -> tuple[Failure, ...]:
    """Read the known failures, in the order of their file.

    Raises:
        CodecError: an entry has an unknown key, or lacks one.
    """
    text = (resources.files("dfwizard.diagnosis") / "data" / "failures.toml").read_text(encoding="utf-8")
    return codec.from_data(_Catalogue, tomllib.loads(text), where="failures.toml").failure


def diagnose(
    message: str, tail: tuple[str, ...], *, step: str, code: int | None, plan: Plan
) -> Diagnosis | None:
    """Say what a failure of `step` of `plan` comes from, by its message and the last lines of its output; None when it is unknown.

    `code` is the exit code, negative for a signal, None where there was none.
    """
    lines = plain_lines((message, *tail))
    texts = tuple(unwrapped(lines, glue=glue) for glue in ("", " "))
    for failure in known_failures():
        line = next(_matches(failure, texts), None) if _is_about(failure, step, code) else None
        if line is not None:
            return _filled(failure, line, step, plan)
    return None


def _is_about(failure: Failure, step: str, code: int | None) -> bool:
    if failure.codes and code not in failure.codes:
        return False
    return not failure.steps or any(fnmatchcase(step, pattern) for pattern in failure.steps)


def _matches(failure: Failure, texts: tuple[list[str], ...]) -> Iterator[str]:
    patterns = [re.compile(pattern, re.IGNORECASE) for pattern in failure.patterns]
    for lines in texts:
        yield from (line.strip() for line in lines if any(pattern.search(line) for pattern in patterns))


def _filled(failure: Failure, line: str, step: str, plan: Plan) -> Diagnosis:
    words = {
        "instance": shlex.quote(plan.instance),
        "owner": shlex.quote(plan.owner),
        "php": shlex.join(_program(plan, "artisan") or ("php",)),
        "composer": shlex.join(_program(plan, "install") or ("composer",)),
        "as_owner": shlex.join(_as_owner(plan)),
    }
    forbidden = failure.touches == "tree" and not _tree_comes_back(plan, step)
    return Diagnosis(
        id=failure.id,
        title=failure.title,
        line=line,
        cause=_fill(failure.cause, {"owner": plan.owner}),
        remedy=failure.remedy,
        command="" if forbidden else _fill(failure.command, words),
        safe=failure.safe,
        source=failure.source,
    )


def _fill(text: str, words: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: words[match[1]], text)


def _program(plan: Plan, word: str) -> tuple[str, ...]:
    """Give what stands before `word` in the plan's first command that has it behind its program: `php`, `php composer`."""
    for step in plan.steps:
        if isinstance(step.action, Execute) and word in step.action.argv[1:3]:
            if word == "install" and not step.id.startswith("composer-"):
                continue
            return step.action.argv[: step.action.argv.index(word)]
    return ()


def _as_owner(plan: Plan) -> tuple[str, ...]:
    """Give the words that make the command behind them run as the tree's owner, with the home that the plan's steps have."""
    actions = (step.action for step in plan.steps if isinstance(step.action, Execute))
    home = next((one.env["HOME"] for one in actions if one.user == plan.owner and "HOME" in one.env), None)
    env = ("env", *(() if home is None else (f"HOME={home}",)))
    return run_as(Command(env, user=plan.owner), me=plan.me)


def _tree_comes_back(plan: Plan, step_id: str) -> bool:
    """Tell whether a rollback from `step_id` puts the tree back: else a change of it would stay behind."""
    steps = [step.id for step in plan.steps]
    begun = plan.steps[: steps.index(step_id) + 1] if step_id in steps else ()
    return any(step.undo is Undo.TREE for step in begun)
