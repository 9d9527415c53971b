"""Nothing from outside is a command: a shell that reads what dfwizard writes gets the words that were meant, and runs nothing else."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.diagnosis.catalogue import known_failures
from dfwizard.diagnosis.remedy import _commands, place_of
from dfwizard.hosts.command import Command, Pipeline, render, render_pipeline
from dfwizard.hosts.ssh import shell as ssh_shell
from dfwizard.planning.plan import Execute, Plan
from dfwizard.reports import shell
from dfwizard.reports.commands import shell_line
from tests.hostile.corpus import CANARY, cases, names
from tests.unit import samples

PRINTF = shutil.which("printf") or "/usr/bin/printf"
SHELLS = [
    pytest.param(words, id=words[0])
    for words in (("dash",), ("bash",), ("busybox", "sh"))
    if shutil.which(words[0])
]
ME = "root" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def said_by(shell_words: Sequence[str], script: bytes, place: Path) -> bytes:
    """Have a shell read a script from stdin in `place`; nothing may be made there."""
    done = subprocess.run([*shell_words], input=script, capture_output=True, cwd=place, check=False)
    assert done.stderr == b""
    assert done.returncode == 0
    assert not (place / CANARY).exists()
    return done.stdout


def ended(words: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(word) + b"\0" for word in words)


def batches(texts: Sequence[str], size: int = 50) -> list[Sequence[str]]:
    return [texts[at : at + size] for at in range(0, len(texts), size)]


@pytest.mark.parametrize("of", SHELLS)
def test_arguments(of: tuple[str, ...], tmp_path: Path) -> None:
    texts = cases("words")
    lines = [render(Command((PRINTF, "%s\\0", *batch)), me=ME) for batch in batches(texts)]
    assert said_by(of, os.fsencode("\n".join(lines)), tmp_path) == ended(texts)


@pytest.mark.parametrize("of", SHELLS)
def test_environment(of: tuple[str, ...], tmp_path: Path) -> None:
    texts = cases("variables")
    lines = []
    for batch in batches(texts):
        env = {f"DFW_{number}": text for number, text in enumerate(batch)}
        lines.append(render(Command(("printenv", "-0", *env), env=env), me=ME))
    assert said_by(of, os.fsencode("\n".join(lines)), tmp_path) == ended(texts)


@pytest.mark.skipif(os.geteuid() != 0, reason="runs commands as other users: needs root")
def test_through_runuser(tmp_path: Path) -> None:
    texts = cases("words")[:100]
    env = {f"DFW_{number}": text for number, text in enumerate(texts[:40])}
    script = 'printf "%s\\0" "$@"; exec printenv -0 ' + " ".join(env)
    command = Command(("sh", "-c", script, "sh", *texts), env=env, user="nobody")
    assert said_by(("sh",), os.fsencode(render(command, me="root")), tmp_path) == ended((*texts, *texts[:40]))


def test_pipelines_and_their_files(tmp_path: Path) -> None:
    lines, texts = [], names(20)
    for number, name in enumerate(texts):
        (tmp_path / name).write_bytes(b"%d\n" % number)
        copy = Pipeline(
            (Command(("cat",)), Command((PRINTF, "%s", name), expect=(0,))), stdin_file=f"./{name}"
        )
        lines.append(render_pipeline(replace(copy, stdout_file=f"./copy {name}"), me=ME))
    said_by(("sh",), os.fsencode("\n".join(lines)), tmp_path)
    for name in texts:
        assert (tmp_path / f"copy {name}").read_bytes() == os.fsencode(name)
    assert len(list(tmp_path.iterdir())) == 2 * len(texts)


def test_directories_of_shown_commands(tmp_path: Path) -> None:
    number = len(cases("directories"))
    lines, places = [], [tmp_path / name for name in names(number)]
    for place in places:
        place.mkdir()
        lines.append(
            shell_line(Execute(("sh", "-c", 'printf "%s\\0" "$PWD"'), cwd=str(place), env={"A": "'"}), me=ME)
        )
    aside = tmp_path / "aside"
    aside.mkdir()
    assert said_by(("sh",), os.fsencode("\n".join(lines)), aside) == ended([str(place) for place in places])


@pytest.mark.parametrize("of", SHELLS)
def test_words_for_a_server(of: tuple[str, ...], tmp_path: Path) -> None:
    texts = cases("remote words")
    script = b"".join(
        b"printf '%s\\0' " + b" ".join(map(ssh_shell.word, batch)) + b"\n" for batch in batches(texts)
    )
    assert said_by(of, script, tmp_path) == ended(texts)
    paths = [text for text in texts if text]
    script = b"printf '%s\\0' " + b" ".join(map(ssh_shell.place, paths)) + b"\n"
    seen = said_by(of, script, tmp_path).split(b"\0")[:-1]
    assert not [path for path in seen if path.startswith(b"-")]
    assert [path.removeprefix(b"./") for path in seen] == [
        os.fsencode(text.removeprefix("./")) for text in paths
    ]


def test_comments_of_a_script(tmp_path: Path) -> None:
    lines = [line for text in cases("comments") for line in shell.comment(text)]
    assert len(lines) >= 300
    assert said_by(("sh",), "\n".join(lines).encode(), tmp_path) == b""


def test_bytes_and_words_of_a_script(tmp_path: Path) -> None:
    texts = cases("words")
    data = ended(texts)
    script = "\n".join(f"{shell.print_bytes(os.fsencode(text))}; printf '\\000'" for text in texts)
    assert said_by(("sh",), script.encode(), tmp_path) == data
    # A path that looks like the script's own private directory is not taken for it.
    likely = ("/srv/dfwizard-private/x", "/dfwizard-private", *texts[:50])
    script = "private='/p'\nprintf '%s\\0' " + " ".join(shell.quoted(text) for text in likely)
    assert said_by(("sh",), os.fsencode(script), tmp_path) == ended(likely)
    inside = [f"{text}{shell.PRIVATE}/f{text}" for text in texts[:80]]
    script = "private='/p q'\nprintf '%s\\0' " + " ".join(shell.quoted(text) for text in inside)
    expected = [text.replace(shell.PRIVATE, "/p q") for text in inside]
    assert said_by(("sh",), os.fsencode(script), tmp_path) == ended(expected)


def hostile_plan(path: str) -> Plan:
    """Give a plan of an instance at a path that is none one would choose."""
    facts = samples.facts("6.3.0")
    plan = samples.plan(replace(facts, path=path), "7.1.0")
    return replace(plan, instance=path)


@pytest.mark.parametrize("name", names(6))
def test_remedies_name_the_instance_and_nothing_else(name: str, tmp_path: Path) -> None:
    path = f"/srv/{name}"
    plan = hostile_plan(path)
    place = place_of(plan, "composer-7.1.0")
    lines = []
    for failure in known_failures():
        for command in _commands(failure, place):
            if "/srv/" in command.command:
                assert any(path in word for word in shlex.split(command.command)), command
            lines.append(command.command)
    assert len(lines) > 40
    # Read, not run: a shell that finds a command in a name says so by its grammar, or runs it where nothing else is there to be run.
    nothing = "\n".join(f"if false; then\n{line}\nfi" for line in lines)
    assert said_by(("sh",), os.fsencode(nothing), tmp_path) == b""
