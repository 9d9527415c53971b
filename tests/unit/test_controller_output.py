"""Looking into a step's output through the controller: pieces, searching both ways, names that lead elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dfwizard.controller import Controller
from dfwizard.errors import DfwizardError, UsageError
from dfwizard.execution import step_output
from dfwizard.execution.store import Run
from tests.unit.samples import facts, plan

FILE = "output/01-one-1.log"


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(state=tmp_path / "state")


@pytest.fixture
def run(controller: Controller) -> Run:
    found = facts()
    return controller.store.create(plan(found, "7.1.0"), found, host="localhost")


def test_pieces_of_an_output(controller: Controller, run: Run) -> None:
    (run.directory / FILE).write_bytes(b"0123456789")
    assert controller.output(run, FILE) == b"0123456789"
    assert controller.output(run, FILE, offset=4, size=3) == b"456"
    assert controller.output(run, FILE, offset=99) == b""
    assert controller.output(run, FILE, offset=-5, size=-1) == b""
    assert controller.output(run, "output/never-made.log") == b""


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../../../etc/passwd", "output/../run.json", "", "output/a\0b", "output/x/y/z"]
)
def test_a_name_that_is_no_output_is_refused(controller: Controller, run: Run, name: str) -> None:
    with pytest.raises(UsageError):
        controller.output(run, name)
    with pytest.raises(UsageError):
        controller.search_output(run, name, "root")


def test_symlinks_and_what_is_no_file_are_refused(controller: Controller, run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file").write_text("secret")
    (run.output / "link").symlink_to(secret / "file")
    (run.directory / "elsewhere").symlink_to(secret)
    os.mkfifo(run.output / "pipe")
    for name in ("output/link", "elsewhere/file", "output/pipe", "output"):
        with pytest.raises(DfwizardError):
            controller.output(run, name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(
    pieces=st.lists(st.sampled_from(["a", "A", "b", "Ä", "ä", "ß", "İ", "\n", "aab", "é中"]), max_size=40),
    text=st.text("aAbBäÄßé中", min_size=1, max_size=4),
    start=st.integers(0, 60),
    block=st.sampled_from([1, 3, 7, 1 << 20]),
)
@example(["aab"] * 3, "aab", 3, 1)
def test_search_finds_what_a_plain_look_finds(
    controller: Controller,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    pieces: list[str],
    text: str,
    start: int,
    block: int,
) -> None:
    monkeypatch.setattr(step_output, "_BLOCK", block)
    data = "".join(pieces).encode()
    (run.directory / FILE).write_bytes(data)
    matches = [offset for offset in range(len(data)) if _matches(data, offset, text)]
    after = next((offset for offset in matches if offset >= start), None)
    before = next((offset for offset in reversed(matches) if offset < start), None)
    assert controller.search_output(run, FILE, text, start=start) == after
    assert controller.search_output(run, FILE, text, start=start, backwards=True) == before
    last = matches[-1] if matches else None
    assert controller.search_output(run, FILE, text, start=-1, backwards=True) == last


def _matches(data: bytes, offset: int, text: str) -> bool:
    """Whether letter for letter one of upper, lower or the case as typed stands at `offset`."""
    for letter in text:
        forms = [form.encode() for form in (letter, letter.lower(), letter.upper())]
        if text.isascii():
            forms = [letter.lower().encode(), letter.upper().encode()]
        for form in sorted(forms, key=len):
            if data.startswith(form, offset):
                offset += len(form)
                break
        else:
            return False
    return True


def test_nothing_is_found_in_nothing(controller: Controller, run: Run) -> None:
    assert controller.search_output(run, "output/never-made.log", "x") is None
    (run.directory / FILE).write_bytes(b"abc")
    assert controller.search_output(run, FILE, "") is None
    assert controller.search_output(run, FILE, "\ud800") is None
    assert controller.search_output(run, FILE, "c", start=3) is None


def test_a_large_file_is_searched_in_bounded_memory(controller: Controller, run: Run) -> None:
    import tracemalloc

    path = run.directory / FILE
    with path.open("wb") as file:
        file.truncate(64 << 20)
        file.seek((64 << 20) - 5)
        file.write(b"error")
    tracemalloc.start()
    try:
        assert controller.search_output(run, FILE, "ERROR") == (64 << 20) - 5
        assert controller.search_output(run, FILE, "Error", start=-1, backwards=True) == (64 << 20) - 5
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
