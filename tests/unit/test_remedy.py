"""A failed step is explained, and its remedy applied and the step retried when somebody chooses so: with real runners."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dfwizard import codec
from dfwizard.cli import main
from dfwizard.cli.following import follow_run
from dfwizard.controller import Controller
from dfwizard.errors import UsageError
from dfwizard.execution import events as ev
from dfwizard.execution import journal, processes
from dfwizard.execution.on_failure import OnFailure
from dfwizard.execution.state import StepState, reduce
from dfwizard.execution.store import Run
from dfwizard.planning.plan import Execute, Plan, Step, Undo
from dfwizard.reports.failure import failure_lines
from dfwizard.reports.run_report import make_report, render
from dfwizard.tui.screens.run_rows import outputs_of
from tests.unit.run_bench import SECRET, Bench, answer, kill, lives, question_of, statuses, wait_until

DAMAGED = "The checksum verification of the file failed (downloaded from https://example.org/x.zip)"
COMPOSER = """\
#!/bin/sh
cd "$(dirname "$0")"
case "$1" in
install) echo install >> log; test -e clean && exit 0; echo {damaged}; exit 1 ;;
clear-cache) echo clear >> log; {clearing} ;;
esac
"""


def composer(bench: Bench, clearing: str = "touch clean", *, damaged: str = DAMAGED) -> Step:
    """Give a composer step that fails for a damaged package until its cache is emptied, by a stand-in in the instance."""
    program = bench.instance / "composer"
    program.write_text(COMPOSER.format(clearing=clearing, damaged=f"'{damaged}'"))
    program.chmod(0o755)
    action = Execute((str(program), "install"), cwd=str(bench.instance))
    return Step("composer-2", "Install the packages of 2", "test", action, undo=Undo.TREE)


def asking(bench: Bench, *steps: Step) -> Run:
    """Start a run of an account's own tree, so that nobody has to be changed to, and await its question."""
    run = bench.run(*steps, on_failure=OnFailure.ASK)
    me = processes.account_name(os.geteuid())
    plan = replace(run.plan(), owner=me, me=me)
    run.write("plan.json", codec.dumps(plan))
    bench.launch(run)
    bench.wait_event(run, ev.Asked)
    return run


def of(run: Run, kind: type[object]) -> list[journal.Record]:
    return [one for one in journal.read(run.journal).records if isinstance(one.event, kind)]


def failed(run: Run) -> StepState:
    step = run.state().failed_step
    assert step is not None
    return step


def only(step: StepState) -> str:
    """Give the one command of the step's remedy."""
    (one,) = step.commands
    return one.command


def answer_to_be_asked_again(bench: Bench, run: Run, decision: str) -> None:
    first = question_of(run)
    answer(run, decision)
    bench.wait(run, lambda _update: (now := run.state().question) is not None and now.seq > first)


def test_a_remedy_is_offered_applied_and_the_step_tried_again(bench: Bench) -> None:
    run = asking(
        bench, bench.step("before", "true"), composer(bench), bench.step("after", "echo after >> log")
    )
    question = run.state().question
    assert question is not None
    assert question.choices == ("remedy", "retry", "rollback", "stop")
    step = failed(run)
    assert (step.diagnosis, step.line) == ("composer-archive", DAMAGED)
    assert step.cause
    assert step.remedy
    assert [one.safety for one in step.commands] == ["cache"]
    assert only(step).endswith("clear-cache --no-interaction")
    answer(run, "remedy")
    state = bench.wait_event(run, ev.RunFinished)
    assert (state.outcome, state.mending) == ("done", None)
    assert bench.lines("log") == ["install", "clear", "install", "after"]
    assert state.phases[0].step("composer-2").remedies == 1
    assert state.phases[0].step("composer-2").attempts == 2
    begun, ended = of(run, ev.RemedyStarted)[0].event, of(run, ev.RemedyFinished)[0].event
    assert isinstance(begun, ev.RemedyStarted)
    assert isinstance(ended, ev.RemedyFinished)
    assert (begun.command, ended.code, ended.message) == (only(step), 0, "")


