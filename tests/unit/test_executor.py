"""Carrying out single steps on this machine, and what is kept of their output; redaction."""

from __future__ import annotations

import base64
import os
import re
import resource
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfwizard.errors import BackupError, UsageError
from dfwizard.execution import events as ev
from dfwizard.execution.executor import StepContext
from dfwizard.execution.output import OutputFile, Refusals, last_lines
from dfwizard.execution.redaction import MASK, Redactor, forms
from dfwizard.execution.rowdata import without_rows
from dfwizard.execution.store import Store, require_ours, state_directory
from dfwizard.hosts.command import Command
from dfwizard.planning.plan import Execute, Plan, ShowLosses, Step
from tests.unit.executor_rig import Rig
from tests.unit.real_host import living


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    plan = Plan("upgrade", str(tmp_path), "1", "2", "/b", "o", "root", (), ())
    return Rig(Store(tmp_path / "state").create(plan, None, host="localhost"))


def test_intent_comes_before_the_action_and_the_result_after(rig: Rig) -> None:
    assert rig.command("echo hi; echo there >&2")
    assert [type(event) for event in rig.events] == [ev.StepStarted, ev.StepFinished]
    assert sorted(rig.output.split()) == [b"hi", b"there"]


def test_an_expected_exit_code_is_success(rig: Rig) -> None:
    assert rig.command("exit 3", expect=(0, 3))
    assert not rig.command("exit 4", expect=(0, 3))
    assert rig.failure.code == 4
    assert "expected was 0 or 3" in rig.failure.message


def test_output_can_refuse_an_exit_code_of_zero(rig: Rig) -> None:
    assert not rig.command(
        r"printf '\033[33mCommand'; printf ' Canceled!\033[0m\r\n'; seq 1 100000", refuse=("Cancell?ed",)
    )
    assert "its output says that it failed: Command Canceled!" in rig.failure.message
    assert rig.failure.code == 0


