"""The catalogue: what is wrong with an entry is said with its place; which of several entries is taken is a rule."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfwizard.diagnosis import Failure, Output, known_failures, ranked
from dfwizard.diagnosis.catalogue import FILES, KnownCommand, read_failures
from dfwizard.diagnosis.signs import sign
from dfwizard.errors import CodecError
from tests.unit.recordings import recordings

WHOLE = """\
[[failure]]
id = "first"
title = "First"
patterns = ['first words']
cause = "A cause."
remedy = "A remedy."
source = "Somewhere"

[[failure]]
id = "second"
title = "Second"
patterns = [
    'second words',
    'third words',
]
cause = "A cause."
remedy = "A remedy."
source = "Somewhere"

[[failure.commands]]
run = "true {instance}"
does = "nothing"
safety = "look"
"""


def failure(name: str, *patterns: str, **keys: object) -> Failure:
    """Make an entry of a name and patterns."""
    return Failure(name, name, patterns, "A cause.", "A remedy.", "Somewhere", **keys)  # type: ignore[arg-type]


def taken(output: Output, *failures: Failure) -> list[str]:
    """Give the ids of those that fit, the one that is taken first."""
    return [one.failure.id for one in ranked(output, failures)]


def test_the_catalogue_is_large_and_covers_every_area() -> None:
    known = known_failures()
    assert len(known) >= 70
    assert len(FILES) == len(set(FILES)) >= 9
    for guide in ("Composer Install Errors", "Permission Issues", "Migration Command Not Found"):
        assert any(f"Troubleshooting: {guide}" in one.source and one.commands for one in known), guide


def test_the_guides_remedies_are_there_in_its_order() -> None:
    by_id = {one.id: [command.run for command in one.commands] for one in known_failures()}
    clear, remove, install = by_id["composer-failed"]
    assert "clear-cache" in clear
    assert remove == "rm -rf -- {instance}/vendor"
    assert install.endswith("{install}")
    compiled, cached, again = by_id["migrate-command-missing"]
    assert "bootstrap/cache" in compiled
    assert "storage/framework/cache" in cached
    assert again == install
    assert all("storage" in line and "bootstrap/cache" in line for line in by_id["storage-permission"])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('cause = "A cause."\n', "", "area.toml:9: second: cause: the key is missing"),
        ('title = "Second"', 'title = "  "', "area.toml:11: second: title: is empty"),
        ("'third words',", "'third (words',", "area.toml:12: second: patterns[1]: 'third (words' is no regular expression"),
        ("'third words',", "'.*',", "area.toml:12: second: patterns[1]: '.*' fits an empty line"),
        ("'third words',", "'ab',", "area.toml:12: second: patterns[1]: 'ab' spells out less than 4 characters"),
        ('id = "second"', 'id = "first"', "area.toml:10: first: id: is there already"),
        ('id = "second"', 'id = "Second One"', "area.toml:10: Second One: id: 'Second One' is not small letters"),
        ('id = "second"', "", "area.toml:9: entry 2: id: the key is missing"),
        ('source = "Somewhere"\n\n[[failure.c', 'states = ["42"]\nsource = "x"\n\n[[failure.c', "second: states: '42' is no SQLSTATE"),
        ("{instance}", "{place}", "second: commands[0]: run: place is not known; there are as_owner, composer"),
        ('does = "nothing"', 'does = ""', "second: commands[0]: does is empty"),
        ('safety = "look"', 'safety = "sudo"', "second: commands[0].safety: expected one of ('look', 'cache', 'tree', 'hand')"),
        ('safety = "look"', 'safety = "look"\nundo = "x"', "second: commands[0]: unknown key 'undo'"),
        ('run = "true {instance}"', 'run = "true\\nfalse"', "second: commands[0]: run is not one line"),
        ('remedy = "A remedy."', 'remedy = "A {owner}."', "first: remedy: a placeholder is not filled in here"),
        ('cause = "A cause."', 'cause = "{instance}"', "first: cause: {instance} is not known; there is {owner}"),
        ("[[failure]]", "[failure]", "area.toml: Cannot"),
        ("[[failure]]", "[[failures]]", "area.toml: holds failures, expected are [[failure]]"),
        (WHOLE, "", "area.toml: holds no entries"),
        (WHOLE, "failure = [3]", "area.toml:1: entry 1: entry: expected an object, found int"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_named_by_file_line_entry_and_key(old: str, new: str, told: str) -> None:
    assert [one.id for one in read_failures({"area.toml": WHOLE})] == ["first", "second"]
    at = WHOLE.rindex(old) if "second" in told else WHOLE.index(old)
    text = WHOLE.replace(old, new) if "[[" in old else WHOLE[:at] + new + WHOLE[at + len(old) :]
    with pytest.raises(CodecError) as caught:
        read_failures({"area.toml": text})
    assert told in str(caught.value)


def test_two_files_may_not_have_the_same_entry() -> None:
    with pytest.raises(CodecError, match=re.escape("b.toml:2: first: id: is there already")):
        read_failures({"a.toml": WHOLE, "b.toml": WHOLE})


def test_more_specific_is_a_rule() -> None:
    output = Output(("SQLSTATE[42S02]: the frobs are out\nsecond line",), "migrate-7.1.0", 3)
    general = failure("general", "the frobs are out", tier="general", codes=(3,), steps=("migrate-*",))
    short = failure("short", "frobs are")
    long = failure("long", "the frobs are out")
    step = failure("step", "frobs", steps=("migrate-*",))
    two = failure("two", "frobs", steps=("migrate-*",), codes=(3,))
    three = failure("three", "frobs", steps=("migrate-*",), codes=(3,), states=("42S02",))
    four = failure("four", "frobs", codes=(3,), states=("42S02",), also=("second line",), without=("third",))
    root = failure("root", "frob", tier="root")
    every = (general, short, long, step, two, three, four, root)
    expected = ["root", "four", "three", "two", "step", "long", "short", "general"]
    assert taken(output, *every) == taken(output, *reversed(every)) == expected


def test_of_equals_the_first_line_and_then_the_name_decides() -> None:
    output = Output(("one frobs\ntwo blobs\n",))
    late, early = failure("a-late", "blobs"), failure("b-early", "frobs")
    assert taken(output, late, early) == ["b-early", "a-late"]
    same = failure("c-early", "frobs")
    assert taken(output, same, early, late) == ["b-early", "c-early", "a-late"]


@pytest.mark.parametrize(
    ("keys", "fits"),
    [
        ({"steps": ("migrate-*",)}, True),
        ({"steps": ("composer-*", "verify")}, False),
        ({"codes": (1, -9)}, True),
        ({"codes": (2,)}, False),
        ({"states": ("42S01", "42S02")}, True),
        ({"states": ("23000",)}, False),
        ({"also": ("second line",)}, True),
        ({"also": ("second line", "third line")}, False),
        ({"without": ("third line",)}, True),
        ({"without": ("SECOND line",)}, False),
    ],
)
def test_every_condition_has_to_be_met(keys: dict[str, object], fits: bool) -> None:
    output = Output(("SQLSTATE[42S02]: frobs\nsecond line",), "migrate-7.1.0", 1)
    assert taken(output, failure("it", "frobs", **keys)) == (["it"] if fits else [])
    if "steps" in keys or "codes" in keys:
        assert taken(Output(("frobs",)), failure("it", "frobs", **keys)) == []


@pytest.mark.parametrize(
    "text", ["SQLSTATE[42S02]: x", "ERROR 1146 (42S02) at line 3", '{"error":{"code":"42S02"}}']
)
def test_an_sqlstate_is_found_as_every_program_writes_it(text: str) -> None:
    assert Output((text,)).states == {"42S02"}
    assert Output((text.lower(),)).states == {"42S02"}


@pytest.mark.parametrize(
    ("pattern", "literal", "weight"),
    [
        ("could not find driver", "could not find driver", 21),
        (r"\[2002\] Connection", "[2002] connection", 17),
        (r"errno[ =]28\b", "errno", 7),
        ("(?:Connection|Operation) timed out", " timed out", 19),
        ("a?bcd", "bcd", 3),
        ("abc{2}def", "def", 5),
        ("one|other", "", 3),
        (r"x(?:ab(?:c|de)?)*yz", "yz", 3),
    ],
)
def test_what_a_pattern_spells_out(pattern: str, literal: str, weight: int) -> None:
    found = sign(pattern)
    assert (found.literal, found.weight) == (literal, weight)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_text_that_a_pattern_fits_lacks_its_literal(data: st.DataObject) -> None:
    patterns = [text for one in known_failures() for text in (*one.patterns, *one.also, *one.without)]
    known = sign(data.draw(st.sampled_from(patterns)))
    text = data.draw(st.from_regex(re.compile(known.pattern.pattern, re.ASCII)))
    assert known.literal in text.lower()


def test_no_line_of_a_recording_fits_without_its_literal() -> None:
    signs = [one for known in known_failures() for one in known.signs]
    for recording in (*recordings("failures"), *recordings("messages")):
        for line in recording.text.splitlines():
            low = line.lower()
            assert all(one.literal in low for one in signs if one.pattern.search(line)), line


def test_a_command_that_dfwizard_runs_changes_nothing_that_does_not_come_back() -> None:
    outside = re.compile(r"\b(?:apt-get|dnf|systemctl|pecl|setsebool|self-update|--global|migrate)\b|TOKEN")
    for known in known_failures():
        for command in known.commands:
            if outside.search(command.run):
                assert command.safety == "hand", (known.id, command.run)
            if command.safety == "tree":
                assert re.search(r"\{instance\}|\{install\}|\{composer\}|artisan", command.run), known.id


def test_a_whole_entry_is_read_as_it_stands() -> None:
    second = read_failures({"area.toml": WHOLE})[1]
    assert second.patterns == ("second words", "third words")
    assert second.commands == (KnownCommand("true {instance}", "nothing", "look"),)
    assert (second.tier, second.steps, second.codes) == ("particular", (), ())
