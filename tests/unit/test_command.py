"""Commands as text: a POSIX shell that reads what `render` gives does what running the argv does."""

from __future__ import annotations

import os
import shutil
import subprocess

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dfwizard.hosts.command import Command, Pipeline, Secret, render, render_pipeline, run_as
from tests.unit.real_host import HOST, as_root

NASTY = "'\"\\ \n\t$`!*?[]{}()<>|&;#~=-%^\udc80\udcff\x01éx\N{PILE OF POO}"
words = st.text(
    st.sampled_from(NASTY) | st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20
)
names = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,10}\Z").map(lambda name: f"T_{name}")
printer = shutil.which("printf") or "/usr/bin/printf"
few = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def by_shell(text: str) -> bytes:
    return subprocess.run(["sh", "-c", text], capture_output=True, check=True).stdout


@few
@given(st.lists(words, max_size=5))
@example(["-n", "a b", "", "\n", "$(echo no)", "\udcff"])
def test_arguments(arguments: list[str]) -> None:
    command = Command((printer, "%s\\0", "x", *arguments))
    expected = b"".join(os.fsencode(f"{word}\0") for word in ("x", *arguments))
    assert by_shell(render(command, me=HOST.user)) == expected
    assert HOST.run(command).stdout == expected


@few
@given(names, words)
def test_environment(name: str, value: str) -> None:
    command = Command(("printenv", "-0", name), env={name: value})
    assert by_shell(render(command, me=HOST.user)) == os.fsencode(f"{value}\0") == HOST.run(command).stdout


def test_environment_with_names_that_a_shell_cannot_assign() -> None:
    command = Command(("printenv", "a.b-c"), env={"a.b-c": "it's"})
    assert by_shell(render(command, me=HOST.user)) == b"it's\n" == HOST.run(command).stdout


@as_root
@settings(few, max_examples=15)
@given(st.lists(words, max_size=3), words)
def test_another_account(arguments: list[str], value: str) -> None:
    command = Command(
        ("sh", "-c", 'printf "%s\\0" "$T" "$@"; id -un', "sh", *arguments), env={"T": value}, user="nobody"
    )
    expected = b"".join(os.fsencode(f"{word}\0") for word in (value, *arguments)) + b"nobody\n"
    assert by_shell(render(command)) == expected
    assert HOST.run(command).stdout == expected


def test_what_a_shell_would_run_itself_is_run_as_the_program() -> None:
    command = Command(("echo", r"a\tb\c", "c"))
    assert by_shell(render(command, me=HOST.user)) == HOST.run(command).stdout == b"a\\tb\\c c\n"
    assert render(Command(("true",), env={"A": "b c"}), me="me") == "A='b c' true"
    assert render(Command(("if",)), me="me") == "'if'"
    assert render(Command(("a=b",)), me="me") == "'a=b'"


def test_accounts() -> None:
    command = Command(("git", "status"), user="www-data", env={"HOME": "/var/www"})
    assert render(command, me="root") == "runuser -u www-data -- env HOME=/var/www git status"
    assert render(command, me="admin") == "sudo -n -u www-data -- env HOME=/var/www git status"
    assert render(command, me="www-data") == "HOME=/var/www git status"
    assert run_as(Command(("id",), user="root"), me="root") == ("id",)


@few
@given(words.filter(bool))
def test_pipelines(text: str) -> None:
    pipeline = Pipeline((Command((printer, "%s", text)), Command(("cat",)), Command(("od", "-An", "-tx1"))))
    assert by_shell(render_pipeline(pipeline, me=HOST.user)) == HOST.run(pipeline).stdout


def test_files_of_a_pipeline() -> None:
    pipeline = Pipeline((Command(("gzip",)), Command(("cat",))), stdin_file="/a 'b'", stdout_file="/c d")
    assert render_pipeline(pipeline, me="me") == "gzip < '/a '\"'\"'b'\"'\"'' | cat > '/c d'"


def test_secrets_do_not_show() -> None:
    command = Command(("mysql",), stdin=Secret(b"S3cret"))
    assert "S3cret" not in repr(command) + render(command) + str(command.stdin)
