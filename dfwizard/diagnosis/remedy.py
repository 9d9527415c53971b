"""What a known failure means here: cause and commands filled in for one instance, and only those that may be run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dfwizard.diagnosis.catalogue import Failure, KnownCommand, Safety
from dfwizard.diagnosis.matching import Match, Output, ranked
from dfwizard.hosts.command import Command, run_as
from dfwizard.planning.plan import Execute, Plan, Undo

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class RemedyCommand:
    """One line of shell of a remedy, as a person would type it as the account that dfwizard runs as; see `catalogue.Safety`."""

    command: str
    does: str = ""
    safety: Safety = "tree"

    @property
    def by_hand(self) -> bool:
        """Tell whether it is for a person alone."""
        return self.safety == "hand"


@dataclass(frozen=True)
class Diagnosis:
    """A failure that is known. `line` is the line that matters; `commands` do what `remedy` says, in their order.

    There are none where the remedy has none, or where they must not be run yet.
    """

    id: str
    title: str
    line: str
    cause: str
    remedy: str
    commands: tuple[RemedyCommand, ...]
    source: str


@dataclass(frozen=True)
class Place:
    """The instance that a failure is of: what the placeholders stand for (`words` quoted), and the `step` that will be tried again.

    `restored` tells whether a rollback would put the tree back.
    """

    words: Mapping[str, str]
    owner: str
    step: str = ""
    restored: bool = True


def diagnose(
    message: str, tail: tuple[str, ...], *, step: str, code: int | None, plan: Plan
) -> Diagnosis | None:
    """Say what a failure of `step` of `plan` comes from, by its message and the last lines of its output; None when it is unknown.

    `code` is the exit code, negative for a signal, None where there was none.
    """
    matches = ranked(Output((message, *tail), step, code))
    return filled(matches[0], place_of(plan, step)) if matches else None


def filled(match: Match, place: Place) -> Diagnosis:
    """Give what is known of the failure that `match` found, for the instance at `place`."""
    failure = match.failure
    return Diagnosis(
        id=failure.id,
        title=failure.title,
        line=match.line,
        cause=_fill(failure.cause, {"owner": place.owner}),
        remedy=failure.remedy,
        commands=_commands(failure, place),
        source=failure.source,
    )


def place_of(plan: Plan, step: str) -> Place:
    """Give the instance of `plan`, of which `step` failed."""
    words = {
        "instance": shlex.quote(plan.instance),
        "owner": shlex.quote(plan.owner),
        "php": shlex.join(_before("artisan", _actions(plan)) or ("php",)),
        "composer": shlex.join(_before("install", _composer(plan)) or ("composer",)),
        "install": shlex.join(_install(plan, step)),
        "as_owner": shlex.join(_as_owner(plan)),
    }
    return Place(words, plan.owner, step, _tree_comes_back(plan, step))


def _commands(failure: Failure, place: Place) -> tuple[RemedyCommand, ...]:
    """Give the commands that are to be run; none at all where one of them must not be: the others alone would not help."""
    wanted = [one for one in failure.commands if not _is_retried(one, place.step)]
    if not place.restored and any(one.safety == "tree" for one in wanted):
        return ()
    return tuple(RemedyCommand(_fill(one.run, place.words), one.does, one.safety) for one in wanted)


def _is_retried(command: KnownCommand, step: str) -> bool:
    return any(fnmatchcase(step, pattern) for pattern in command.retried)


def _fill(text: str, words: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: words[match[1]], text)


def _actions(plan: Plan) -> list[Execute]:
    return [step.action for step in plan.steps if isinstance(step.action, Execute)]


def _composer(plan: Plan, until: str = "") -> list[Execute]:
    """Give the commands of the composer steps, those up to step `until` last to first where it is given."""
    steps = [step for step in plan.steps if step.id.startswith("composer-")]
    ids = [step.id for step in plan.steps]
    if until in ids:
        begun = ids[: ids.index(until) + 1]
        steps = [step for step in reversed(steps) if step.id in begun] + steps
    return [step.action for step in steps if isinstance(step.action, Execute)]


def _before(word: str, actions: list[Execute]) -> tuple[str, ...]:
    """Give what stands before `word` in the first command that has it behind its program: `php`, `php composer`."""
    found = (one.argv for one in actions if word in one.argv[1:3])
    return next((argv[: argv.index(word)] for argv in found), ())


def _install(plan: Plan, step: str) -> tuple[str, ...]:
    """Give composer's install of the hop that `step` belongs to, with its variables; HOME is set with the account."""
    found = next((one for one in _composer(plan, step) if "install" in one.argv[1:3]), None)
    if found is None:
        return ("composer", "install", "--no-dev", "--no-interaction")
    variables = tuple(f"{name}={value}" for name, value in found.env.items() if name != "HOME")
    return (*(("env", *variables) if variables else ()), *found.argv)


def _as_owner(plan: Plan) -> tuple[str, ...]:
    """Give the words that make the command behind them run as the tree's owner, with the home that the plan's steps have."""
    home = next(
        (one.env["HOME"] for one in _actions(plan) if one.user == plan.owner and "HOME" in one.env), None
    )
    env = ("env", *(() if home is None else (f"HOME={home}",)))
    return run_as(Command(env, user=plan.owner), me=plan.me)


def _tree_comes_back(plan: Plan, step_id: str) -> bool:
    """Tell whether a rollback from `step_id` puts the tree back: else a change of it would stay behind."""
    steps = [step.id for step in plan.steps]
    begun = plan.steps[: steps.index(step_id) + 1] if step_id in steps else ()
    return any(step.undo is Undo.TREE for step in begun)
