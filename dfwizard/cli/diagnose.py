"""`dfwizard diagnose`: what a failed command's output, pasted or kept in a file, comes from and what helps.

Exit codes: 0 the failure is known; 4 it is not (the lines that tell most, and what it may be, are printed); 1 the output could not be
read to its end; 2 there is no such file, or no text in it.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence

from dfwizard import codec
from dfwizard.cli.pasted import Pasted, read_pasted
from dfwizard.diagnosis import Diagnosis, Guess, Output, Place, filled, nearest, ranked, telling_lines
from dfwizard.reports.remedy import ANYWHERE, command_lines
from dfwizard.reports.terminal import plain, wrap

KNOWN, UNKNOWN = 0, 4

_OTHERS = 3
_INDENT = " " * 10


def diagnose(options: argparse.Namespace) -> int:
    """Read, match and print; give the exit code."""
    pasted = read_pasted(options.file)
    output = Output(pasted.parts, options.step, options.code)
    matches = ranked(output)
    place = _place(options.instance, options.owner)
    known = tuple(filled(one, place) for one in matches[: _OTHERS + 1])
    guesses = () if known else nearest(output)
    lines = () if known else telling_lines(output.lines)
    if options.json:
        print(_json(pasted, known, lines, guesses))
    else:
        print("\n".join([*_said(known, lines, guesses, options), *_cut(pasted)]))
    return KNOWN if known else UNKNOWN


def _place(instance: str, owner: str) -> Place:
    """Give the placeholders' words for an instance of which no more is known than where it is, for whoever may use sudo."""
    directory = shlex.quote(instance)
    account = shlex.quote(owner) if owner else f'"$(stat -c %U {directory})"'
    words = {
        "instance": directory,
        "owner": account,
        "php": "php",
        "composer": "composer",
        "install": "composer install --no-dev --ignore-platform-reqs --no-interaction",
        "as_owner": f"sudo -H -u {account}",
    }
    return Place(words, owner or "the owner of the tree")


def _said(
    known: Sequence[Diagnosis], lines: Sequence[str], guesses: Sequence[Guess], options: argparse.Namespace
) -> list[str]:
    if known:
        return [*_known(known[0], options), *_others(known[1:])]
    if not lines:
        nothing = "Nothing in it says that something failed, and nothing that dfwizard knows fits it."
        return [*wrap(nothing), *_guesses(guesses)]
    told = [part for line in lines for part in wrap(line, indent="    ", first="  ")]
    return ["This failure is not known. The lines that tell most:", "", *told, *_guesses(guesses)]


def _known(one: Diagnosis, options: argparse.Namespace) -> list[str]:
    lines = [f"{one.title} [{one.id}]", ""]
    for name, text in (("line", one.line), ("cause", one.cause), ("remedy", one.remedy)):
        lines += wrap(text, indent=_INDENT, first=f"  {name:<8}")
    if one.commands:
        lines += ["", f"  In {plain(options.instance)}:"]
        lines += command_lines(one.commands, indent="  ", safety=ANYWHERE)
    return [*lines, "", *wrap(one.source, indent=_INDENT, first="  source  ")]


def _others(others: Sequence[Diagnosis]) -> list[str]:
    rows = [wrap(f"{one.title} [{one.id}]", indent="    ", first="  - ") for one in others]
    return ["", "Less specific, but there as well:", *(line for row in rows for line in row)] if rows else []


def _guesses(guesses: Sequence[Guess]) -> list[str]:
    lines = ["", "It may be one of these; these are guesses:"] if guesses else []
    for guess in guesses:
        lines += ["", *wrap(f"{guess.failure.title}? [{guess.failure.id}]", indent="    ", first="  - ")]
        lines += wrap(guess.why, indent=" " * 12, first="    why     ")
        lines += wrap(guess.failure.remedy, indent=" " * 12, first="    remedy  ")
    return lines


def _cut(pasted: Pasted) -> list[str]:
    if not pasted.left_out:
        return []
    return ["", f"Beginning and end were looked at; {pasted.left_out:,} bytes between were not."]


def _json(pasted: Pasted, known: Sequence[Diagnosis], lines: Sequence[str], guesses: Sequence[Guess]) -> str:
    return codec.dumps(
        {
            "known": bool(known),
            "diagnosis": known[0] if known else None,
            "others": [one.id for one in known[1:]],
            "lines": lines,
            "guesses": [
                {
                    "id": one.failure.id,
                    "title": one.failure.title,
                    "why": one.why,
                    "cause": one.failure.cause.replace("{owner}", "the owner of the tree"),
                    "remedy": one.failure.remedy,
                }
                for one in guesses
            ],
            "left_out": pasted.left_out,
        },
        indent=2,
    )
