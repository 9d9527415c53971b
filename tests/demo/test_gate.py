"""A gate for another PHP from end to end: the run waits, PHP is switched as the step shows, and the rollback waits again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from dfwizard.demo import Sandbox, open_sandbox
from dfwizard.demo.headless import start
from dfwizard.execution import events as ev
from dfwizard.execution.attach import EventSeen
from dfwizard.execution.store import Run
from dfwizard.planning.findings import Severity
from dfwizard.planning.road import Course

OLD, NEW = "8.1.31", "8.3.14"


def switch(sandbox: Sandbox, old: str, new: str) -> None:
    """Do to the sandbox's server what the step shows: the pool copied, the site pointed at the other socket, php replaced."""
    before, after = (".".join(version.split(".")[:2]) for version in (old, new))
    etc = sandbox.directory / "etc"
    site = etc / "nginx" / "sites-enabled" / "dreamfactory.conf"
    for name in ("php-fpm.conf", "pool.d/www.conf"):
        copied = etc / "php" / after / "fpm" / name
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_text((etc / "php" / before / "fpm" / name).read_text().replace(before, after))
    site.write_text(site.read_text().replace(f"php{before}-fpm", f"php{after}-fpm"))
    (sandbox.directory / "faults.json").write_text(json.dumps({"php": {"version": new}}))


def watch(sandbox: Sandbox, run: Run, answers: list[Callable[[], str]]) -> list[str]:
    """Follow the run to its end, answering its questions in turn; give the questions."""
    controller, asked = sandbox.controller(), []
    waiting = list(answers)
    for update in controller.follow(run, seq=run.state().seq):
        if isinstance(update, EventSeen) and isinstance(update.record.event, ev.Asked):
            asked.append(update.record.event.question)
            controller.decide(run, waiting.pop(0)(), question=update.record.seq)
    assert not waiting
    return asked


def test_a_run_waits_for_php_goes_on_and_waits_again_on_the_way_back(tmp_path: Path) -> None:
    with open_sandbox("php-too-old", speed=0, directory=tmp_path / "sandbox") as sandbox:
        controller = sandbox.controller()
        assert controller.prepare(sandbox.path, "7.1.0").blockers(frozenset())
        prospect = controller.prepare(sandbox.path, "7.1.0", course=Course(gates=True))
        assert not prospect.blockers(frozenset())
        findings = {finding.id: finding for finding in prospect.findings}
        assert findings["php-gate"].severity is Severity.WARNING
        shows = prospect.plan.step("php-7.1.0").action.shows  # type: ignore[union-attr]
        site = f"{sandbox.directory}/etc/nginx/sites-enabled/dreamfactory.conf"
        assert f"sed -i 's/php8.1-fpm/php8.3-fpm/g' {site}" in shows

        def switched() -> str:
            switch(sandbox, OLD, NEW)
            return "retry"

        run = start(sandbox, controller, prospect)
        asked = watch(sandbox, run, [lambda: "retry", switched])
        state = run.state()
        assert [text.split(";")[0] for text in asked] == [
            f"The upgrade waits for you. The command line runs PHP {OLD} and the web server runs PHP {OLD}"
        ] * 2
        assert (state.outcome, state.warnings) == ("done", ())
        # With the old PHP verify would have failed; with its unit the restart.
        statuses = {step.id: step.status.value for step in state.phases[0].steps}
        assert (statuses["restart-php-fpm"], statuses["verify"], statuses["php-7.1.0"]) == ("done",) * 3

        def back() -> str:
            switch(sandbox, NEW, OLD)
            return "retry"

        controller.start_rollback(run)
        asked = watch(sandbox, run, [back])
        assert asked[0].startswith(f"The rollback waits for you. The command line runs PHP {NEW}")
        state = run.state()
        assert state.outcome == "rolled-back"
        assert not any(step.status.value == "skipped" for step in state.phases[-1].steps)
