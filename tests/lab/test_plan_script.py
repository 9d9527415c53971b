"""The exported script, run by hand on a real instance: it does what the plan says, and puts everything back."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.backup.subject import Subject, find_tools
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.database import settings
from dfwizard.instance.dotenv import parse
from dfwizard.instance.facts import Facts
from dfwizard.instance.probe import Probe, probe_digest
from dfwizard.planning.plan import EditDotenv, Plan
from dfwizard.planning.road import Wish
from dfwizard.planning.upgrade import plan_upgrade, road
from dfwizard.reports.plan_script import Script, plan_script
from tests.lab.databases import Engine
from tests.lab.driving import Cli
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab
from tests.thorough import wide
from tests.unit import samples

pytestmark = pytest.mark.lab

CHANGES = {"CACHE_STORE": "file", "QUEUE_CONNECTION": "sync", "BCRYPT_ROUNDS": "10"}


def lab_facts(lab: Lab) -> Facts:
    made = samples.facts("6.3.0", php="8.2.30")
    owner_home = lab.instance.parent / "home"
    assert made.git is not None
    return replace(
        made,
        path=str(lab.instance),
        tree=replace(made.tree, owner=lab.owner, group=lab.owner),
        git=replace(made.git, commit=lab.git("rev-parse", "HEAD").stdout.strip()),
        web=replace(
            made.web,
            url=lab.url,
            user=lab.owner,
            fpm_service="php8.2-fpm" if lab.url else None,
            server_service="nginx" if lab.url else None,
        ),
        owner_home=str(owner_home),
    )


def lab_plan(lab: Lab, facts: Facts, backup: Path) -> Plan:
    installed, way = road(facts, samples.RULES, "7.1.0")
    tags = {f"refs/tags/{tag}": commit for tag, commit in lab.commits.items()}
    origin = samples.origin("7.1.0")
    target = samples.target("7.1.0", commit=lab.commits["7.1.0"])
    origin = replace(origin, refs={**origin.refs, **tags}, targets=(target,))
    return plan_upgrade(
        facts, origin, samples.RULES, installed, way, Wish(str(backup)), EditDotenv(CHANGES, "the three keys")
    )


def lab_subject(lab: Lab) -> Subject:
    values = parse((lab.instance / ".env").read_bytes()).values
    found = settings(values, str(lab.instance), (6, 3, 0))
    tools = find_tools(LocalHost(), found.driver)
    return Subject(str(lab.instance), lab.owner, lab.owner, "root", "php", found, tools)


def exported(lab: Lab, backup: Path) -> tuple[Path, Plan]:
    facts = lab_facts(lab)
    Path(facts.owner_home).mkdir(exist_ok=True)
    subprocess.run(("chown", lab.owner, facts.owner_home), check=True)
    plan = lab_plan(lab, facts, backup)
    script = Script(
        plan=plan,
        facts=facts,
        subject=lab_subject(lab),
        dotenv=(lab.instance / ".env").read_bytes(),
        made_at="2026-01-05T00:41:00+00:00",
        status_version="7.1.0",
    )
    path = backup.parent / "upgrade.sh"
    path.write_text(plan_script(script))
    return path, plan


def run(lab: Lab, script: Path, *arguments: str, shell: str = "sh") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (shell, str(script), *arguments),
        env={**os.environ, **lab.environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def digests(lab: Lab, *, timestamps: bool) -> dict[str, tuple[int, str | None, str]]:
    """Rows and schema of every table; without time stamps what two upgrades have in common."""
    subject = lab_subject(lab)
    assert subject.settings is not None
    probe = Probe(LocalHost(), "php", subject.settings, user=lab.owner)
    times = ("created_date", "last_modified_date", "last_login_date")
    tables = probe_digest(probe).tables
    if not timestamps:
        tables = probe_digest(probe, leave_out=dict.fromkeys(tables, times)).tables
    # Two installations count their rows alike, yet a sequence may have skipped: the schema is compared within one only.
    return {
        name: (table.rows, table.digest, table.schema if timestamps else "") for name, table in tables.items()
    }


def state(lab: Lab, *, timestamps: bool = False) -> dict[str, object]:
    """What the end states are compared by."""
    left_out = ("storage/logs", "storage/framework", ".git", "storage/databases")
    pruned = [word for name in left_out for word in ("-path", f"./{name}", "-prune", "-o")]
    files = subprocess.run(
        ("find", ".", *pruned, "-type", "f", "-printf", "%p %u %g %m %s\n"),
        cwd=lab.instance,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {
        "commit": lab.git("rev-parse", "HEAD").stdout.strip(),
        "installed": (lab.instance / "vendor/composer/installed.json").read_bytes(),
        "env": (lab.instance / ".env").read_bytes(),
        "env owner": (lab.instance / ".env").stat().st_uid,
        "env mode": (lab.instance / ".env").stat().st_mode,
        "files": sorted(files.splitlines()),
        "tables": digests(lab, timestamps=timestamps),
        "down": (lab.instance / "storage/framework/down").exists(),
    }


@pytest.mark.parametrize(
    ("engine", "release", "web"),
    [
        wide("sqlite", "6.3.0", True),
        ("mariadb", "6.3.0", True),
        wide("postgresql", "6.3.0", True),
        ("sqlite", "5.4.1", False),  # two hops
    ],
)
def test_the_script_does_what_the_upgrade_does(
    start_lab: StartLab, tmp_path: Path, engine: Engine, release: str, web: bool
) -> None:
    by_hand, by_run = start_lab(engine, release, web=web), start_lab(engine, release, web=web)
    plan = ("plan", str(by_hand.instance), "--to", "7.1.0", "--format", "sh")
    script = by_hand.directory / "upgrade.sh"
    script.write_text(Cli(by_hand, tmp_path / "hand").run(*plan).expect(0).out)
    stops = ("6.3.0", "7.1.0") if release == "5.4.1" else ("7.1.0",)
    assert [stop for stop in stops if f"--detach {by_hand.commits[stop]}" not in script.read_text()] == []
    done = run(by_hand, script, "--yes", shell="dash")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Done: " in done.stdout
    ended = Cli(by_run, tmp_path / "run").upgrade("7.1.0")
    assert ended.code in (0, 4), ended.err
    ours, theirs = state(by_hand), state(by_run)
    ours["env"], theirs["env"] = lines_without_place(by_hand), lines_without_place(by_run)
    for name, value in ours.items():
        assert value == theirs[name], name


def lines_without_place(lab: Lab) -> list[bytes]:
    """The lines of .env without what every lab has for itself: its directory and ports."""
    text = (lab.instance / ".env").read_bytes().replace(str(lab.directory).encode(), b"LAB")
    ports = (str(port).encode() for port in (lab.web_port, lab.database.port) if port)
    for port in ports:
        text = text.replace(port, b"PORT")
    return text.splitlines(keepends=True)


@pytest.mark.parametrize("engine", [wide("sqlite"), wide("mariadb"), "postgresql"])
def test_a_failed_step_stops_the_script_and_restore_puts_everything_back(
    start_lab: StartLab, engine: Engine
) -> None:
    lab = start_lab(engine)
    lab.fail_migration(True)
    before = state(lab, timestamps=True)
    script, _ = exported(lab, lab.directory / "backup")
    failed = run(lab, script, "--yes")
    assert failed.returncode != 0
    assert "stopped at: step" in failed.stderr
    assert "--restore" in failed.stderr
    assert state(lab, timestamps=True) != before
    restored = run(lab, script, "--restore", "--yes")
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert state(lab, timestamps=True) == before


def test_the_script_holds_no_secret_and_every_shell_reads_it(start_lab: StartLab) -> None:
    lab = start_lab("mariadb")
    script, _ = exported(lab, lab.directory / "backup")
    text = script.read_text()
    assert lab.db_password not in text
    assert lab.app_key not in text
    for shell in (("dash",), ("bash", "--posix"), ("busybox", "sh")):
        if shutil.which(shell[0]):
            subprocess.run((*shell, "-n", str(script)), check=True)


def test_nothing_begins_when_the_instance_has_changed_or_nobody_says_yes(start_lab: StartLab) -> None:
    lab = start_lab("sqlite")
    before = state(lab, timestamps=True)
    script, _ = exported(lab, lab.directory / "backup")
    unasked = run(lab, script)
    assert (unasked.returncode, state(lab, timestamps=True)) == (1, before)
    assert "--yes" in unasked.stderr
    lab.git("checkout", "-q", "--detach", "5.4.1") if "5.4.1" in lab.commits else None
    moved = run(lab, script, "--yes")
    assert moved.returncode == 1
    assert "export it again" in moved.stderr
    assert not (lab.directory / "backup").exists()


def test_wrong_arguments_are_refused(start_lab: StartLab) -> None:
    lab = start_lab("sqlite")
    script, _ = exported(lab, lab.directory / "backup")
    assert run(lab, script, "--help").returncode == 0
    assert run(lab, script, "--force").returncode == 2