def test_a_remedy_that_fails_is_told_and_the_question_asked_again(bench: Bench) -> None:
    run = asking(bench, composer(bench, "echo no space for it; exit 3"))
    answer_to_be_asked_again(bench, run, "remedy")
    question = run.state().question
    assert question is not None
    assert "remedy's command ended with exit code 3" in question.text
    assert question.choices[0] == "remedy"
    assert bench.lines("log") == ["install", "clear"]
    ended = of(run, ev.RemedyFinished)[0].event
    assert isinstance(ended, ev.RemedyFinished)
    assert (ended.code, ended.tail) == (3, ("no space for it",))
    outputs = [
        one.event.output for one in of(run, ev.RemedyStarted) if isinstance(one.event, ev.RemedyStarted)
    ]
    assert [(run.directory / name).read_text() for name in outputs] == ["no space for it\n"]
    answer_to_be_asked_again(bench, run, "remedy")
    assert len({one.event.output for one in of(run, ev.RemedyStarted) if isinstance(one.event, ev.RemedyStarted)}) == 2  # fmt: skip
    answer_to_be_asked_again(bench, run, "retry")
    question = run.state().question
    assert question is not None
    assert "remedy" not in question.text
    answer(run, "rollback")
    assert bench.wait_event(run, ev.RunFinished).outcome == "rolled-back"


def test_a_runner_killed_in_a_remedy_neither_repeats_nor_forgets_it(bench: Bench) -> None:
    run = asking(
        bench, composer(bench, "echo $$ > pid; while test ! -e go; do sleep 0.02; done; touch clean")
    )
    answer(run, "remedy")
    wait_until(lambda: bool(bench.lines("pid")))
    assert run.state().mending == "composer-2"
    kill(run)
    stray = bench.lines("pid")[0]
    bench.launch(run)
    bench.wait(run, lambda _update: run.state().question is not None)
    assert not lives(stray)
    state = run.state()
    assert state.mending is None
    assert state.question is not None
    assert "interrupted" in state.question.text
    assert bench.lines("log") == ["install", "clear"]
    (bench.instance / "go").touch()
    answer(run, "remedy")
    assert bench.wait_event(run, ev.RunFinished).outcome == "done"
    assert bench.lines("log") == ["install", "clear", "clear", "install"]


def test_sigterm_ends_the_remedy_and_leaves_a_run_that_asks_again(bench: Bench) -> None:
    run = asking(bench, composer(bench, "echo $$ > pid; exec sleep 600"))
    answer(run, "remedy")
    wait_until(lambda: bool(bench.lines("pid")))
    kill(run, signal.SIGTERM)
    assert not lives(bench.lines("pid")[0])
    state = run.state()
    assert (state.mending, statuses(state)) == (None, {"composer-2": "failed"})
    assert "SIGTERM" in state.stopped
    bench.launch(run)
    bench.wait(run, lambda _update: run.state().question is not None)
    answer(run, "stop")
    bench.wait_event(run, ev.RunFinished)


def test_only_what_has_a_command_is_offered(bench: Bench) -> None:
    run = asking(bench, bench.step("bad", "echo 'cp: error copying: No space left on device'; exit 1"))
    step = failed(run)
    assert step.diagnosis == "disk-full"
    assert step.remedy
    assert step.commands == ()
    with pytest.raises(UsageError, match="the choices are retry, rollback, stop"):
        answer(run, "remedy")
    answer(run, "stop")
    bench.wait_event(run, ev.RunFinished)


def test_an_unknown_failure_has_its_telling_line(bench: Bench) -> None:
    run = bench.run(bench.step("bad", "echo hello; echo 'error: the frobs are out'; echo bye; exit 1"))
    assert bench.finish(run)[0] == 1
    step = failed(run)
    assert (step.line, step.diagnosis, step.cause) == ("error: the frobs are out", "", "")


def test_policies_that_do_not_ask_apply_no_remedy(bench: Bench) -> None:
    for policy, outcome in ((OnFailure.AUTO, "rolled-back"), (OnFailure.STOP, "failed")):
        run = bench.run(composer(bench), on_failure=policy)
        assert bench.finish(run)[1].outcome == outcome
        assert of(run, ev.RemedyStarted) == []
        assert run.state().phases[0].step("composer-2").diagnosis == "composer-archive"


def test_a_secret_is_in_nothing_that_explains(bench: Bench) -> None:
    (bench.instance / "said").write_text(f"{DAMAGED} {SECRET}\n")
    tell = replace(composer(bench), action=Execute(("sh", "-c", "cat said; exit 1"), cwd=str(bench.instance)))
    run = bench.run(tell)
    assert bench.finish(run)[0] == 1
    assert failed(run).diagnosis == "composer-archive"
    assert "***" in failed(run).line
    assert SECRET.encode() not in run.journal.read_bytes()


