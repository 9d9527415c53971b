"""Questions with numbered answers, one line each."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dfwizard.reports.terminal import wrap


class InputEnded(Exception):
    """Nothing more can be typed: the person has closed the input."""


def say(*lines: str) -> None:
    """Write lines, each wrapped to the terminal's 80 columns, its indentation kept; what follows a dash stands below itself."""
    for line in lines:
        text = line.lstrip(" ")
        first = line[: len(line) - len(text)]
        indent = first + ("  " if text.startswith(("- ", "! ", "$ ")) else "")
        print("\n".join(wrap(text, indent=indent, first=first)) if text else "", flush=True)


def say_text(text: str) -> None:
    """Write a text that is laid out already."""
    print(text.rstrip("\n"), flush=True)


def typed(prompt: str) -> str:
    """Give the line that is typed after `prompt`, without blanks around it.

    Raises:
        InputEnded: nothing more can be typed.
    """
    print(prompt, end=" ", flush=True)
    line = sys.stdin.readline()
    if not line:
        print(flush=True)
        raise InputEnded
    return line.strip()


def choose(question: str, choices: Sequence[tuple[str, str]], *, default: str = "") -> str:
    """Give the key of the chosen one of `choices` (key, words); Enter alone takes `default`, where there is one.

    Raises:
        InputEnded: nothing more can be typed.
    """
    say("", question)
    for number, (_, words) in enumerate(choices, 1):
        first = f"  {number:>{len(str(len(choices)))}}. "
        print("\n".join(wrap(words, indent=" " * len(first), first=first)), flush=True)
    standard = next((number for number, (key, _) in enumerate(choices, 1) if key == default), 0)
    prompt = f"Number [1-{len(choices)}{f', Enter for {standard}' if standard else ''}]:"
    while True:
        answer = typed(prompt)
        if not answer and standard:
            return default
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(choices):
            return choices[int(answer) - 1][0]
        say(f"Please type a number from 1 to {len(choices)}.")


def ask_yes(question: str) -> bool:
    """Ask a question that only the word yes answers with yes.

    Raises:
        InputEnded: nothing more can be typed.
    """
    say("", question)
    return typed("Type yes to go on, anything else not to:").lower() == "yes"


def ask_word(question: str, word: str) -> bool:
    """Ask a question that only `word` answers with yes.

    Raises:
        InputEnded: nothing more can be typed.
    """
    say("", question)
    return typed(f"Type {word} to go on, anything else not to:") == word


def ask_text(question: str) -> str:
    """Ask for a line; an empty one gives up and is given back.

    Raises:
        InputEnded: nothing more can be typed.
    """
    say("", question)
    return typed("(empty line: back):")
