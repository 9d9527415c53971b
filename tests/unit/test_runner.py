"""The detached runner, with real processes: kills, locks, decisions, signals, redaction, attaching."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from dfwizard.cli.following import attach_run, follow_run
from dfwizard.controller import Controller
from dfwizard.errors import DfwizardError, HeldError, UsageError
from dfwizard.execution import attach, control, journal, lock, processes
from dfwizard.execution import events as ev
from dfwizard.execution.launch import launch
from dfwizard.execution.on_failure import OnFailure
from dfwizard.execution.state import StepStatus
from dfwizard.execution.store import Run, discard_unstarted
from dfwizard.planning.plan import Execute, Undo
from tests.thorough import stride
from tests.unit.run_bench import (
    CRASHING,
    RUNNER,
    SECRET,
    Bench,
    answer,
    kill,
    lives,
    question_of,
    statuses,
    wait_until,
)


def test_a_run_goes_through_its_steps(bench: Bench) -> None:
    run = bench.run(bench.step("a", "echo a >> log"), bench.step("b", "echo b >> log; echo said b"))
    code, state = bench.finish(run)
    assert (code, state.outcome, state.exit_code) == (0, "done", 0)
    assert bench.lines("log") == ["a", "b"]
    assert statuses(state) == {"a": "done", "b": "done"}
    assert (run.directory / "output/002-b.log").read_text() == "said b\n"
    assert state.begun == ("a", "b")


def test_everything_in_a_run_is_private(bench: Bench) -> None:
    run = bench.run(bench.step("a", "echo hello"))
    bench.launch(run)
    bench.wait_event(run, ev.RunFinished)
    for path in [run.directory, *run.directory.rglob("*")]:
        if path.name != "exit-code":
            assert path.lstat().st_mode & 0o077 == 0, path


def test_kill_in_the_middle_then_resume_has_effects_once(bench: Bench) -> None:
    run = bench.run(
        bench.step("first", "echo first >> log", done_when=bench.when("grep -q first log")),
        bench.step(
            "slow",
            "echo begun; echo slow >> log; while test ! -e go; do sleep 0.05; done",
            done_when=bench.when("grep -q slow log"),
            repeatable=False,
        ),
        bench.step("last", "echo last >> log", done_when=bench.when("grep -q last log")),
    )
    bench.launch(run)
    bench.wait_output(run, b"begun")
    kill(run)
    code, state = bench.finish(run)
    assert (code, state.outcome) == (0, "done")
    assert bench.lines("log") == ["first", "slow", "last"]
    assert statuses(state) == {"first": "done", "slow": "already-done", "last": "done"}


def test_a_repeatable_step_is_repeated_and_strays_are_ended_first(bench: Bench) -> None:
    script = "echo begun; echo $$ >> pids; if test -e second; then exit 0; fi; touch second; sleep 600"
    run = bench.run(bench.step("slow", script))
    bench.launch(run)
    bench.wait_output(run, b"begun")
    wait_until((bench.instance / "second").exists)
    kill(run)
    code, state = bench.finish(run)
    assert code == 0
    stray, second = bench.lines("pids")
    assert not lives(stray)
    assert stray != second
    assert state.phases[0].step("slow").attempts == 2
    kinds = [type(record.event) for record in journal.read(run.journal).records]
    assert ev.StepInterrupted in kinds


def test_a_step_that_may_not_be_repeated_is_never_repeated_unasked(bench: Bench) -> None:
    run = bench.run(
        bench.step(
            "once", "echo x >> log; echo begun; while test ! -e go; do sleep 0.05; done", repeatable=False
        )
    )
    bench.launch(run)
    bench.wait_output(run, b"begun")
    kill(run)
    (bench.instance / "go").touch()
    code, state = bench.finish(run)
    assert (code, state.outcome) == (1, "failed")
    assert bench.lines("log") == ["x"]
    assert "interrupted" in state.phases[0].step("once").message
    code, state = bench.finish(run)  # resumed by name after that: this is being asked
    assert (code, state.outcome) == (0, "done")
    assert bench.lines("log") == ["x", "x"]


def test_a_failure_is_explained_and_stops(bench: Bench) -> None:
    run = bench.run(
        bench.step("bad", r"printf '\033[31mred alarm\033[0m\n' >&2; exit 3"),
        bench.step("never", "touch never"),
    )
    code, state = bench.finish(run)
    assert (code, state.outcome, state.exit_code) == (1, "failed", 1)
    bad = state.phases[0].step("bad")
    assert (bad.code, bad.tail) == (3, ("red alarm",))
    assert "exit code 3" in bad.message
    assert bad.command.startswith(f"cd {shlex.quote(str(bench.instance))} && sh -c")
    assert not (bench.instance / "never").exists()


def test_resume_after_failure_tries_the_step_again(bench: Bench) -> None:
    run = bench.run(bench.step("a", "echo a >> log"), bench.step("b", "test -e mended && echo b >> log"))
    assert bench.finish(run)[0] == 1
    (bench.instance / "mended").touch()
    code, state = bench.finish(run)
    assert (code, state.outcome) == (0, "done")
    assert bench.lines("log") == ["a", "b"]
    assert state.phases[0].step("b").attempts == 2


def test_what_a_step_mends_is_mended_only_when_it_is_repeated(bench: Bench) -> None:
    step = bench.step("b", "test ! -e lock || exit 1; touch lock; test -e free")
    mend = ("rm", "-f", "--", str(bench.instance / "lock"))
    assert isinstance(step.action, Execute)
    run = bench.run(replace(step, action=replace(step.action, mend=mend)))
    assert bench.finish(run)[0] == 1
    assert (bench.instance / "lock").exists()
    (bench.instance / "free").touch()
    assert bench.finish(run)[0] == 0


def test_a_step_that_is_not_required_fails_without_stopping_the_run(bench: Bench) -> None:
    run = bench.run(bench.step("a", "exit 1", required=False), bench.step("b", "echo b >> log"))
    code, state = bench.finish(run)
    assert (code, state.outcome) == (4, "done-with-warnings")
    assert statuses(state) == {"a": "skipped", "b": "done"}
    assert bench.lines("log") == ["b"]


def test_a_good_rollback_is_not_warned_of_what_the_upgrade_was(bench: Bench) -> None:
    run = bench.run(bench.step("a", "exit 1", required=False))
    assert bench.finish(run)[0] == 4
    code, state = bench.finish(run, "rollback")
    assert (code, state.warnings) == (0, ())
    assert any("skipped" in note for note in state.notes)


def test_rollback_by_policy_takes_back_what_was_begun(bench: Bench) -> None:
    steps = (bench.step("a", "true"), bench.step("b", "exit 1", undo=Undo.DATABASE), bench.step("c", "true"))
    run = bench.run(*steps, on_failure=OnFailure.ROLLBACK)
    code, state = bench.finish(run)
    assert (code, state.outcome) == (5, "rolled-back")
    assert bench.lines("undone") == ["b", "a"]
    assert [phase.name for phase in state.phases] == ["upgrade", "rollback"]
    assert (run.directory / "rollback-1.json").exists()
    assert state.database_touched


def test_auto_rolls_back_before_the_first_database_change(bench: Bench) -> None:
    run = bench.run(bench.step("a", "exit 1"), on_failure=OnFailure.AUTO)
    assert bench.finish(run)[0] == 5


def test_a_failing_rollback_is_tried_twice_then_reported_and_can_be_resumed(bench: Bench) -> None:
    (bench.instance / "no-undo").touch()
    run = bench.run(bench.step("a", "exit 1"), on_failure=OnFailure.ROLLBACK)
    code, state = bench.finish(run)
    assert (code, state.outcome) == (6, "rollback-failed")
    assert state.phases[1].step("undo-a").attempts == 2
    (bench.instance / "no-undo").unlink()
    code, state = bench.finish(run)
    assert (code, state.outcome) == (5, "rolled-back")
    assert bench.lines("undone") == ["a"]


def test_no_rollback_plan_is_a_failed_rollback_and_resume_does_not_go_forward(bench: Bench) -> None:
    (bench.instance / "no-rollback").touch()
    run = bench.run(bench.step("a", "echo a >> log; exit 1"), on_failure=OnFailure.ROLLBACK)
    code, state = bench.finish(run)
    assert (code, state.outcome) == (6, "rollback-failed")
    assert "there is no backup" in state.warnings[-1]
    (bench.instance / "no-rollback").unlink()
    code, state = bench.finish(run)
    assert state.outcome == "rolled-back"
    assert bench.lines("log") == ["a"]


def test_rollback_asked_for_after_a_good_run(bench: Bench) -> None:
    run = bench.run(bench.step("a", "true"), bench.step("b", "true"))
    assert bench.finish(run)[0] == 0
    code, state = bench.finish(run, "rollback")
    assert (code, state.outcome) == (0, "rolled-back")
    assert bench.lines("undone") == ["b", "a"]
    with pytest.raises(UsageError, match="rolled back already"):
        bench.launch(run, "rollback")
    with pytest.raises(UsageError, match="nothing to go on with"):
        bench.launch(run)


@pytest.mark.parametrize(
    ("decision", "outcome", "code"),
    [
        ("retry", "done", 0),
        ("skip", "done-with-warnings", 4),
        ("rollback", "rolled-back", 5),
        ("stop", "stopped", 1),
    ],
)
def test_decisions_over_the_socket(bench: Bench, decision: str, outcome: str, code: int) -> None:
    bad = bench.step("bad", "test -e mended", skippable=True)
    run = bench.run(bad, bench.step("after", "echo after >> log"), on_failure=OnFailure.ASK)
    bench.launch(run)
    state = bench.wait_event(run, ev.Asked)
    assert state.question is not None
    assert state.question.choices == ("retry", "skip", "rollback", "stop")
    with pytest.raises(UsageError, match="the choices are"):
        answer(run, "explode")
    (bench.instance / "mended").touch()
    answer(run, decision)
    state = bench.wait_event(run, ev.RunFinished)
    assert (state.outcome, state.exit_code) == (outcome, code)
    assert bench.lines("log") == (["after"] if decision in ("retry", "skip") else [])


def test_an_answer_to_one_question_is_not_taken_for_anothers(bench: Bench) -> None:
    run = bench.run(bench.step("bad", "test -e mended"), on_failure=OnFailure.ASK)
    bench.launch(run)
    bench.wait_event(run, ev.Asked)
    first = question_of(run)
    answer(run, "retry")
    bench.wait(run, lambda _update: (now := run.state().question) is not None and now.seq > first)
    with pytest.raises(UsageError, match=f"it has been answered by {processes.account_name(os.geteuid())}"):
        answer(run, "rollback", question=first)
    others: tuple[object, ...] = (None, 0, first + 10_000, "1", [], True)
    for other in others:
        with pytest.raises(UsageError, match="another question is open"):
            control.ask(run.socket, {"do": "decide", "decision": "rollback", "question": other})
    status = control.ask(run.socket, {"do": "status"})
    assert (status["asked"], status["choices"]) == (question_of(run), ["retry", "rollback", "stop"])
    answer(run, "stop")
    state = bench.wait_event(run, ev.RunFinished)
    assert (state.outcome, state.begun) == ("stopped", ("bad",))


def test_a_question_can_be_answered_as_soon_as_it_can_be_read(bench: Bench) -> None:
    run = bench.run(bench.step("bad", "exit 1"), on_failure=OnFailure.ASK)
    bench.launch(run)
    asked = 0
    for decision in ("retry",) * 15 + ("stop",):
        for update in attach.follow(run, seq=asked, poll=0.0005):
            if isinstance(update, attach.EventSeen) and isinstance(update.record.event, ev.Asked):
                asked = update.record.seq
                break
        answer(run, decision, question=asked)
    assert bench.wait_event(run, ev.RunFinished).outcome == "stopped"


def test_a_question_that_is_over_is_not_put_again(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    run = bench.run(bench.step("bad", "exit 1"), on_failure=OnFailure.ASK)
    controller = Controller(state=bench.store.directory)
    bench.launch(run)
    bench.wait_event(run, ev.Asked)
    assert follow_run(controller, run) == 1
    said = capsys.readouterr().err
    assert said.count("How shall it go on?") == 1
    assert f"dfwizard decide {run.id} rollback\n" in said
    first = question_of(run)
    controller.decide(run, "retry")
    bench.wait(run, lambda _update: (now := run.state().question) is not None and now.seq > first)
    with pytest.raises(UsageError, match="it has been answered by"):
        controller.decide(run, "stop", question=first)
    assert follow_run(controller, run) == 1
    assert capsys.readouterr().err.count("How shall it go on?") == 1
    controller.decide(run, "stop")
    bench.wait_event(run, ev.RunFinished)
    assert follow_run(controller, run) == 1
    assert "How shall it go on?" not in capsys.readouterr().err
    assert attach_run(controller, run) == 1
    assert "How shall it go on?" not in capsys.readouterr().err


def test_a_question_tells_what_each_answer_means(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    on = bench.step("maintenance-on", "true", undo=Undo.MAINTENANCE)
    off = bench.step("maintenance-off", "true", undo=Undo.MAINTENANCE)
    bad = bench.step("bad", "exit 1", skippable=True)
    code, data = bench.step("code", "true", undo=Undo.TREE), bench.step("data", "exit 1", undo=Undo.DATABASE)
    unchanged = "code and data have not been changed"
    cases = (
        (
            (on, bad),
            ("leave the step out", unchanged, "as it is, maintenance mode on"),
            ("first remove by hand",),
        ),
        (
            (on, code, data),
            ("first remove by hand what", "back to 1 from"),
            ("leave the step out", unchanged),
        ),
        ((on, off, bad), ("as it is, the API open",), ("maintenance mode on",)),
        ((bad,), ("as it is, maintenance mode on",), ()),
    )
    for steps, there, absent in cases:
        run = bench.run(*steps, on_failure=OnFailure.ASK)
        bench.launch(run)
        bench.wait_event(run, ev.Asked)
        assert follow_run(Controller(state=bench.store.directory), run) == 1
        said = " ".join(capsys.readouterr().err.split())
        assert [text for text in there if text not in said] == []
        assert [text for text in absent if text in said] == []
        answer(run, "stop")
        bench.wait_event(run, ev.RunFinished)


def test_a_watcher_says_each_thing_once(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    there = bench.step("there", "touch x", done_when=bench.when("true"))
    bad = bench.step("bad", "echo the 'only' line; exit 1")
    run = bench.run(there, bench.step("a", "true"), bad)
    bench.finish(run)
    assert follow_run(Controller(state=bench.store.directory), run) == 1
    said = capsys.readouterr().err
    assert "==> 1/3  Do there: done already\n==> 2/3  Do a\n" in said
    assert said.count("the only line") == 1
    (run.directory / "output/003-bad.log").unlink()
    follow_run(Controller(state=bench.store.directory), run)
    assert "    | the only line\n" in capsys.readouterr().err


def test_the_question_survives_the_runner(bench: Bench) -> None:
    run = bench.run(bench.step("bad", "echo x >> log; exit 1"), on_failure=OnFailure.ASK)
    bench.launch(run)
    bench.wait_event(run, ev.Asked)
    kill(run)
    bench.launch(run)
    bench.wait(run, lambda _update: run.state().question is not None)
    assert bench.lines("log") == ["x"]
    answer(run, "rollback")
    assert bench.wait_event(run, ev.RunFinished).outcome == "rolled-back"


def test_pause_and_continue(bench: Bench) -> None:
    run = bench.run(
        bench.step("a", "echo begun; while test ! -e go; do sleep 0.02; done"),
        bench.step("b", "echo b >> log"),
    )
    bench.launch(run)
    bench.wait_output(run, b"begun")
    assert control.ask(run.socket, {"do": "status"})["step"] == "a"
    control.ask(run.socket, {"do": "pause"})
    (bench.instance / "go").touch()
    assert bench.wait_event(run, ev.Paused).paused
    assert bench.lines("log") == []
    control.ask(run.socket, {"do": "continue"})
    state = bench.wait_event(run, ev.RunFinished)
    assert (state.outcome, state.paused) == ("done", False)
    assert bench.lines("log") == ["b"]


def test_two_starters_one_runs_the_other_is_told_who(bench: Bench) -> None:
    wait = bench.step("a", "echo begun; while test ! -e go; do sleep 0.02; done")
    first, second = bench.run(wait), bench.run(wait)
    bench.launch(first)
    bench.wait_output(first, b"begun")
    with pytest.raises(HeldError) as caught:
        bench.launch(second)
    runner = first.state().runner
    assert runner is not None
    message = str(caught.value)
    assert f"the run {first.id} (pid {runner.pid}, started " in message
    assert " by root)" in message or os.geteuid() != 0
    assert caught.value.exit_code == 3
    assert discard_unstarted(second)
    with pytest.raises(HeldError, match="holds the run"):
        bench.launch(first)
    found = lock.holder(bench.instance)
    assert found is not None
    assert (found.pid, found.run) == (runner.pid, first.id)
    (bench.instance / "go").touch()
    assert bench.wait_event(first, ev.RunFinished).outcome == "done"
    wait_until(lambda: lock.holder(bench.instance) is None)


def test_of_many_starters_at_once_exactly_one_runs(bench: Bench) -> None:
    runs = [
        bench.run(bench.step("a", "echo x >> log; while test ! -e go; do sleep 0.02; done")) for _ in range(6)
    ]
    errors: list[DfwizardError] = []

    def start(run: Run) -> None:
        try:
            bench.launch(run)
        except DfwizardError as error:
            errors.append(error)

    threads = [threading.Thread(target=start, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in errors] == [HeldError] * 5
    winner = next(run for run in runs if run.journal.exists())
    (bench.instance / "go").touch()
    assert bench.wait_event(winner, ev.RunFinished).outcome == "done"
    assert bench.lines("log") == ["x"]


def test_sigterm_ends_the_command_and_leaves_a_run_that_resumes(bench: Bench) -> None:
    script = "echo $$ >> pids; echo begun; if test -e go; then exit 0; fi; sleep 600"
    run = bench.run(bench.step("a", script))
    bench.launch(run)
    bench.wait_output(run, b"begun")
    for number in (signal.SIGHUP, signal.SIGINT):
        runner = run.state().runner
        assert runner is not None
        os.kill(runner.pid, number)
    kill(run, signal.SIGTERM)
    assert not lives(bench.lines("pids")[0])
    state = run.state()
    assert statuses(state) == {"a": "interrupted"}
    assert "SIGTERM" in state.stopped
    assert state.outcome is None
    assert not run.socket.exists()
    (bench.instance / "go").touch()
    assert bench.finish(run)[0] == 0


def test_sigterm_while_waiting_for_a_decision(bench: Bench) -> None:
    run = bench.run(bench.step("bad", "exit 1"), on_failure=OnFailure.ASK)
    bench.launch(run)
    bench.wait_event(run, ev.Asked)
    kill(run, signal.SIGTERM)
    assert "SIGTERM" in run.state().stopped


def test_a_secret_is_nowhere_in_the_run(bench: Bench) -> None:
    (bench.instance / "said").write_bytes(
        b"\n".join(
            (
                SECRET.encode(),
                base64.b64encode(b"user:" + SECRET.encode()),
                quote(SECRET).encode(),
                json.dumps(SECRET).encode(),
                shlex.quote(SECRET).encode(),
            )
        )
    )
    cut = "; ".join(f"printf %s {shlex.quote(letter)}; sleep 0.01" for letter in SECRET)
    run = bench.run(bench.step("tell", f"cat said; cat said >&2; {cut}; exit 1"))
    assert bench.finish(run)[0] == 1
    spoken = b"".join(path.read_bytes() for path in (run.directory / "output").iterdir())
    assert spoken.count(b"***") >= 11
    for path in run.directory.rglob("*"):
        # The plan of this test spells the secret letter by letter; the journal repeats its command.
        if path.is_file() and path.name != "plan.json":
            data = path.read_bytes()
            assert SECRET.encode() not in data, path
            assert quote(SECRET).encode() not in data, path
            assert base64.b64encode(SECRET.encode())[4:-4] not in data, path


def test_a_second_runner_leaves_the_secrets_of_the_first_alone(bench: Bench, tmp_path: Path) -> None:
    run = bench.run(bench.step("a", "echo begun; while test ! -e go; do sleep 0.02; done"))
    bench.launch(run)
    bench.wait_output(run, b"begun")
    private = tmp_path / "private"
    private.mkdir()
    (private / "credentials").touch()
    second = (
        "import sys; from pathlib import Path; from dfwizard.errors import HeldError\n"
        "from dfwizard.execution.runner import serve; from dfwizard.hosts.local import LocalHost\n"
        "try: serve(Path(sys.argv[1]), LocalHost(), {}, None, private=sys.argv[2])\n"
        "except HeldError: print('held')"
    )
    argv = [sys.executable, "-c", second, str(run.directory), str(private)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "held\n", done.stderr
    assert (private / "credentials").exists()
    (bench.instance / "go").touch()
    assert bench.wait_event(run, ev.RunFinished).outcome == "done"


def test_a_client_that_misbehaves_disturbs_nobody(bench: Bench) -> None:
    run = bench.run(bench.step("a", "echo begun; while test ! -e go; do sleep 0.02; done"))
    bench.launch(run)
    bench.wait_output(run, b"begun")
    clients = []
    at = os.open(run.directory, os.O_RDONLY)  # a socket's path may be 108 bytes long at most
    for data in (
        b"",
        b"\xff\x00garbage\n",
        b"[" * 50_000 + b"\n",
        b"x" * 300_000,
        b'{"do":"status"}\n' * 100,
    ):
        client = socket.socket(socket.AF_UNIX)
        clients.append(client)
        client.connect(f"/proc/self/fd/{at}/socket")
        client.setblocking(False)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the runner may hang up first
            client.send(data)
    assert control.ask(run.socket, {"do": "status"})["step"] == "a"
    with pytest.raises(UsageError, match="nothing to decide"):
        control.ask(run.socket, {"do": "decide", "decision": "retry"})
    with pytest.raises(UsageError, match="unknown request"):
        control.ask(run.socket, {"do": "dance"})
    (bench.instance / "go").touch()
    assert bench.wait_event(run, ev.RunFinished).outcome == "done"
    os.close(at)
    for client in clients:
        client.close()


def test_a_socket_with_a_long_path(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    desk = control.Desk()
    server = control.ControlServer(deep / "socket", desk)
    try:
        desk.publish(step="x")
        assert control.ask(deep / "socket", {"do": "status"})["step"] == "x"
        assert (deep / "socket").stat().st_mode & 0o777 == 0o600
    finally:
        server.close()
    with pytest.raises(DfwizardError, match="no runner answers"):
        control.ask(deep / "socket", {"do": "status"})


def test_following_gives_all_output_in_order_and_says_when_the_runner_is_dead(bench: Bench) -> None:
    run = bench.run(
        bench.step("a", "seq 1 20000"), bench.step("b", "echo begun; while test ! -e go; do sleep 0.02; done")
    )
    bench.launch(run)
    bench.wait_output(run, b"begun")
    kill(run)
    updates = list(attach.follow(run))
    output = b"".join(u.data for u in updates if isinstance(u, attach.OutputSeen) and u.step == "a")
    assert output == b"".join(b"%d\n" % number for number in range(1, 20001))
    kinds = [
        type(u.record.event).__name__ if isinstance(u, attach.EventSeen) else type(u).__name__
        for u in updates
    ]
    assert kinds.index("OutputSeen") < kinds.index("StepFinished")
    gone = updates[-1]
    assert isinstance(gone, attach.RunnerGone)
    assert "dfwizard resume" in gone.message
    later = list(attach.follow(run, seq=gone.state.seq, offset=3))
    assert [u.data for u in later if isinstance(u, attach.OutputSeen)] == [b"un\n"]


def test_a_runner_that_dies_at_once_is_reported_with_its_log(bench: Bench) -> None:
    run = bench.run(bench.step("a", "true"))
    with pytest.raises(DfwizardError, match="no such thing"):
        launch(run, [sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_commands_get_ordinary_signals_and_an_ordinary_umask(bench: Bench) -> None:
    before = os.umask(0o077)
    try:
        run = bench.run(bench.step("a", "umask; grep SigIgn /proc/self/status"))
        bench.launch(run)
        bench.wait_event(run, ev.RunFinished)
    finally:
        os.umask(before)
    umask, _, ignored = (run.directory / "output/001-a.log").read_text().split()
    assert umask == "0022"
    assert int(ignored, 16) & (1 << signal.SIGHUP - 1 | 1 << signal.SIGINT - 1 | 1 << signal.SIGTERM - 1) == 0


def test_under_systemd_the_runner_is_a_unit_of_its_own(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine's tests have no systemd: a script takes its place, to see what it is told."""
    if os.geteuid() != 0:
        pytest.skip("only root asks systemd")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "systemd-run").write_text(
        f"""#!/bin/sh
printf '%s\\n' "$@" > {shlex.quote(str(tmp_path / "told"))}
while [ "$1" != -- ]; do
    case $1 in --setenv=*) export "${{1#--setenv=}}";; esac
    shift
done
shift
setsid "$@" > /dev/null 2>&1 &
"""
    )
    (tools / "systemctl").write_text("#!/bin/sh\nexit 0\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setattr("dfwizard.execution.launch._SYSTEMD", tmp_path)
    token = '{"github-oauth": {"github.com": "ghp_c4nary"}}'
    monkeypatch.setenv("COMPOSER_AUTH", token)
    monkeypatch.setenv("COMPOSER_HOME", "/somewhere")
    run = bench.run(bench.step("a", 'test "$COMPOSER_HOME" = /somewhere && printenv COMPOSER_AUTH > auth'))
    bench.launch(run)
    assert bench.wait_event(run, ev.RunFinished).outcome == "done"
    assert (bench.instance / "auth").read_text() == f"{token}\n"
    assert not [
        path for path in run.directory.rglob("*") if path.is_file() and b"c4nary" in path.read_bytes()
    ]
    assert "c4nary" not in (tmp_path / "told").read_text()
    told = (tmp_path / "told").read_text().splitlines()
    assert told[0].startswith(f"--unit=dfwizard-{run.id}-")
    assert "--collect" in told
    assert f"--property=StandardOutput=append:{run.log}" in told


def test_the_instance_must_exist(bench: Bench) -> None:
    run = bench.run(bench.step("a", "true", action=Execute(("true",))))
    bench.instance.rmdir()
    with pytest.raises(UsageError, match="cannot be locked"):
        bench.launch(run)
    bench.instance.mkdir()


def test_a_plan_with_an_unknown_action_begins_nothing(bench: Bench) -> None:
    from dfwizard.planning.plan import ShowLosses

    run = bench.run(bench.step("a", "touch a"), bench.step("b", "", action=ShowLosses()))
    done = subprocess.run(bench.argv(run), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "show-losses" in done.stdout
    assert not (bench.instance / "a").exists()


def test_a_kill_at_any_journal_write_leads_to_the_same_end(
    bench: Bench, request: pytest.FixtureRequest
) -> None:
    """Each step leaves a line; the last fails after it has, so that upgrade and rollback are both gone through."""
    crashing = bench.instance.parent / "crashing.py"
    crashing.write_text(CRASHING + RUNNER)
    ended_by_itself: set[str] = set()
    for number in range(1, 40, stride(request, 4)):
        for mode in ("before", "torn", "after"):
            if mode in ended_by_itself:
                continue
            for name in ("log", "undone", "once"):
                (bench.instance / name).unlink(missing_ok=True)
            run = bench.run(
                bench.step("one", "echo one >> log", done_when=bench.when("grep -q one log")),
                bench.step("once", "echo once >> once", repeatable=False),
                bench.step("bad", "echo bad >> log; exit 1", undo=Undo.DATABASE),
                on_failure=OnFailure.ROLLBACK,
            )
            argv = [sys.executable, str(crashing), str(run.directory), "run", str(number), mode]
            first = subprocess.run(argv, capture_output=True, timeout=60, check=False)
            if first.returncode != -signal.SIGKILL:
                assert first.returncode == 5
                ended_by_itself.add(mode)
                continue
            before = run.state()
            if before.outcome is None:
                code, state = bench.finish(run)
                assert code == 5, (number, mode)
                assert state.begun[: len(before.begun)] == before.begun
            state = run.state()
            assert (state.outcome, state.exit_code) == ("rolled-back", 5), (number, mode)
            assert bench.lines("log").count("one") == 1, (number, mode)
            assert len(bench.lines("once")) <= 1, (number, mode)
            undone = list(dict.fromkeys(bench.lines("undone")))  # repeatable: may have been done twice
            assert undone == list(reversed(state.begun)), (number, mode)
            assert journal.read(run.journal).damage == ""
        if len(ended_by_itself) == 3:
            break
    assert len(ended_by_itself) == 3
    assert number > 12  # the run really has that many writes


def test_status_enum_matches_the_outcomes_of_events() -> None:
    assert {StepStatus(outcome) for outcome in ("done", "already-done", "skipped")} == {
        status for status in StepStatus if status.over
    }
