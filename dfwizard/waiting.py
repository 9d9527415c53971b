"""Waiting for a person: a look at the PHP of command line and web server, which only a person can switch."""

from __future__ import annotations

from dfwizard.errors import HostError
from dfwizard.execution.executor import StepContext, StepRefused
from dfwizard.instance.asking import Asker, Problems
from dfwizard.instance.php import cli_php
from dfwizard.instance.web import web_facts
from dfwizard.planning.plan import WaitForPerson


def wait_for_person(context: StepContext, action: WaitForPerson) -> None:
    """Look whether PHP has been switched.

    Raises:
        StepRefused: it has not; the output says what was seen, and what is to be typed.
    """
    wanted = " or ".join(action.window)
    seen = [("the command line", _command_line(context, action.php))]
    if action.web:
        seen.append(("the web server", _web_server(context)))
    else:
        context.warn(f"What PHP the web server runs could not be told: see for yourself that it is {wanted}.")
    wrong = []
    for where, version in seen:
        found = f"PHP {version}" if version else "no PHP that could be asked"
        context.output(f"{where}: {found}\n")
        if ".".join(version.split(".")[:2]) not in action.window:
            wrong.append(f"{where} runs {found}")
    if not wrong:
        return
    context.output(f"PHP {wanted} is needed for both. As root:\n")
    for line in action.shows:
        context.output(f"  {line}\n")
    found = " and ".join(wrong)
    raise StepRefused(
        f"{found[0].upper()}{found[1:]}; {wanted} is needed for both.",
        remedy="Switch it as the step's output shows, then try the step again: it looks anew.",
    )


def _asker(context: StepContext) -> Asker:
    facts = context.run.facts()
    return Asker(context.host, facts.path, facts.tree.owner, facts.owner_home)


def _command_line(context: StepContext, php: str) -> str:
    try:
        return cli_php(_asker(context), php).version
    except HostError as error:
        context.output(f"{error}\n")
        return ""


def _web_server(context: StepContext) -> str:
    """Give the version of the php-fpm that the site sends requests to, "" where none is found."""
    problems = Problems()
    try:
        _, fpm = web_facts(_asker(context), problems)
    except HostError as error:
        context.output(f"{error}\n")
        return ""
    for problem in problems.lines if fpm is None else ():
        context.output(f"{problem}\n")
    return fpm.version if fpm else ""
