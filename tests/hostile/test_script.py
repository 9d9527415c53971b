"""The exported script with everything in it from outside at its worst: run with stand-ins for all programs, it runs nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.backup.subject import Subject, Tools
from dfwizard.hosts.command import Secret
from dfwizard.instance.database import DatabaseSettings
from dfwizard.planning.plan import Action, Plan, ProveBackup, TakeBackup
from dfwizard.reports.plan_script import Script, plan_script
from tests.hostile.corpus import ATOMS, CANARY
from tests.hostile.test_shell import ME
from tests.unit import samples

REAL = (
    *(
        "cat",
        "chmod",
        "cp",
        "cut",
        "date",
        "dirname",
        "grep",
        "head",
        "id",
        "mkdir",
        "mktemp",
        "mv",
        "printf",
        "readlink",
        "rm",
        "sh",
        "sha256sum",
    ),
    *(
        "tail",
        "tee",
        "tr",
        "wc",
    ),
)
STANDINS = (
    *(
        "chgrp",
        "chown",
        "composer",
        "curl",
        "env",
        "find",
        "flock",
        "git",
        "mysql",
        "mysqldump",
        "nginx",
        "php",
        "php-fpm",
        "service",
    ),
    *(
        "setfacl",
        "systemctl",
        "tar",
        "test",
        "touch",
        "unzip",
        "zstd",
    ),
)
SAYING = {
    "git": "echo COMMIT\n",
    "zstd": "exec cat\n",
    "mysqldump": "echo '-- Dump completed'\n",
    "curl": 'while [ $# -gt 0 ]; do [ "$1" != -o ] || cat "${0%/*}/status" >"$2"; shift; done; printf 200\n',
    "mysql": "exec cat >/dev/null\n",
    "tar": 'for word; do case $word in --index-file=*) : >"${word#--index-file=}" ;; esac; done\n',
}
KINDS = tuple(text for text in ATOMS.values() if "/" not in text and text.strip("."))


def programs(place: Path, commit: str) -> Path:
    """Make a directory of programs of which only those that move nothing are real; the others note what they were given."""
    made = place / "bin"
    made.mkdir()
    for name in REAL:
        found = shutil.which(name)
        assert found
        (made / name).symlink_to(found)
    noting = f'#!/bin/sh\nprintf \'%s\\0\' "${{0##*/}}" "$@" >>"{place}/noted"\n'
    for name in STANDINS:
        (made / name).write_text(noting + SAYING.get(name, "").replace("COMMIT", commit))
    for name, skipped in (("runuser", 3), ("sudo", 4)):
        (made / name).write_text(f'{noting}shift {skipped}\nexec "$@"\n')
    for path in made.iterdir():
        if not path.is_symlink():
            path.chmod(0o755)
    return made


def elsewhere(action: Action, backup: str) -> Action:
    """Give the action with its backup in `backup`."""
    return replace(action, directory=backup) if isinstance(action, (TakeBackup, ProveBackup)) else action


def written(instance: str, trap: str) -> tuple[Plan, str]:
    """Give a plan whose every text is a trap, and its script."""
    facts = replace(samples.facts("6.3.0"), path=instance, me=ME, host="localhost")
    plan = samples.plan(facts, "7.1.0")
    backup = f"{instance}.backup"
    steps = tuple(
        replace(
            step, title=trap, reason=trap, guide=trap, undo_text=trap, action=elsewhere(step.action, backup)
        )
        for step in plan.steps
    )
    hops = tuple(replace(hop, to=trap) if hop is plan.hops[-1] else hop for hop in plan.hops)
    plan = replace(plan, steps=steps, hops=hops, frm=trap, to=trap, backup=backup, me=ME)
    settings = DatabaseSettings(
        "mysql", f"d{trap}", f"h{trap}", 3306, None, f"u{trap}", Secret(b"S3cret"), notes=(f"DB_URL {trap}",)
    )
    subject = Subject(instance, "df", "df", ME, "php", settings, Tools())
    assert facts.git is not None
    web = replace(facts.web, url=f"http://127.0.0.1:1/{trap}", host_header=f"h{trap}")
    made = Script(plan, replace(facts, web=web), subject, b"A=1\n", trap, trap)
    return plan, plan_script(made)


def nested(place: Path, trap: str) -> Path:
    """Make a directory below `place` whose path holds all of `trap`."""
    letters = list(trap)
    while letters:
        name = ""
        while letters and len(f"{name}{letters[0]}".encode("utf-8", "surrogateescape")) <= 200:
            name += letters.pop(0)
        place = place / f"df{name}"
    place.mkdir(parents=True)
    return place


@pytest.mark.parametrize("part", range(2))
def test_a_script_runs_nothing_but_its_commands(part: int, tmp_path: Path) -> None:
    trap = "".join(KINDS[part::2])
    instance = nested(tmp_path / "srv", trap)
    (instance / ".env").write_text("A=1\n")
    (tmp_path / "here").mkdir()
    plan, text = written(str(instance), trap)
    known = samples.facts("6.3.0").git
    assert known is not None
    path = programs(tmp_path, known.commit)
    (path / "status").write_bytes(os.fsencode(f'"version":"{trap}"'))
    script = tmp_path / "upgrade.sh"
    script.write_bytes(os.fsencode(text))
    for arguments, word in (("--help", "usage: "), ("--yes", "Done: "), ("--restore --yes", "Put back")):
        done = subprocess.run(
            ["/bin/sh", str(script), *arguments.split()],
            env={"PATH": str(path), "TMPDIR": str(tmp_path)},
            cwd=tmp_path / "here",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert word.encode() in said
        assert b"\x1b" not in said
        assert b"\x07" not in said
    assert list((tmp_path / "here").iterdir()) == []
    assert not list(tmp_path.rglob(CANARY))
    noted = (tmp_path / "noted").read_bytes().split(b"\0")
    # What a program was given is the whole path, and no part of it.
    assert noted.count(os.fsencode(f"--directory={instance}")) == 1
    assert noted.count(os.fsencode(str(instance))) >= 3
    assert os.fsencode(f"d{trap}") in noted
    assert len(plan.steps) > 15