def test_a_command_with_a_secret_in_it_is_not_offered(bench: Bench, tmp_path: Path) -> None:
    secret = bench.instance.parent / SECRET.replace("/", "")
    secret.mkdir()
    run = bench.run(composer(bench))
    plan = run.plan()
    argv = (str(secret / "composer"), "install")
    (secret / "composer").write_text(f"#!/bin/sh\necho '{DAMAGED}'; exit 1\n")
    (secret / "composer").chmod(0o755)
    run.write("plan.json", codec.dumps(replace(plan, steps=(replace(plan.steps[0], action=Execute(argv)),))))
    assert bench.finish(run)[0] == 1
    assert (failed(run).diagnosis, failed(run).commands) == ("composer-archive", ())


BLOCKED = "dreamfactory/installer contains a Composer plugin which is blocked by your allow-plugins config"
INSTALLS = """\
#!/bin/sh
cd "$(dirname "$0")"
echo "$1" >> log
test -e vendor && exit 0
mkdir vendor
test ! -e installed || {second}
touch installed
"""


def two_commands(bench: Bench, second: str = "touch vendor/whole") -> tuple[Step, Step]:
    """Give a composer step, and one after it that fails until vendor has been removed and installed again."""
    program = bench.instance / "composer"
    program.write_text(INSTALLS.format(second=f"{{ {second}; }}"))
    program.chmod(0o755)
    action = Execute((str(program), "install"), cwd=str(bench.instance))
    install = Step("composer-2", "Install the packages of 2", "test", action, undo=Undo.TREE)
    script = f"echo tried >> log; test -e vendor/whole || {{ echo '{BLOCKED}'; exit 1; }}"
    return install, bench.step("migrate-2", script)


def started(run: Run) -> list[ev.RemedyStarted]:
    return [one.event for one in of(run, ev.RemedyStarted) if isinstance(one.event, ev.RemedyStarted)]


def test_a_remedy_of_several_commands_is_applied_in_their_order(bench: Bench) -> None:
    run = asking(bench, *two_commands(bench, "echo again; touch vendor/whole"))
    step = failed(run)
    assert [one.safety for one in step.commands] == ["tree", "tree"]
    told = " ".join(" ".join(failure_lines(step)).split())
    assert (
        "1. # remove the newer release's packages: changes files of the instance; a rollback puts them back"
        in told
    )
    answer(run, "remedy")
    state = bench.wait_event(run, ev.RunFinished)
    assert (state.outcome, state.mending) == ("done", None)
    assert bench.lines("log") == ["install", "tried", "install", "tried"]
    begun = started(run)
    assert [(one.number, one.of, one.command) for one in begun] == [
        (number, 2, one.command) for number, one in enumerate(step.commands, 1)
    ]
    ended = [one.event for one in of(run, ev.RemedyFinished) if isinstance(one.event, ev.RemedyFinished)]
    assert [(one.code, one.more) for one in ended] == [(0, True), (0, False)]
    done = state.phases[0].step("migrate-2")
    assert (done.remedies, done.attempts) == (1, 2)
    assert [label for label, _ in outputs_of(done)] == ["attempt 1", "attempt 2", "remedy 1", "remedy 1.2"]
    assert [(run.directory / file).read_text() for file in done.remedy_outputs] == ["", "again\n"]


def test_the_first_command_that_fails_ends_the_remedy(bench: Bench) -> None:
    run = asking(bench, *two_commands(bench, "test -e go || { touch failed; exit 3; }; touch vendor/whole"))
    answer_to_be_asked_again(bench, run, "remedy")
    question = run.state().question
    assert question is not None
    assert question.text.startswith("The remedy's command 2 of 2 ended with exit code 3.")
    assert bench.lines("log") == ["install", "tried", "install"]
    (bench.instance / "go").touch()
    answer(run, "remedy")
    state = bench.wait_event(run, ev.RunFinished)
    assert state.outcome == "done"
    assert state.phases[0].step("migrate-2").remedies == 2
    assert len({one.output for one in started(run)}) == 4


def test_a_runner_killed_between_two_commands_asks_again(bench: Bench) -> None:
    second = "echo $$ > pid; while test ! -e go; do sleep 0.02; done; touch vendor/whole"
    run = asking(bench, *two_commands(bench, second))
    answer(run, "remedy")
    wait_until(lambda: bool(bench.lines("pid")))
    kill(run)
    bench.launch(run)
    bench.wait(run, lambda _update: run.state().question is not None)
    question = run.state().question
    assert question is not None
    assert "interrupted" in question.text
    assert [one.number for one in started(run)] == [1, 2]
    (bench.instance / "go").touch()
    answer(run, "remedy")
    assert bench.wait_event(run, ev.RunFinished).outcome == "done"


