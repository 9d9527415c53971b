"""JSON and back: what was written is read the same, and what does not fit is refused by the name of its key."""

from __future__ import annotations

import copy
import dataclasses
import enum
import json
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfwizard import codec
from dfwizard.errors import CodecError
from dfwizard.execution import events as ev
from dfwizard.instance.facts import DatabaseFacts, Evidence, GitFacts, KeyProof
from dfwizard.planning import moves
from dfwizard.planning.answers import RecordAnswers
from dfwizard.planning.findings import Finding, Severity
from dfwizard.planning.plan import (
    Action,
    ClearAside,
    CompareFingerprint,
    EditDotenv,
    Execute,
    Hop,
    Plan,
    ProveBackup,
    RestoreDatabase,
    RestoreTree,
    ShowLosses,
    Step,
    TakeBackup,
    TakeFingerprint,
    Undo,
    Verify,
    WaitForPerson,
)
from tests.unit import samples

ACTIONS: tuple[Action, ...] = (
    Execute(("git", "checkout"), cwd="/i", env={"HOME": "/h"}, expect=(0, 1), refuse=("error",)),
    EditDotenv({"CACHE_STORE": "file", "CACHE_DRIVER": None}, "+CACHE_STORE=file"),
    TakeBackup("/b", ("tar",)),
    ProveBackup("/b", ("zstd",)),
    TakeFingerprint("before"),
    CompareFingerprint("before"),
    ShowLosses(),
    WaitForPerson(
        "php8.3", ("8.3", "8.4"), True, "8.1", ("apt-get install php8.3",), ("back",), "php8.1-fpm"
    ),
    RecordAnswers(("/api/v2/a?limit=1", "/b"), "ada@example.com"),
    RestoreTree("/b", ("tar",), "token"),
    RestoreDatabase("/b"),
    ClearAside("token"),
    Verify("7.1.0"),
    moves.RecordSource("source"),
    moves.SaveSource("/s", ("storage/app",), ("tar",)),
    moves.ReadDump("/s"),
    moves.Transfer("/s", "/c", ("scp",)),
    moves.ProveApart("0123abcd"),
    moves.RemoveMarker("0123abcd"),
    moves.ImportDatabase("/c", ("mysql",)),
    moves.CarryDotenv("/c", "0" * 64, {"CACHE_STORE": "keep"}, "+APP_KEY=***"),
    moves.ProveKey(),
    moves.UnpackFiles("/c", ("tar",)),
    moves.VerifyMigration("7.1.0", final=False),
    moves.CompareSource("source"),
)
CHECK = Execute(("test", "-e", "vendor"), cwd="/i")
HOP = Hop("6.3.0", "7.1.0", "0" * 40, ("8.3",), "in place", ("a note",))
PLAN = Plan(
    kind="upgrade",
    instance="/opt/dreamfactory",
    frm="6.3.0",
    to="7.1.0",
    backup="/b",
    owner="dreamfactory",
    me="root",
    hops=(HOP,),
    steps=tuple(
        Step(action.KIND, "Title", "Reason", action, undo=Undo.TREE, done_when=CHECK if at == 0 else None)
        for at, action in enumerate(ACTIONS)
    ),
)
FACTS = samples.facts()
MESSAGE = ev.StepFailed("tree", "broke", code=1, tail=("last line",), seconds=0.5)
FINDING = Finding("php-window", Severity.BLOCKER, "PHP", ("8.2",), acceptable=True)
REAL = (FACTS, PLAN, FINDING, MESSAGE)

# What os.fsdecode can give: all of Unicode, and bytes that were not UTF-8 as low surrogates.
texts = st.text(st.characters(codec="utf-8") | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF))
many = st.lists(texts, max_size=3).map(tuple)
finite = st.floats(allow_nan=False, allow_infinity=False)
commands = st.builds(Execute, argv=many, cwd=st.none() | texts, env=st.dictionaries(texts, texts, max_size=3))
edits = st.builds(EditDotenv, st.dictionaries(texts, st.none() | texts, max_size=3), texts)
actions: st.SearchStrategy[Action] = st.one_of(commands, edits, st.sampled_from(ACTIONS))
steps = st.builds(
    Step,
    id=texts,
    title=texts,
    action=actions,
    done_when=st.none() | commands,
    timeout=finite,
    weight=finite,
)
plans = st.builds(
    Plan, hops=st.lists(st.builds(Hop), max_size=2).map(tuple), steps=st.just(()) | st.tuples(steps)
)
databases = st.builds(DatabaseFacts, name=texts, tables=st.dictionaries(texts, st.integers(), max_size=3))
facts = st.builds(
    dataclasses.replace,
    st.just(FACTS),
    path=texts,
    seconds=finite,
    git=st.none() | st.builds(GitFacts),
    database=st.none() | databases,
    problems=many,
)
findings = st.builds(Finding, id=texts, title=texts, evidence=many)
events = st.builds(ev.StepFailed, step=texts, message=texts, tail=many, seconds=finite)
documents: st.SearchStrategy[Any] = st.one_of(plans, facts, findings, events, st.sampled_from(REAL))