def test_output_can_end_a_command_at_once_with_all_that_it_started(rig: Rig, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 600 & echo $! >{pids}; echo before; echo no such host >&2; sleep 600; echo after"
    assert not rig.command(script, stop_on=("no such host",), refuse=("before",))
    assert rig.failure.message == "The command was ended; its output says that it must fail:\nno such host"
    assert rig.failure.code is None
    assert rig.failure.seconds < 30
    assert b"no such host" in rig.output
    assert b"after" not in rig.output
    assert not living(int(pids.read_text()))


def test_what_ends_a_command_fails_it_too_when_it_comes_without_a_line_end(rig: Rig) -> None:
    assert not rig.command("printf 'no such host'", stop_on=("no such host",))
    assert rig.failure.message.endswith("its output says that it failed: no such host")
    assert rig.command("echo all is well", stop_on=("no such host",))


def test_a_step_whose_purpose_does_not_hold_afterwards_failed(rig: Rig, tmp_path: Path) -> None:
    check = Execute(("test", "-e", str(tmp_path / "made")))
    step = Step("x", "X", "test", Execute(("true",)), done_when=check)
    assert not rig.attempt(step)
    assert "does not hold" in rig.failure.message
    assert rig.attempt(replace(step, action=Execute(("touch", str(tmp_path / "made")))))


def test_a_missing_program_a_timeout_and_a_bad_directory_are_failures_not_crashes(rig: Rig) -> None:
    assert not rig.command("", argv=("no-such-program-anywhere",))
    assert "no-such-program-anywhere" in rig.failure.message
    assert not rig.command("true", cwd="/no/such\ndirectory")
    action = Execute(("sleep", "60"))
    assert not rig.attempt(Step("x", "X", "test", action, timeout=0.2))
    assert rig.failure.seconds < 30


def test_named_actions_are_given_their_context(rig: Rig) -> None:
    def act(context: StepContext, action: object) -> None:
        assert isinstance(action, ShowLosses)
        context.add_secret(b"hunter22")
        context.output("password hunter22\n")
        context.warn("3 rows with hunter22 would be lost")
        result = context.execute(Command(("sh", "-c", 'echo "$DFWIZARD_RUN"')))
        assert result.text.strip() == rig.run.id

    rig.actions["show-losses"] = act
    assert rig.attempt(Step("x", "X", "test", ShowLosses()))
    assert rig.output == b"password ***\n" + rig.run.id.encode() + b"\n"
    assert ev.Note("3 rows with *** would be lost", "x", warning=True) in rig.events


def test_whatever_a_named_action_raises_is_a_failed_step(rig: Rig) -> None:
    rig.redactor.add(b"hunter22")

    def wrong(_context: StepContext, _action: object) -> None:
        raise BackupError("the dump of hunter22 is cut off", remedy="Make room.")

    def broken(_context: StepContext, _action: object) -> None:
        raise ZeroDivisionError("hunter22")

    for function, message in (
        (wrong, "the dump of *** is cut off\nMake room."),
        (broken, "ZeroDivisionError: ***"),
    ):
        rig.actions["show-losses"] = function
        assert not rig.attempt(Step("x", "X", "test", ShowLosses()))
        assert message in rig.failure.message
        assert "hunter22" not in "".join(rig.failure.tail)


def test_nothing_is_begun_when_the_journal_has_just_used_up_the_disk(rig: Rig, tmp_path: Path) -> None:
    rig.full = True
    assert not rig.command(f"touch {shlex.quote(str(tmp_path / 'made'))}")
    assert [type(event) for event in rig.events] == [ev.StepStarted, ev.StepInterrupted]
    assert not (tmp_path / "made").exists()


def test_a_full_disk_loses_output_but_not_the_step(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    (rig.run.output / "x.log").symlink_to("/dev/full")
    real = os.open
    monkeypatch.setattr("os.open", lambda path, flags, mode=0o777: real(path, flags & ~os.O_NOFOLLOW, mode))
    assert rig.command("echo lost")
    assert isinstance(rig.events[-1], ev.StepFinished)
    assert "5 bytes of output were lost" in rig.events[-1].note
    assert not rig.command("echo why; exit 1")
    assert rig.failure.tail == ("why",)


def test_a_huge_line_stays_out_of_memory(rig: Rig) -> None:
    rig.redactor.add(b"S3cret-value")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    script = "head -c 40000000 /dev/zero | tr '\\0' x; printf S3cret-; sleep 0.05; printf value; exit 1"
    assert not rig.command(script, refuse=("never",))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024
    assert (rig.run.output / "x.log").stat().st_size == 40_000_000 + len(MASK)
    assert rig.output.endswith(b"x***")
    assert all(len(line) <= 400 for line in rig.failure.tail)


def test_the_last_lines_are_plain_short_and_few() -> None:
    data = (
        b"\x1b]0;title\x07"
        + b"".join(b"line %d\r\n\r\n" % number for number in range(50))
        + b"\x1b[1mx\xff\x00\n"
    )
    lines = last_lines(data)
    assert len(lines) == 20
    assert lines[-2:] == ("line 49", "x\ufffd")


def test_refusals_see_lines_across_chunks_and_each_stream_by_itself() -> None:
    refusals = Refusals(("^ERROR$",))
    refusals.feed("stdout", b"ok\nERR")
    refusals.feed("stderr", b"noise")
    refusals.feed("stdout", b"OR\nmore")
    assert refusals.end() == "ERROR"
    harmless = Refusals(("^ERROR$",))
    harmless.feed("stdout", b"no ERR")
    harmless.feed("stdout", b"OR here\n")
    assert harmless.end() is None


secrets = st.lists(st.text("ab'\"$ /é\\", min_size=4, max_size=9).map(str.encode), min_size=1, max_size=3)


@settings(max_examples=300, deadline=None)
@given(secrets, st.data())
def test_a_stream_is_redacted_as_the_whole_is_wherever_it_is_cut(
    values: list[bytes], data: st.DataObject
) -> None:
    redactor = Redactor(values)
    known = st.sampled_from(redactor.forms) if redactor.forms else st.just(b"")
    pieces = data.draw(
        st.lists(
            st.one_of(st.binary(max_size=4), st.text("ab'\"$ /", max_size=6).map(str.encode), known),
            max_size=8,
        )
    )
    whole = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    stream = redactor.stream()
    parts = [stream.feed(whole[a:b]) for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert b"".join(parts) + stream.end() == redactor.clean(whole)
    if MASK not in whole and not any(form in MASK for form in redactor.forms):
        for form in redactor.forms:
            assert form not in redactor.clean(whole).replace(MASK, b"\0")


def test_a_secret_is_found_though_the_other_stream_speaks_in_between(tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "x.log", Redactor([b"topsecret"]))
    file.write(b"a topse", "stdout")
    file.write(b"noise\n", "stderr")
    file.write(b"cret\n", "stdout")
    file.close()
    assert (tmp_path / "x.log").read_bytes() == b"a noise\n***\n"


def test_the_stream_holds_back_no_more_than_may_be_a_secret() -> None:
    stream = Redactor([b"topsecret"]).stream()
    assert stream.feed(b"Proceed? [y/n] ") == b"Proceed? [y/n] "
    assert stream.feed(b"tops") == b""
    assert stream.feed(b"y") == b"topsy"


@pytest.mark.parametrize("before", ["", "u", "us", "use"])
def test_base64_is_found_at_any_alignment(before: str) -> None:
    secret = b"S3cret pa$$'\"#"
    encoded = base64.b64encode(before.encode() + secret + b":more")
    assert MASK in Redactor([secret]).clean(encoded)


def test_a_laravel_key_is_found_without_its_prefix() -> None:
    key = b"base64:" + base64.b64encode(bytes(range(32)))
    redactor = Redactor([key])
    assert redactor.clean(key) == MASK
    assert redactor.clean(b"key=" + key[7:]) == b"key=" + MASK
    assert redactor.text("key is " + key.decode()) == "key is ***"
    assert redactor.text("odd \udcff \ud800") == "odd \udcff \ud800"


def test_short_values_are_not_looked_for() -> None:
    assert forms(b"abc") == frozenset()
    assert Redactor([b"abc", b""]).clean(b"abc") == b"abc"


def test_an_output_file_is_private_and_never_written_through_a_link(tmp_path: Path) -> None:
    OutputFile(tmp_path / "a.log", Redactor()).close()
    assert (tmp_path / "a.log").stat().st_mode & 0o777 == 0o600
    (tmp_path / "precious").write_text("x")
    (tmp_path / "b.log").symlink_to(tmp_path / "precious")
    file = OutputFile(tmp_path / "b.log", Redactor())
    file.write("more")
    assert file.close() == ("more",)
    assert (tmp_path / "precious").read_text() == "x"


def test_runs_are_found_by_id_prefix_and_latest(tmp_path: Path) -> None:
    store = Store(tmp_path / "state")
    with pytest.raises(UsageError, match="no run yet"):
        store.find("latest")
    plan = Plan("upgrade", "/i/\udcff", "1", "2", "/b", "o", "root", (), ())
    runs = {store.create(plan, None, host="localhost").id for _ in range(3)}
    assert [run.id for run in store.list()] == sorted(runs, reverse=True)
    newest = store.find("latest")
    assert newest.id == max(runs)
    assert store.find(newest.id).record().instance == "/i/\udcff"
    assert newest.plan() == plan
    with pytest.raises(UsageError, match="3 runs begin with"):
        store.find(newest.id[:8])
    for name in ("", "../..", "nothing", newest.id + "x"):
        with pytest.raises(UsageError):
            store.find(name)


def test_runs_and_directories_of_others_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "state")
    run = store.create(Plan("upgrade", "/i", "1", "2", "/b", "o", "root", (), ()), None, host="localhost")
    (store.runs / "20260101-000000-abcd").symlink_to(run.directory)
    assert [found.id for found in store.list()] == [run.id]
    with pytest.raises(UsageError):
        require_ours(store.runs / "20260101-000000-abcd")
    if os.geteuid() == 0:
        os.chown(run.directory, 65534, 65534)
        assert store.list() == ()
        with pytest.raises(UsageError, match="another account"):
            store.find(run.id)
    store.directory.chmod(0o777)
    with pytest.raises(UsageError, match="others may write"):
        store.create(Plan("upgrade", "/i", "1", "2", "/b", "o", "root", (), ()), None, host="localhost")


def test_where_state_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_directory({"DFWIZARD_STATE_DIR": "/x/y"}) == Path("/x/y")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert state_directory({"XDG_STATE_HOME": "/x"}) == Path("/var/lib/dfwizard")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert state_directory({"XDG_STATE_HOME": "/x"}) == Path("/x/dfwizard")
    assert state_directory({"XDG_STATE_HOME": "relative", "HOME": "/h"}) == Path("/h/.local/state/dfwizard")
    assert re.fullmatch(r"/.*/\.local/state/dfwizard", str(state_directory({})))


EMAIL = "canary@example.org"
HASH = "$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
STATEMENT = (
    f"SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry '{EMAIL}' for key 'user.email' "
    f"(Connection: mysql, SQL: insert into `user` (`name`, `email`, `password`) values (x) y)), {EMAIL}\n\n, {HASH}, a {{\n"
    f"  {EMAIL}\n--------------\n}}))"
)
MASKED = (
    "SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry (values left out) for key 'user.email' "
    "(SQL: insert into `user` ... values left out)"
)


def console(message: str, width: int) -> str:
    """Write an exception as Symfony's console does: cut at a fixed width, two blanks around each line."""
    pieces = []
    for line in message.split("\n"):
        pieces += [line[begin : begin + width] for begin in range(0, len(line), width)] or [""]
    widest = max(len(piece) for piece in pieces)
    blank = " " * (widest + 4)
    rows = [f"  {piece:<{widest}}  " for piece in pieces]
    return "\n".join(["In Connection.php line 825:", blank, *rows, blank, "", ""])


def row_data(text: str) -> list[str]:
    """Give what of the row data stands in `text`, also when it was cut."""
    return [piece for piece in ("canary", "example.org", HASH[10:20], HASH[-12:]) if piece in text]


@pytest.mark.parametrize("width", [13, 40, 75, 100_000])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_row_data_of_a_failed_statement_stays_in_the_output_file(
    rig: Rig, tmp_path: Path, width: int, line_end: str
) -> None:
    said = f"Migrating: one\n\n{console(STATEMENT, width)}migrate [--force]\n".replace("\n", line_end)
    (tmp_path / "said").write_bytes(said.encode())
    assert not rig.command(f"cat {shlex.quote(str(tmp_path / 'said'))} >&2; exit 1")
    assert rig.failure.tail == (
        "Migrating: one",
        "In Connection.php line 825:",
        f"  {MASKED}",
        "migrate [--force]",
    )
    assert rig.output == said.encode()


def test_a_statement_longer_than_what_is_kept_is_left_out_too(rig: Rig, tmp_path: Path) -> None:
    values = f"({EMAIL}, {HASH}),\n" * 20_000
    said = f"ERROR: SQLSTATE[42000]: too large (SQL: insert into `user` values {values}\nIn X.php line 1:\n"
    (tmp_path / "said").write_text(said)
    assert not rig.command(f"cat {shlex.quote(str(tmp_path / 'said'))}; exit 1")
    assert rig.failure.tail == (
        "ERROR: SQLSTATE[42000]: too large (SQL: insert into `user` ... values left out)",
        "In X.php line 1:",
    )


def test_row_data_is_left_out_of_messages_and_remarks_and_the_remedy_stays(rig: Rig) -> None:
    def wrong(context: StepContext, _action: object) -> None:
        context.warn(f"logged: {STATEMENT}")
        context.note(f"logged: {STATEMENT}")
        raise BackupError(STATEMENT[:-20], where="database df", remedy="Make room.")

    rig.actions["show-losses"] = wrong
    assert not rig.attempt(Step("x", "X", "test", ShowLosses()))
    assert rig.failure.message == f"database df: {MASKED}\nMake room."
    notes = [event.text for event in rig.events if isinstance(event, ev.Note)]
    assert notes == [f"logged: {MASKED}"] * 2
    assert not rig.command(f"echo {shlex.quote(STATEMENT.splitlines()[0])}", refuse=("SQLSTATE",))
    assert row_data(rig.failure.message) == []


ECHOED = f"""
--------------
insert into user (name, email) values ('x
--------------

', '{EMAIL}'), ('{HASH}')
--------------

ERROR 1062 (23000) at line 2: Duplicate entry '{EMAIL}' for key 'PRIMARY'
"""
POSTGRESQL = f"""psql: odd
ERROR:  invalid input syntax for type integer: "{EMAIL}"
LINE 1: insert into "user" (id, name, email) values ('{EMAIL[:-4]}...
                                                     ^
DETAIL:  Key (email)=({EMAIL}) already exists.
CONTEXT:  COPY user, line 1, column id: "{EMAIL}"
DETAIL:  Failing row contains (99, it is (all
of {EMAIL}, {HASH}).
ERROR:  next
Command was: INSERT INTO "user" VALUES (1, '{EMAIL}');
"""
LOGGED = f'[2026-01-05] local.ERROR: {STATEMENT} {{"exception":"[object] (Query: {STATEMENT} at /x.php:7)\n[stacktrace]\n#0 x'


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (ECHOED, ("insert into user ... values left out", "ERROR 1062 (23000) at line 2", "'PRIMARY'")),
        (
            POSTGRESQL,
            ("psql: odd", "Key (email)=", "COPY user, line 1, column id:", "ERROR:  next", "Command was:"),
        ),
        (LOGGED, ("[2026-01-05] local.ERROR: SQLSTATE[23000]", "insert into `user`", "[stacktrace]", "#0 x")),
        (f"the hash is {HASH}", ("the hash is ***",)),
    ],
)
def test_every_client_and_log_has_its_row_data_left_out(said: str, kept: tuple[str, ...]) -> None:
    text = without_rows(said)
    assert row_data(text) == []
    assert [piece for piece in kept if piece not in text] == []
    assert without_rows(text) == text
    assert row_data("".join(last_lines(said.encode()))) == []


