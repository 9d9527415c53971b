"""Plans, findings, facts, verifications and runs as text: complete, within the width, and never obeyed by a terminal."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfwizard import codec
from dfwizard.backup.manifest import Manifest, Part, TreeRecord
from dfwizard.backup.subject import Subject, Tools
from dfwizard.errors import UsageError
from dfwizard.execution import events as ev
from dfwizard.execution.journal import Journal, open_journal
from dfwizard.execution.store import Run, Store
from dfwizard.planning.findings import Finding, Severity
from dfwizard.planning.plan import EditDotenv, Execute, Plan
from dfwizard.planning.rollback import plan_rollback
from dfwizard.reports import shell
from dfwizard.reports.facts_text import facts_text
from dfwizard.reports.findings_text import findings_text
from dfwizard.reports.markdown import block, code, table
from dfwizard.reports.outline import rollback_question
from dfwizard.reports.plan_markdown import plan_markdown
from dfwizard.reports.plan_script import Script, plan_script
from dfwizard.reports.plan_text import plan_text
from dfwizard.reports.run_report import RunReport, make_report, render
from dfwizard.reports.terminal import WIDTH, Table, one_line, plain, plain_lines, shell_words, wrap_command
from dfwizard.reports.verification_text import verification_text
from dfwizard.verification import Check, Verdict, Verification
from tests.unit import samples

HOSTILE = "a\x1b[2Jb\x1b]0;title\x07c\x07\x9b31m\u202ed\ne\x7f\udcff`|*"
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
DIFF = "--- .env (before)\n+++ .env (after)\n@@ -1,1 +1,2 @@\n APP_ENV=local\n+CACHE_STORE=file\n"


def sample_plan(to: str = "7.1.0", frm: str = "5.4.1") -> Plan:
    return samples.plan(samples.facts(frm), to, EditDotenv({"CACHE_STORE": "file"}, DIFF))


def narrow(text: str, width: int = WIDTH) -> list[str]:
    """The lines that are too long although their last word would fit on a line of its own."""
    return [line for line in text.splitlines() if len(line) > width and len(line.split()[-1]) <= width - 30]


@given(st.text())
def test_plain_text_has_nothing_that_a_terminal_obeys(text: str) -> None:
    assert not CONTROL.search(plain(text))
    assert "\n" not in plain(text)
    assert all(not CONTROL.search(line) and "\n" not in line for line in plain_lines(text))


def test_plain_keeps_letters_and_spells_the_rest() -> None:
    assert plain("Grüße, 東京") == "Grüße, 東京"
    assert plain("\x1b[31mred\x1b[0m") == "red"
    assert plain("a\x07b\nc\udcff\u202e") == r"a\x07b\nc\xff\u202e"


WORDS = st.lists(st.text(st.characters(codec="ascii", min_codepoint=0x20, max_codepoint=0x7E)), min_size=1)


@given(WORDS, st.integers(10, 100))
def test_a_wrapped_command_is_the_same_command(argv: list[str], width: int) -> None:
    line = shlex.join(argv)
    assert shlex.split(" ".join(shell_words(line))) == argv
    wrapped = wrap_command(line, width=width, prompt="")
    assert shlex.split("\n".join(wrapped).replace(" \\\n", " ")) == argv


def test_a_plan_shows_every_step_with_command_reason_undo_and_guide() -> None:
    plan = sample_plan()
    text = plan_text(plan)
    flat = " ".join(text.replace("\\\n", " ").split())
    for number, step in enumerate(plan.steps, 1):
        assert f"{number}. {step.title}" in flat
        for part in (step.reason, step.undo_text, step.guide, step.departs):
            assert " ".join(part.split()) in flat
        if isinstance(step.action, Execute):
            assert shlex.join(step.action.argv[-3:]) in flat
    assert "+CACHE_STORE=file" in text
    assert "then the gate: Check that 6.3.0 is whole" in flat
    assert narrow(text) == []


def test_a_runbook_has_every_step() -> None:
    plan = sample_plan()
    text = plan_markdown(plan)
    assert text.count("### ") == len(plan.steps)
    assert text.count("- [ ] done") == len(plan.steps)
    assert "```diff" in text


def test_hostile_text_stays_text_everywhere() -> None:
    plan = sample_plan()
    steps = tuple(replace(step, title=HOSTILE, reason=HOSTILE, guide=HOSTILE) for step in plan.steps)
    hostile = replace(plan, steps=steps, instance=f"/opt/{HOSTILE}", backup=HOSTILE)
    facts = replace(samples.facts(), path=HOSTILE, host=HOSTILE, problems=(HOSTILE,))
    finding = Finding(HOSTILE, Severity.BLOCKER, HOSTILE, (HOSTILE,), HOSTILE, HOSTILE, HOSTILE)
    check = Check(HOSTILE, HOSTILE, HOSTILE, HOSTILE, Verdict.FAILED, HOSTILE)
    texts = (
        plan_text(hostile),
        plan_markdown(hostile),
        facts_text(facts),
        findings_text((finding,)),
        verification_text(Verification(HOSTILE, True, (check,))),
    )
    for text in texts:
        assert not CONTROL.search(text)


def test_markdown_fences_are_longer_than_what_they_hold() -> None:
    assert code("a``b") == "```a``b```"
    assert code("`") == "`` ` ``"
    lines = block(["```", "rm -rf /"])
    assert lines[0] == "````"
    assert lines[-1] == "````"


def test_findings_come_in_the_order_of_their_gravity() -> None:
    findings = (
        Finding("fine", Severity.OK, "Fine"),
        Finding("odd", Severity.WARNING, "Odd", why="It may matter."),
        Finding("php-window", Severity.BLOCKER, "PHP", ("8.2",), "why", "do", "apt install", acceptable=True),
        Finding("dead", Severity.BLOCKER, "Dead"),
    )
    text = findings_text(findings)
    assert [line.split()[0] for line in text.splitlines() if line[:1].strip()][:4] == [
        "BLOCKER",
        "BLOCKER",
        "WARNING",
        "ok",
    ]
    assert "--accept php-window" in text
    assert "This cannot be overridden." in text
    assert text.endswith("2 blockers, 1 warning, 1 ok.\n")
    accepted = findings_text(findings, accepted=frozenset({"php-window", "dead"}))
    assert "(1 accepted)" in accepted
    assert "--accept php-window" not in accepted


def test_facts_name_conflicts_first() -> None:
    found = samples.facts()
    found = replace(found, version=replace(found.version, conflicts=("vendor is 7.1.0, the code 6.3.0",)))
    lines = facts_text(found).splitlines()
    assert lines[3].startswith("!! CONFLICT: vendor is 7.1.0")
    assert narrow(facts_text(found)) == []


def test_facts_of_an_instance_of_which_nothing_is_known() -> None:
    found = replace(
        samples.facts(),
        git=None,
        php=(),
        composer=None,
        dotenv=None,
        database=None,
        status=None,
        space=(),
        tools={},
    )
    assert "not known" in facts_text(found)


def test_a_verification_tells_failures_before_the_table() -> None:
    checks = (
        Check("a", "Alpha", "1", "1", Verdict.OK),
        Check("b", "Beta", "1", "2", Verdict.FAILED, "broken"),
        Check("c", "Gamma", "1", "3", Verdict.WARNING, "odd"),
    )
    text = verification_text(Verification("7.1.0", True, checks))
    assert text.index("FAILED    Beta: broken") < text.index("WARNING   Gamma: odd") < text.index("Alpha")
    assert text.endswith("Not verified: 1 check failed, 1 warning.\n")


def test_a_rollback_of_a_migration_names_no_release_that_the_target_never_ran(tmp_path: Path) -> None:
    record = made_run(tmp_path).record()
    assert f"from {record.to} to {record.frm}?" in rollback_question(record)
    asked = rollback_question(replace(record, kind="migration"))
    assert "as it was before the migration" in asked
    assert record.frm not in asked


def test_a_table_keeps_within_the_width() -> None:
    table = Table(("a", "b"), (("x" * 60, "word " * 40), ("y", "z")))
    lines = table.lines(width=60)
    assert max(len(line) for line in lines) <= 60
    assert "".join(lines).count("word") == 40


def subject() -> Subject:
    return Subject(samples.PATH, "dreamfactory", "dreamfactory", "root", "php", None, Tools())


def script(plan: Plan, dotenv: bytes | None = b"APP_ENV=local\n") -> str:
    return plan_script(
        Script(plan, samples.facts("5.4.1"), subject(), dotenv, "2026-01-05T00:41:00+00:00", "7.1.0")
    )


def test_a_script_has_every_command_of_the_plan_and_is_a_script() -> None:
    plan = sample_plan()
    text = script(plan)
    for step in plan.steps:
        if isinstance(step.action, Execute):
            assert shlex.join(step.action.argv) in text
            for pattern in step.action.refuse:
                assert pattern.removeprefix("(?i)") in text
    assert subprocess.run(("sh", "-n"), input=text, text=True, check=False).returncode == 0


def test_a_hostile_title_does_not_become_a_command() -> None:
    plan = sample_plan()
    trap = "x\ntouch /tmp/never\n'\"$(touch /tmp/never)`touch /tmp/never`"
    steps = tuple(replace(step, title=trap, reason=trap) for step in plan.steps)
    text = script(replace(plan, steps=steps, frm=trap, to=trap))
    assert subprocess.run(("sh", "-n"), input=text, text=True, check=False).returncode == 0
    assert [line for line in text.splitlines() if line.startswith("touch") and "never" not in line] == []
    for words in (line.lstrip("# ") for line in text.splitlines() if line.startswith("# ")):
        assert "\n" not in words


def test_only_an_upgrade_has_a_script_and_it_needs_the_dotenv() -> None:
    with pytest.raises(UsageError, match="rollback"):
        script(replace(sample_plan(), kind="rollback"))
    with pytest.raises(UsageError, match=r"\.env"):
        script(sample_plan(), None)


def test_a_pattern_that_grep_does_not_know_is_refused() -> None:
    assert shell.refusal("(?i)cancell?ed") == "refuse -Ei 'cancell?ed'"
    for pattern in (r"\d+", "(?=x)", "a+?", r"\bx"):
        with pytest.raises(UsageError):
            shell.refusal(pattern)


FILES = st.lists(
    st.sampled_from([b"A=1", b"B='x y'", b"\n", b"\r\n", b"#c", b"%s\\", b"\xff\x00", b"", b"A=2"]),
    max_size=30,
).map(b"".join)


@settings(max_examples=60, deadline=None)
@given(FILES, FILES)
def test_a_splice_makes_exactly_the_other_file(before: bytes, after: bytes) -> None:
    pieces = shell.splice(before, after)
    body = "\n".join(shell.print_bytes(piece) if isinstance(piece, bytes) else piece for piece in pieces)
    text = f'set -eu\nf=$(mktemp)\ncat >"$f"\nedited() {{\n:\n{body}\n}}\nedited "$f"\nrm -f "$f"\n'
    done = subprocess.run(("sh", "-c", text), input=before, capture_output=True, check=True)
    assert done.stdout == after


@given(st.lists(st.text(st.characters(codec="ascii", exclude_characters="\0")), max_size=5))
def test_the_private_directory_is_a_variable_wherever_it_stands(parts: list[str]) -> None:
    word = shell.PRIVATE.join(parts)
    assert shell.words(shlex.quote(word)).count('"$private"') == word.count(shell.PRIVATE)


def test_the_private_directory_is_put_in_by_the_shell() -> None:
    for word in (f"--x={shell.PRIVATE}/a b", f"it's {shell.PRIVATE} and '{shell.PRIVATE}'", shell.PRIVATE):
        text = f"private='/p q'; printf %s {shell.quoted(word)}"
        done = subprocess.run(("sh", "-c", text), capture_output=True, text=True, check=True)
        assert done.stdout == word.replace(shell.PRIVATE, "/p q")


def made_run(tmp_path: Path, *happened: ev.Event, accepted: tuple[str, ...] = ()) -> Run:
    (tmp_path / "state").mkdir(mode=0o700)
    plan = replace(sample_plan("7.1.0", "6.3.0"), backup=str(tmp_path / "backup"))
    run = Store(tmp_path / "state").create(plan, samples.facts(), host="localhost", accepted=accepted)
    journal: Journal = open_journal(run.journal)
    for event in (ev.RunStarted(1, "b", 1, "v"), ev.PhaseStarted(0, "upgrade", "plan.json"), *happened):
        journal.append(event)
    journal.close()
    return run


def finished(run_plan: Plan) -> list[ev.Event]:
    events: list[ev.Event] = []
    for step in run_plan.steps:
        events += [ev.StepStarted(step.id, 1, f"{step.id}.log"), ev.StepFinished(step.id, "done", 12.5)]
    return [*events, ev.PhaseFinished("done"), ev.RunFinished("done", 0)]


def test_the_report_of_a_good_run(tmp_path: Path) -> None:
    run = made_run(tmp_path, *finished(sample_plan("7.1.0", "6.3.0")), accepted=("php-window",))
    checks = (Check("a", "Alpha", "1", "1", Verdict.OK),)
    run.write("verification.json", codec.dumps(Verification("7.1.0", True, checks)))
    report = make_report(run)
    assert (report.outcome, report.exit_code, report.accepted) == ("done", 0, ("php-window",))
    assert report.way_on == (f"dfwizard rollback {run.id}",)
    assert any("stash" in item for item in report.remains)
    assert [backup.error for backup in report.backups] == ["no finished backup is there"]
    assert report.failures == ()
    text = render(report, "text")
    assert "$ dfwizard" in text
    assert text.count("$ ") == 1  # the commands of steps that went well are in the other forms
    assert shlex.join(("checkout", "--quiet")) in render(report, "md")
    assert "Verified: 1 check" in text
    assert "12 seconds" in text
    assert narrow(text) == []
    assert "## Verification against 7.1.0" in render(report, "md")
    assert codec.loads(RunReport, render(report, "json")) == report


def test_the_report_of_a_failed_run_shows_the_lines_that_matter(tmp_path: Path) -> None:
    run = made_run(
        tmp_path,
        ev.StepStarted("fetch", 1, "x.log"),
        ev.StepFailed("fetch", "git ended with 128", 128, "git fetch", ("fatal: \x1b[31mno route", "x"), 2.0),
        ev.Decided("stop", "policy"),
        ev.PhaseFinished("failed"),
        ev.RunFinished("failed", 1),
    )
    report = make_report(run)
    title = sample_plan("7.1.0", "6.3.0").step("fetch").title
    number = [step.id for step in sample_plan("7.1.0", "6.3.0").steps].index("fetch") + 1
    for form in ("text", "md"):
        text = render(report, form)
        assert "FAILED" in text
        assert text.count("git ended with 128") == (1 if form == "text" else 2)
        assert "fatal: no route" in text
        assert not CONTROL.search(text)
        top = " ".join(text[: text.index("Upgrade: failed")].split())
        for piece in (
            f"step {number} of {len(report.phases[0].steps)} of the upgrade, {title}",
            "git ended with 128",
        ):
            assert piece in top
        assert str(run.directory / "x.log") in text
        assert "fetch --force" in " ".join(text.replace("\\\n", " ").split())
        assert text.rstrip().endswith((f"dfwizard rollback {run.id}", f"dfwizard rollback {run.id}\n```"))
    assert [failure.number for failure in report.failures] == [number]
    assert [item.decision for item in report.decisions] == ["stop"]
    assert report.way_on == (f"dfwizard resume {run.id}", f"dfwizard rollback {run.id}")


def test_the_report_of_a_rollback_says_whether_it_is_identical(tmp_path: Path) -> None:
    run = made_run(tmp_path, ev.RunFinished("rolled-back", 5))
    run.write("comparison.json", "[]")
    assert "identical to what it was before" in render(make_report(run), "text")
    difference = {"kind": "file", "name": "x", "before": "1", "after": "2", "sentence": "x is another file"}
    run.write("comparison.json", json.dumps([difference]))
    report = make_report(run)
    assert report.differences == ("x is another file",)
    assert "x is another file" in render(report, "md")


def test_the_report_of_a_run_that_goes_on_and_of_one_that_waits(tmp_path: Path) -> None:
    run = made_run(
        tmp_path, ev.StepStarted("fetch", 1, "x"), ev.Asked("What now?", ("retry", "stop"), "fetch")
    )
    report = make_report(run)
    assert (report.outcome, report.question) == (None, "What now?")
    assert report.way_on == (f"dfwizard decide {run.id} retry", f"dfwizard decide {run.id} stop")
    assert "not over" in render(report, "text")


def test_a_damaged_piece_is_named_and_the_rest_is_told(tmp_path: Path) -> None:
    run = made_run(tmp_path, ev.RunFinished("done", 0))
    run.write("verification.json", "{")
    run.write("comparison.json", '{"a": 1}')
    run.write("facts.json", "[]")
    report = make_report(run)
    assert len(report.problems) == 3
    assert "Damaged or unreadable" in render(report, "text")


def test_an_unknown_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="yaml"):
        render(make_report(made_run(tmp_path)), "yaml")


EMAIL = "canary@example.org"
HASH = "$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
STATEMENT = f"SQLSTATE[23000]: x (SQL: insert into `user` (`email`, `password`) values ({EMAIL}, {HASH}))"


@pytest.mark.parametrize("form", ["text", "md", "json"])
def test_a_report_holds_no_row_data(tmp_path: Path, form: str) -> None:
    run = made_run(
        tmp_path,
        ev.StepStarted("fetch", 1, "x.log"),
        ev.StepFailed(
            "fetch", STATEMENT, 1, "php artisan", ("In C.php line 1:", f"  {STATEMENT}", "end"), 2.0
        ),
        ev.Note(f"logged: {STATEMENT}", "fetch", warning=True),
        ev.Note(f"logged: {STATEMENT}", "fetch"),
        ev.RunFinished("failed", 1),
    )
    check = Check(
        "log", "New errors in the log", "", "1", Verdict.FAILED, f"[2026-01-05] local.ERROR: {STATEMENT}"
    )
    run.write("verification.json", codec.dumps(Verification("7.1.0", True, (check,))))
    text = render(make_report(run), form)
    assert EMAIL not in text
    assert HASH[8:30] not in text
    assert "values left out" in text


def test_a_rollback_names_both_backups_and_what_to_do(tmp_path: Path) -> None:
    run = made_run(
        tmp_path,
        ev.StepStarted("fetch", 1, "x.log"),
        ev.StepFailed("fetch", "no route", 1),
        accepted=("php-window",),
    )
    saved = tmp_path / "backup"
    present = str(tmp_path / "backup-before-rollback-1")
    for directory, size in ((saved, 1_500_000), (Path(present), 2_500_000)):
        directory.mkdir()
        manifest = Manifest(
            "2026-01-05T00:41:00+00:00",
            "localhost",
            "/opt/dreamfactory",
            "0",
            "6.3.0",
            None,
            (Part("tree.tar.zst", size, "0" * 64),),
            TreeRecord("tree.tar.zst", 1, "0" * 64, 1),
            None,
            None,
        )
        (directory / "manifest.json").write_text(codec.dumps(manifest))
    back = plan_rollback(run.plan(), ("backup", "checkout-7.1.0"), present_backup=present)
    run.write("rollback-1.json", codec.dumps(back))
    journal = open_journal(run.journal)
    for event in (
        ev.PhaseStarted(1, "rollback", "rollback-1.json"),
        ev.StepStarted("backup-present", 1, "y.log"),
        ev.StepFinished("backup-present", "done", 1.0),
        ev.RunFinished("rolled-back", 5),
    ):
        journal.append(event)
    journal.close()
    report = make_report(run)
    assert [backup.directory for backup in report.backups] == [str(saved), present]
    assert report.way_on == ("dfwizard upgrade /opt/dreamfactory --to 7.1.0 --accept php-window",)
    for form in ("text", "md"):
        flat = " ".join(render(report, form).replace("\\", "").split())
        for piece in ("1.5 MB", "2.5 MB", "the state before the run (6.3.0)", f"{present} holds", "no route"):
            assert piece in flat


def test_a_command_of_several_lines_stays_a_command() -> None:
    command = shlex.join(("php", "-r", "echo 1;\n  echo 'x y';\n"))
    shown = wrap_command(command, width=20, indent="    ", prompt="$ ")
    assert not any("\\n" in line for line in shown)
    assert shlex.split("\n".join(shown).strip().removeprefix("$ ")) == shlex.split(command)


def test_lines_of_a_text_are_no_literal_line_ends() -> None:
    check = Check("a", "Alpha", "one\ntwo", "three\r\n\tfour", Verdict.WARNING, "five\nsix")
    run_text = verification_text(Verification("7.1.0", True, (check,)))
    assert "\\" not in run_text
    assert "\\n" not in table(("a",), (("one\ntwo",),))[2]
    assert one_line("one\n  two\n") == "one two"
