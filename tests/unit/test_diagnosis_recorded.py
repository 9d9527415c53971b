"""What real commands printed: every failure is named, whatever a terminal or a copy has done to it; no success is."""

from __future__ import annotations

import re

import pytest

from dfwizard.diagnosis import known_failures, nearest, ranked
from dfwizard.execution.output import last_lines
from tests.unit.recordings import Recording, recordings

RECORDED = recordings("failures")
FAILURES = (*RECORDED, *recordings("messages"))
SUCCESSES = recordings("successes")


def name(one: Recording, text: str | None = None) -> str:
    """Give the id of the failure that is taken."""
    found = ranked(one.output(text))
    return found[0].failure.id if found else ""


def named(one: object) -> str:
    """Name a case by its failure and by what was run."""
    return (
        f"{one.known}-{re.sub(r'[^a-z0-9]+', '-', one.what.lower())[:50]}"
        if isinstance(one, Recording)
        else ""
    )


def cut(text: str, width: int) -> str:
    """Lay long lines out as Symfony's console does: two blanks, cut anywhere, blanks at a piece's end lost."""
    lines = []
    for line in text.splitlines():
        room = width - 4
        pieces = (
            [line[at : at + room].rstrip() for at in range(0, len(line), room)] if len(line) > room else []
        )
        lines += [f"  {piece}" for piece in pieces] if pieces and not line.startswith("  ") else [line]
    return "\n".join(lines)


@pytest.mark.parametrize("one", FAILURES, ids=named)
def test_a_failure_is_named_whatever_was_done_to_its_text(one: Recording) -> None:
    lines = one.text.splitlines()
    variants = {
        "as it came": one.text,
        "coloured": "\n".join(f"\x1b[37;41m{line}\x1b[39;49m" for line in lines),
        "coloured, as cat -v spells it": "\n".join(f"^[[37;41m{line}^[[39;49m^M" for line in lines),
        "coloured, its escapes lost": "\n".join(f"[37;41m{line}[39;49m" for line in lines),
        "with a title set": "\x1b]0;title\x07".join(("", one.text)),
        "with carriage returns": "\r\n".join(lines),
        "over a progress bar": f" 12/99 [=>--]  9%\r{one.text}",
        "in capitals": one.text.upper(),
        "in small letters": one.text.lower(),
    }
    assert {how: name(one, text) for how, text in variants.items()} == dict.fromkeys(variants, one.known)


@pytest.mark.parametrize("width", [70, 80, 100, 132])
def test_artisan_cuts_lines_at_any_width(width: int) -> None:
    wrong = {
        named(one): found
        for one in FAILURES
        if "artisan" in one.what and (found := name(one, cut(one.text, width))) != one.known
    }
    assert wrong == {}


def test_the_last_lines_that_a_run_keeps_are_enough() -> None:
    wrong = {
        named(one): found
        for one in FAILURES
        if (found := name(one, "\n".join(last_lines(one.text.encode())))) != one.known
    }
    assert wrong == {}


def test_the_line_that_matters_is_one_of_the_output() -> None:
    for one in FAILURES:
        line = ranked(one.output())[0].line
        squeezed = re.sub(r"\s+", "", one.text)
        assert line, named(one)
        assert re.sub(r"\s+", "", line)[:40] in re.sub(r"\^\[\[[\d;]*m|\^M", "", squeezed), named(one)


def test_no_success_is_taken_for_a_failure() -> None:
    assert len(SUCCESSES) > 150
    assert {one.what: found for one in SUCCESSES if (found := name(one))} == {}


def test_every_entry_has_an_output_that_it_alone_wins() -> None:
    won = set()
    for one in FAILURES:
        first, *others = ranked(one.output())
        if first.failure.id == one.known and all(other.rank < first.rank for other in others):
            won.add(one.known)
    assert {one.id for one in known_failures()} - won == set()


def test_the_order_of_the_entries_has_no_part_in_it() -> None:
    turned = known_failures()[::-1]
    for one in FAILURES:
        output = one.output()
        assert ranked(output, turned) == ranked(output), named(one)


@pytest.mark.parametrize(
    ("warning", "failure"),
    [
        ("composer-plugins-disabled", "php-driver"),
        ("composer-lock-stale", "composer-archive"),
        ("php-extension-unloadable", "database-access-denied"),
        ("php-constant-deprecated", "app-key-missing"),
        ("git-detached", "git-untracked-files"),
        ("file-changed-while-read", "dump-cut-off"),
        ("http-server-error", "cache-table"),
        ("composer-script", "disk-full"),
        ("composer-extension", "composer-php"),
        ("storage-permission", "disk-full"),
    ],
)
def test_a_warning_or_a_consequence_never_hides_the_cause(warning: str, failure: str) -> None:
    first, then = (next(one for one in FAILURES if one.known == wanted) for wanted in (warning, failure))
    for text in (f"{first.text}\n{then.text}", f"{then.text}\n{first.text}"):
        assert name(then, text) == failure


def test_an_unknown_failure_is_guessed_at_by_what_it_says() -> None:
    near = {
        "ERROR: the mysqldump process was denied the privilege for tablespaces": "dump-process-privilege",
        "fatal: detected an ownership of the repository that is dubious": "git-dubious-ownership",
        "Error: APP_KEY cipher has an incorrect length": "app-key-length",
    }
    for text, expected in near.items():
        one = Recording("", 1, "", "", text)
        assert name(one) == "", text
        guesses = nearest(one.output())
        assert expected in [guess.failure.id for guess in guesses], (
            text,
            [guess.failure.id for guess in guesses],
        )
        assert len(guesses) <= 3
    assert nearest(Recording("", 1, "", "", "error: the frobs are out").output()) == ()


def test_what_fits_at_another_step_is_a_guess() -> None:
    one = Recording("", 1, "verify", "", "curl: (6) Could not resolve host: github.com")
    assert name(one) == ""
    assert {guess.failure.id for guess in nearest(one.output())} >= {"composer-offline", "git-offline"}