Key: typing.TypeAlias = "str | int"


@dataclass(frozen=True)
class Place:
    """A place in a document: how it is reached, the type that belongs there, and what is there."""

    keys: tuple[Key, ...]
    hint: Any
    value: Any

    @property
    def path(self) -> str:
        steps = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.keys)
        return "document" + "".join(steps)

    def changed(self, data: Any, value: Any) -> Any:
        """Give a copy of `data` with `value` here."""
        root = {"document": copy.deepcopy(data)}
        holder: Any = root
        for key in ("document", *self.keys)[:-1]:
            holder = holder[key]
        holder[("document", *self.keys)[-1]] = value
        return root["document"]

    def found(self, data: Any) -> Any:
        """Give what `data` has here."""
        for key in self.keys:
            data = data[key]
        return data


def places(value: Any, hint: Any, keys: tuple[Key, ...] = ()) -> Iterator[Place]:
    """Give every place of a document, itself included."""
    yield Place(keys, hint, value)
    if dataclasses.is_dataclass(value):
        hints = typing.get_type_hints(type(value))
        for field in dataclasses.fields(value):
            yield from places(getattr(value, field.name), hints[field.name], (*keys, field.name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from places(item, item_hint(hint, 0), (*keys, index))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from places(item, item_hint(hint, 1), (*keys, key))


def reach(value: Any, keys: tuple[Key, ...]) -> Any:
    """Give what `keys` lead to in a read document."""
    for key in keys:
        value = getattr(value, str(key)) if dataclasses.is_dataclass(value) else value[key]
    return value


def item_hint(hint: Any, position: int) -> Any:
    return typing.get_args(hint)[position]


def allowed(hint: Any) -> set[type]:
    """Give Python's types of the JSON values that may stand for `hint`; empty where only chosen words may."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return set().union(*(allowed(one) for one in typing.get_args(hint)))
    kind = typing.get_origin(hint) or hint
    if kind is typing.Literal or (isinstance(kind, type) and issubclass(kind, enum.Enum)):
        return set()
    if kind is float:
        return {int, float}
    if dataclasses.is_dataclass(kind) or kind is Mapping:
        return {dict}
    return {list} if kind is tuple else {kind}


def wrong_values(hint: Any) -> tuple[Any, ...]:
    values: tuple[Any, ...] = (None, True, 7, 1.5, "no such word", [], {})
    return tuple(value for value in values if type(value) not in allowed(hint))


def refusal(kind: type[Any], data: Any) -> CodecError:
    """Give the error with which text and plain data alike are refused."""
    with pytest.raises(CodecError) as refused:
        codec.from_data(kind, data)
    with pytest.raises(CodecError) as refused_text:
        codec.loads(kind, json.dumps(data))
    assert str(refused.value) == str(refused_text.value)
    return refused.value


def holders(value: Any) -> list[Place]:
    return [place for place in places(value, type(value)) if dataclasses.is_dataclass(place.value)]


@settings(deadline=None)
@given(documents)
def test_what_was_written_is_read_the_same(value: Any) -> None:
    text = codec.dumps(value)
    assert codec.loads(type(value), text) == value
    assert codec.loads(type(value), codec.dumps(value, indent=1).encode("ascii")) == value
    assert codec.dumps(codec.loads(type(value), text)) == text


@pytest.mark.parametrize("to", ["6.3.0", "7.1.0", "7.7.0"])
def test_real_plans_survive(to: str) -> None:
    edit = EditDotenv({"CACHE_STORE": "file"}, "+CACHE_STORE=file")
    plan = samples.plan(samples.facts("5.4.1", "7.4.33"), to, edit)
    assert codec.loads(Plan, codec.dumps(plan)) == plan


def test_each_action_and_event_comes_back_as_what_it_was() -> None:
    assert {action.KIND for action in ACTIONS} == {kind.KIND for kind in typing.get_args(Action)}
    for action in ACTIONS:
        assert codec.to_data(action)["kind"] == action.KIND
        assert codec.loads(type(action), codec.dumps(action)) == action
    assert [type(step.action) for step in codec.loads(Plan, codec.dumps(PLAN)).steps] == [
        type(action) for action in ACTIONS
    ]


@pytest.mark.parametrize("value", REAL, ids=lambda value: type(value).__name__)
def test_each_missing_key_is_named(value: Any) -> None:
    data = codec.to_data(value)
    count = 0
    for holder in holders(value):
        for field in dataclasses.fields(holder.value):
            content = dict(holder.found(data))
            del content[field.name]
            without = holder.changed(data, content)
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                error = refusal(type(value), without)
                assert error.where == f"{holder.path}.{field.name}"
                assert error.what == "the key is missing"
                count += 1
            else:
                default = (
                    field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
                )
                read = reach(codec.from_data(type(value), without), holder.keys)
                assert read == dataclasses.replace(holder.value, **{field.name: default})
    assert count >= 2


@pytest.mark.parametrize("value", REAL, ids=lambda value: type(value).__name__)
def test_each_unknown_key_is_named_with_the_place_it_is_in(value: Any) -> None:
    data = codec.to_data(value)
    for holder in holders(value):
        error = refusal(type(value), holder.changed(data, {**holder.found(data), "newer thing": None}))
        assert error.where == holder.path
        assert "'newer thing'" in error.what
        assert "newer dfwizard" in str(error)


@pytest.mark.parametrize("value", REAL, ids=lambda value: type(value).__name__)
def test_each_value_of_another_type_is_named(value: Any) -> None:
    data = codec.to_data(value)
    for place in places(value, type(value)):
        for wrong in wrong_values(place.hint):
            error = refusal(type(value), place.changed(data, wrong))
            assert error.where == place.path, f"{place.path} = {wrong!r}: {error}"
            assert type(wrong).__name__ in error.what


@pytest.mark.parametrize("value", [PLAN, MESSAGE], ids=["Plan", "StepFailed"])
@pytest.mark.parametrize("wrong", ["from the future", 7, None, [], {}])
def test_each_unknown_kind_is_named(value: Any, wrong: Any) -> None:
    data = codec.to_data(value)
    tagged = [holder for holder in holders(value) if hasattr(holder.value, "KIND")]
    assert tagged
    for holder in tagged:
        error = refusal(type(value), holder.changed(data, {**holder.found(data), "kind": wrong}))
        assert error.where == f"{holder.path}.kind"


@settings(deadline=None, max_examples=200)
@given(documents, st.data())
def test_one_fault_anywhere_is_named_by_its_path(value: Any, data: st.DataObject) -> None:
    document = codec.to_data(value)
    place = data.draw(st.sampled_from([one for one in places(value, type(value)) if wrong_values(one.hint)]))
    wrong = data.draw(st.sampled_from(wrong_values(place.hint)))
    assert refusal(type(value), place.changed(document, wrong)).where == place.path
    holder = data.draw(st.sampled_from(holders(value)))
    names = {field.name for field in dataclasses.fields(holder.value)} | {"kind"}
    unknown = data.draw(texts.filter(lambda name: name not in names))
    error = refusal(type(value), holder.changed(document, {**holder.found(document), unknown: None}))
    assert (error.where, repr(unknown) in error.what) == (holder.path, True)


@given(texts.filter(bool))
def test_the_document_itself_is_called_as_the_caller_calls_it(name: str) -> None:
    with pytest.raises(CodecError) as refused:
        codec.loads(KeyProof, '{"state": 7}', where=name)
    assert refused.value.where == f"{name}.state"
    with pytest.raises(CodecError) as refused:
        codec.loads(KeyProof, "{", where=name)
    assert refused.value.where == name


def is_json(text: str | bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@given(st.one_of(st.text(), st.binary()).filter(lambda text: not is_json(text)))
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(CodecError, match="not JSON") as refused:
        codec.loads(Evidence, text, where="the file")
    assert refused.value.where == "the file"


@given(st.sampled_from(REAL), st.data())
def test_a_document_that_is_cut_off_is_refused(value: Any, data: st.DataObject) -> None:
    text = codec.dumps(value).encode()
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(CodecError, match="not JSON"):
        codec.loads(type(value), text[:cut])


def test_what_has_no_json_form_is_a_fault_of_the_caller() -> None:
    with pytest.raises(TypeError, match="bytes has no JSON form"):
        codec.dumps(dataclasses.replace(FINDING, title=typing.cast("str", b"bytes")))


def seconds(text: str) -> float:
    document = f'{{"kind": "step-finished", "step": "a", "outcome": "done", "seconds": {text}}}'
    return codec.loads(ev.StepFinished, document).seconds


def test_a_whole_number_will_do_for_a_fraction() -> None:
    assert [(type(number), number) for number in map(seconds, ("2", "2.5", "-1e3"))] == [
        (float, 2.0),
        (float, 2.5),
        (float, -1000.0),
    ]


def test_a_missing_kind_is_named_where_only_it_tells_the_classes_apart() -> None:
    data = codec.to_data(PLAN)
    for holder in holders(PLAN):
        if isinstance(holder.value, typing.get_args(Action)) and holder.keys[-1] == "action":
            content = {key: value for key, value in holder.found(data).items() if key != "kind"}
            assert refusal(Plan, holder.changed(data, content)).where == f"{holder.path}.kind"


@pytest.mark.parametrize(
    "text", ["NaN", "-Infinity", "1e999", "1" * 400, "1" * 5000, "[" * 100_000], ids=lambda text: text[:9]
)
def test_numbers_and_depths_that_no_document_has_are_refused(text: str) -> None:
    with pytest.raises(CodecError):
        seconds(text)