def test_what_is_for_a_person_is_shown_and_not_offered(bench: Bench) -> None:
    run = asking(bench, bench.step("bad", "echo 'sh: 1: git: not found'; exit 127"))
    step = failed(run)
    assert [one.safety for one in step.commands] == ["hand"]
    assert "# install git (dnf install git on RHEL): for you to do: dfwizard does not run it" in " ".join(
        " ".join(failure_lines(step)).split()
    )
    with pytest.raises(UsageError, match="the choices are retry, rollback, stop"):
        answer(run, "remedy")
    answer(run, "stop")
    bench.wait_event(run, ev.RunFinished)


def test_what_an_unknown_failure_may_be_is_told_as_a_guess(bench: Bench) -> None:
    text = "ERROR: the mysqldump process was denied the privilege for tablespaces"
    run = bench.run(bench.step("bad", f"echo 'warning: slow'; echo '{text}'; echo bye; exit 1"))
    assert bench.finish(run)[0] == 1
    step = failed(run)
    assert (step.line, step.lines, step.diagnosis) == (text, (text, "warning: slow"), "")
    assert step.guesses[0].startswith("mysqldump asks for the PROCESS privilege. Dump with --no-tablespaces")
    told = "\n".join(failure_lines(step))
    assert "  guess   mysqldump asks for" in told
    assert "          warning: slow" in told
    report = make_report(run)
    for form in ("text", "md"):
        assert "A guess: mysqldump asks for the PROCESS privilege" in " ".join(render(report, form).split())


def test_a_journal_of_one_command_a_remedy_still_reads() -> None:
    kept: list[dict[str, Any]] = [
        {"kind": "phase-started", "index": 0, "name": "upgrade", "plan": "plan.json", "asked_for": False},
        {"kind": "step-failed", "step": "a", "message": "m", "cause": "c", "remedy": "r", "remedy_command": "true; x", "diagnosis": "d"},
        {"kind": "remedy-started", "step": "a", "command": "true; x", "output": "steps/a-remedy-1.log"},
        {"kind": "remedy-finished", "step": "a", "code": 0, "seconds": 1.0, "message": "", "tail": []},
    ]  # fmt: skip
    events: list[ev.Event] = [codec.from_data(ev.KINDS[one["kind"]], one) for one in kept]
    told = [journal.Record(number, "2026-01-01T00:00:00+00:00", one) for number, one in enumerate(events, 1)]
    plan = Plan(
        "upgrade", "/i", "1", "2", "/b", "o", "root", (), (Step("a", "A", "test", Execute(("true",))),)
    )
    before = reduce(told[:2], {"plan.json": plan}).phases[0].step("a")
    assert [(one.command, one.by_hand) for one in before.commands] == [("true; x", False)]
    assert before.can_be_mended
    state = reduce(told, {"plan.json": plan})
    after = state.phases[0].step("a")
    assert (state.mending, after.remedies, after.status.value) == (None, 1, "waiting")
    assert [label for label, _ in outputs_of(after)] == ["remedy 1"]


def test_journals_from_before_remedies_still_read(bench: Bench) -> None:
    old = {
        "kind": "step-failed",
        "step": "a",
        "message": "m",
        "code": 1,
        "command": "c",
        "tail": ["t"],
        "seconds": 1.0,
    }
    read = codec.from_data(ev.StepFailed, old)
    assert (read.message, read.cause, read.remedy_command, read.diagnosis) == ("m", "", "", "")


def test_the_question_shows_cause_remedy_and_command(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    run = asking(bench, composer(bench))
    assert follow_run(Controller(state=bench.store.directory), run) == 1
    said = " ".join(capsys.readouterr().err.split())
    step = failed(run)
    for text in (
        step.line,
        step.cause,
        step.remedy,
        f"dfwizard decide {run.id} remedy",
        "then try the step again",
    ):
        assert " ".join(text.split()) in said, text
    assert re.sub(r"[\s\\]+", " ", only(step)) in re.sub(r"[\s\\]+", " ", said)
    answer(run, "stop")
    bench.wait_event(run, ev.RunFinished)


def test_decide_remedy_and_its_telling(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFWIZARD_STATE_DIR", str(bench.store.directory))
    run = asking(bench, composer(bench, "echo emptied; test -e go || exit 3; touch clean"))
    first = question_of(run)
    assert main(["decide", run.id, "remedy"]) == 0
    bench.wait(run, lambda _update: (now := run.state().question) is not None and now.seq > first)
    (bench.instance / "go").touch()
    answer(run, "remedy")
    bench.wait_event(run, ev.RunFinished)
    capsys.readouterr()
    assert follow_run(Controller(state=bench.store.directory), run) == 0
    said = capsys.readouterr().err
    assert "==> remedy: " in said
    assert "    emptied\n" in said
    assert "The remedy's command ended with exit code 3." in said
    assert "    the remedy is applied" in said