def test_what_has_no_row_data_stays_as_it_is() -> None:
    for said in (
        "--------------\nA heading\n--------------\n\nERROR 1",
        "In Process.php line 7:\n\n  The command failed (with code 1).\n    more\n\ndone",
        "SQLSTATE[HY000] [2002] Connection refused",
        "  INFO  Running migrations.\n\n  2017_one ..... 4.85ms DONE",
    ):
        assert without_rows(said) == said


def test_of_much_output_the_end_is_kept(tmp_path: Path) -> None:
    lines = [f"  - Installing package {number} (v1.2.3)" for number in range(200_000)]
    data = "\n".join([*lines, "", "", console(STATEMENT, 75), "the end", "", ""]).encode()
    file = OutputFile(tmp_path / "x.log", Redactor())
    for begin in range(0, len(data), 65_536):
        file.write(data[begin : begin + 65_536])
    tail = file.close()
    assert tail == last_lines(data)
    assert tail[-4:] == (lines[-1], "In Connection.php line 825:", f"  {MASKED}", "the end")
    assert len(tail) == 20


SAID = f"one\r\n{console(STATEMENT, 40)}two\rthree\n{ECHOED}\r\nfour".encode()


@given(st.lists(st.integers(0, len(SAID)), max_size=12).map(sorted))
def test_the_tail_is_the_same_wherever_the_output_is_cut(cuts: list[int]) -> None:
    file = OutputFile(Path("/dev/null"), Redactor())
    for begin, end in zip([0, *cuts], [*cuts, len(SAID)], strict=True):
        file.write(SAID[begin:end])
    assert file.close() == last_lines(SAID)
    assert row_data("".join(last_lines(SAID))) == []


@pytest.mark.parametrize("first", ["stdout", "stderr"])
def test_a_long_stream_does_not_push_the_one_line_of_the_other_out(tmp_path: Path, first: str) -> None:
    said = {
        "stdout": "".join(f"{number}\n" for number in range(1, 31)),
        "stderr": "Could not resolve host\n",
    }
    file = OutputFile(tmp_path / "x.log", Redactor())
    for stream in (first, *sorted({*said} - {first})):
        file.write(said[stream], stream)
    tail = file.close()
    assert len(tail) == 20
    assert "Could not resolve host" in tail
    assert [line for line in tail if line.isdigit()] == [str(number) for number in range(12, 31)]
