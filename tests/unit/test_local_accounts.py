"""LocalHost running commands as other accounts, and ending what an earlier dfwizard left behind."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from dfwizard.errors import CommandFailed, CommandNotFound, CommandTimeout, HostError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command
from tests.unit.real_host import NASTY, as_account, as_root, children, living, sh


@as_root
class TestRunAs:
    def test_account_environment_and_directory(self, host: Host, open_directory: Path) -> None:
        result = host.run(
            sh('id -un; pwd; printf "%s" "$A"', user="nobody", cwd=str(open_directory), env={"A": NASTY[2]})
        )
        assert result.text == f"nobody\n{open_directory}\n{NASTY[2]}"

    def test_arguments_arrive_byte_for_byte(self, host: Host) -> None:
        result = host.run(sh('printf "%s\\0" "$@"', *NASTY, user="nobody"))
        assert result.stdout == b"".join(os.fsencode(f"{word}\0") for word in NASTY)

    def test_without_a_directory_it_stands_where_everyone_may(
        self, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tmp_path.chmod(0o700)
        monkeypatch.chdir(tmp_path)
        assert host.run(Command(("pwd",), user="nobody")).text == "/\n"

    def test_codes_and_timeouts_pass_through(self, host: Host) -> None:
        with pytest.raises(CommandFailed) as caught:
            host.run(sh("exit 42", user="nobody"))
        assert caught.value.code == 42
        seen = bytearray()
        with pytest.raises(CommandTimeout):
            host.run(
                sh("echo $$; exec sleep 300", user="nobody", timeout=0.5),
                on_output=lambda _, data: seen.extend(data),
            )
        assert not living(int(seen.split()[0]))
        assert not [name for name in children() if name == "runuser"]

    def test_another_accounts_command_has_the_same_time_to_clean_up(self, host: Host) -> None:
        """Given a TERM itself, runuser would KILL its child two seconds later."""
        heard = bytearray()
        script = "trap 'sleep 2.3 && echo cleaned; exit 1' TERM; while :; do sleep 0.05; done"
        with pytest.raises(CommandTimeout):
            host.run(
                Command(("sh", "-c", script), user="nobody", timeout=0.3),
                on_output=lambda _, data: heard.extend(data),
            )
        assert b"cleaned\n" in heard

    @pytest.mark.parametrize("user", ["no-such-account", "-x", "", "root; id", "a\nb"])
    def test_unknown_account(self, host: Host, user: str) -> None:
        with pytest.raises(HostError, match="there is no account"):
            host.run(Command(("id",), user=user))

    def test_program_that_only_the_other_account_lacks(self, host: Host) -> None:
        for command in (Command(("no-such-program",), user="nobody"), Command(("/no/such",), user="nobody")):
            with pytest.raises(CommandNotFound):
                host.run(command)
        assert host.which("sh", user="nobody") == host.run(sh("command -v sh", user="nobody")).text.rstrip()
        assert host.which("no-such-program", user="nobody") is None
        assert host.which("cd", user="nobody") is None


@as_root
class TestRunAsHere:
    """With the real sudo."""

    def test_sudo_that_asks_for_a_password(self, host: Host) -> None:
        said = as_account("nobody", lambda: host.run(Command(("id",), user="daemon"), check=False))
        assert said.startswith("HostError: localhost: nobody may not run id as daemon")
        assert "NOPASSWD" in said

    def test_sudo_that_is_allowed(self, host: Host, tmp_path: Path) -> None:
        """The real sudo with a sudoers file of its own, in a mount namespace of its own."""
        closed = Path(tempfile.mkdtemp(dir="/var/tmp"))
        shutil.chown(closed, "daemon")
        sudoers = tmp_path / "sudoers"
        sudoers.write_text("nobody ALL=(daemon) NOPASSWD: ALL\n")
        sudoers.chmod(0o440)

        def with_sudoers() -> None:
            assert ctypes.CDLL(None, use_errno=True).unshare(0x00020000) == 0  # CLONE_NEWNS
            subprocess.run(["mount", "--make-rprivate", "/"], check=True)
            subprocess.run(["mount", "--bind", str(sudoers), "/etc/sudoers"], check=True)

        def work() -> str:
            told = host.run(
                sh('id -un; pwd; echo "$A"', user="daemon", cwd=str(closed), env={"A": "a b"})
            ).text
            errors: list[str] = []
            for command in (
                Command(("no-such-program",), user="daemon"),
                Command(("id",), user="daemon", cwd=f"{closed}/none"),
                sh("exit 6", user="daemon"),
                sh("exec sleep 300", user="daemon", timeout=0.5),
            ):
                try:
                    host.run(command)
                except HostError as error:
                    errors.append(f"{type(error).__name__} {error.what}")
            return "\n".join((told, *errors, *children()))

        try:
            lines = as_account("nobody", work, with_sudoers).splitlines()
        finally:
            closed.rmdir()
        assert lines[:3] == ["daemon", str(closed), "a b"]
        assert (
            lines[4]
            == "CommandNotFound no-such-program is not on the PATH of daemon, or daemon may not execute it"
        )
        assert lines[5].startswith("HostError cannot change directory to ")
        assert lines[6].startswith("CommandFailed ")
        assert lines[6].endswith("ended with code 6")
        assert lines[7].startswith("CommandTimeout ")
        assert "sleep" not in lines


class TestMarked:
    def test_ends_what_a_killed_dfwizard_left(self, host: Host, tmp_path: Path) -> None:
        """A whole dfwizard process dies by SIGKILL; its command, a setsid grandchild and an unmarked child are found."""
        mark = f"run-{os.getpid()}-{time.monotonic_ns()}"
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        script = (
            "import sys; from dfwizard.hosts.local import LocalHost; from dfwizard.hosts.command import Command;"
            "LocalHost().run(Command(('sh', '-c', 'setsid sleep 300 & a=$!; env -i sleep 300 & b=$!;"
            ' trap "" TERM; echo $$ $a $b > "$1"; while :; do wait; sleep 1; done\', \'sh\', sys.argv[1])), mark=sys.argv[2])'
        )
        other = subprocess.Popen(["sleep", "300"], env={**os.environ, "DFWIZARD_RUN": f"{mark}x"})
        dead = subprocess.Popen(
            [sys.executable, "-c", script, str(fifo), mark], cwd=Path(__file__).parents[2]
        )
        pids = [int(word) for word in fifo.read_text().split()]
        dead.kill()
        dead.wait()
        try:
            assert all(living(pid) for pid in pids)
            assert host.end_marked(mark) >= 3
            assert not any(living(pid) for pid in pids)
            assert living(other.pid)
            assert host.end_marked(mark) == 0
        finally:
            other.kill()
            other.wait()

    def test_a_zombie_does_not_count_and_holds_up_nothing(self, host: Host) -> None:
        mark = f"zombie-{os.getpid()}-{time.monotonic_ns()}"
        child = subprocess.Popen(["sleep", "300"], env={**os.environ, "DFWIZARD_RUN": mark})
        assert host.end_marked(mark) == 1  # it is a zombie now, for we have not waited
        assert host.end_marked(mark) == 0
        assert child.wait() == -signal.SIGTERM

    @as_root
    def test_the_mark_passes_through_runuser(self, host: Host) -> None:
        result = host.run(Command(("env",), user="nobody"), mark="run 1 'x'")
        assert "DFWIZARD_RUN=run 1 'x'" in result.text.splitlines()

    @pytest.mark.parametrize("mark", ["", "a\0b"])
    def test_marks_that_cannot_be(self, host: Host, mark: str) -> None:
        with pytest.raises(HostError):
            host.end_marked(mark)


class TestMarkedHere:
    """What only this machine has to show."""

    def test_never_itself_nor_its_ancestors(self) -> None:
        mark = f"self-{os.getpid()}-{time.monotonic_ns()}"
        script = (
            "import subprocess, sys; from dfwizard.hosts.local import LocalHost;"
            "mate = subprocess.Popen(['sleep', '300']);"
            "print(LocalHost().end_marked(sys.argv[1]), mate.wait())"
        )
        told = subprocess.run(
            ["sh", "-c", '"$@"; echo parent lives', "sh", sys.executable, "-c", script, mark],
            env={**os.environ, "DFWIZARD_RUN": mark},
            cwd=Path(__file__).parents[2],
            start_new_session=True,
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout == "1 -15\nparent lives\n"
