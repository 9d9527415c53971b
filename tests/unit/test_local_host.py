"""LocalHost against real processes and real files, through the Host protocol."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dfwizard.errors import CommandFailed, CommandNotFound, CommandTimeout, DfwizardError, HostError
from dfwizard.hosts import process
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command, Pipeline, Secret
from dfwizard.hosts.local import LocalHost

HOST: Host = LocalHost()
ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="runs commands as other users: needs root")
NASTY = ("with space", "quo'te\"s", "new\nline", "-rf", "$(touch x)`y`", "bad\udcffbyte", "*", "é中")


def sh(script: str, *arguments: str, **options: object) -> Command:
    return Command(("sh", "-c", script, "sh", *arguments), **options)  # type: ignore[arg-type]


def as_account(account: str, work: Callable[[], object], before: Callable[[], None] | None = None) -> str:
    """Do `work` in a forked child that has become `account`; give its result, or the error, as text."""
    import pwd

    entry = pwd.getpwnam(account)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if before is not None:
                before()
            os.setgroups([])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            text = str(work())
        except DfwizardError as error:
            text = f"{type(error).__name__}: {error}"
        except BaseException as error:
            text = f"UNEXPECTED {error!r}"
        os.write(writing, os.fsencode(text))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answers:
        text = os.fsdecode(answers.read())
    os.waitpid(child, 0)
    return text


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that belongs to nobody and that everyone can reach."""
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))
    place.chmod(0o755)
    shutil.chown(place, "nobody", "nogroup")
    yield place
    shutil.rmtree(place)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 256 KiB."""
    place = tmp_path / "small disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("cannot mount a tmpfs here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def living(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def names(place: Path) -> list[str]:
    return sorted(entry.name for entry in place.iterdir())


def open_descriptors() -> set[str]:
    return {link.name for link in Path("/proc/self/fd").iterdir()}


class TestRun:
    def test_gives_output_code_and_time(self) -> None:
        result = HOST.run(sh("echo out; echo err >&2; exit 3", expect=(0, 3)))
        assert (result.code, result.stdout, result.stderr, result.failed) == (3, b"out\n", b"err\n", None)
        assert 0 < result.seconds < 10

    def test_failure_names_host_command_code_and_last_lines(self) -> None:
        script = 'printf "\\033[31mred\\033[0m\\n\\n1%%\\r99%%\\n" >&2; seq 40; exit 7'
        with pytest.raises(CommandFailed) as caught:
            HOST.run(sh(script), keep=0)
        assert caught.value.code == 7
        assert caught.value.tail.splitlines() == [*map(str, range(23, 41)), "red", "99%"]
        assert str(caught.value).startswith("localhost: sh -c ")
        assert "ended with code 7" in str(caught.value)

    def test_unchecked_failure_is_in_the_result(self) -> None:
        result = HOST.run(sh("kill -KILL $$"), check=False)
        assert (result.code, result.failed) == (-9, "sh")

    def test_signal_is_named(self) -> None:
        with pytest.raises(CommandFailed, match="was ended by SIGKILL"):
            HOST.run(sh("kill -KILL $$"))

    def test_arguments_environment_and_directory_arrive_byte_for_byte(self, tmp_path: Path) -> None:
        place = tmp_path / "a 'b'\n\udcff"
        place.mkdir()
        result = HOST.run(
            sh('printf "%s\\0" "$@" "$VALUE"; pwd', *NASTY, env={"VALUE": NASTY[2]}, cwd=str(place))
        )
        assert result.stdout == b"".join(
            os.fsencode(f"{word}\0") for word in (*NASTY, NASTY[2])
        ) + os.fsencode(f"{place}\n")

    def test_messages_are_english_whatever_the_locale(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LANG", "de_DE.UTF-8")
        monkeypatch.setenv("LANGUAGE", "de")
        seen = HOST.run(sh("echo $LC_ALL-$LANGUAGE")).text
        assert seen == "C.UTF-8-\n"
        assert HOST.run(sh("echo $LC_ALL", env={"LC_ALL": "C"})).text == "C\n"

    def test_is_the_leader_of_a_session_of_its_own(self) -> None:
        fields = HOST.run(sh("cat /proc/$$/stat")).text.rpartition(")")[2].split()
        pid = int(HOST.run(sh("echo $$")).text)
        assert fields[2] == fields[3]
        assert int(fields[3]) != os.getsid(0)
        assert pid != os.getpid()

    def test_stdin_is_empty_unless_given(self) -> None:
        assert HOST.run(Command(("cat",))).stdout == b""
        assert HOST.run(Command(("cat",), stdin=b"a\0\xff")).stdout == b"a\0\xff"
        assert HOST.run(Command(("cat",), stdin=Secret(b"hidden"))).stdout == b"hidden"
        assert HOST.run(Command(("cat",), stdin=b"")).stdout == b""

    def test_big_stdin_flows_against_big_stdout(self) -> None:
        data = os.urandom(1 << 20) * 12
        assert HOST.run(Command(("cat",), stdin=data), keep=len(data)).stdout == data

    def test_a_program_that_does_not_read_its_stdin_is_no_error(self) -> None:
        assert HOST.run(Command(("true",), stdin=b"x" * (1 << 22))).code == 0

    def test_output_comes_as_it_is_written(self, tmp_path: Path) -> None:
        """The program waits for an answer that only the first chunk brings about."""
        fifo = tmp_path / "answer"
        os.mkfifo(fifo)
        seen: list[tuple[str, bytes]] = []

        def answer(stream: str, data: bytes) -> None:
            seen.append((stream, data))
            if data == b"ready?":
                fifo.write_text("yes\n")

        HOST.run(
            sh('printf "ready?"; read -r line < "$1"; echo "$line" >&2', str(fifo), timeout=20),
            on_output=answer,
        )
        assert seen == [("stdout", b"ready?"), ("stderr", b"yes\n")]

    def test_ten_megabytes_in_one_line_that_never_ends(self) -> None:
        chunks: list[int] = []
        result = HOST.run(
            Command(("head", "-c", "10000000", "/dev/zero")),
            on_output=lambda _, data: chunks.append(len(data)),
            keep=100,
        )
        assert sum(chunks) == 10_000_000
        assert max(chunks) <= process.CHUNK
        assert result.stdout == b"\0" * 100

    def test_only_the_last_bytes_are_kept(self) -> None:
        result = HOST.run(sh("seq 100000; seq 5 >&2"), keep=12)
        assert result.stdout == b"99999\n100000\n"[-12:]
        assert result.stderr == b"1\n2\n3\n4\n5\n"
        assert HOST.run(sh("seq 100000"), keep=0).stdout == b""

    def test_bytes_that_are_not_text(self) -> None:
        result = HOST.run(sh("head -c 300000 /dev/urandom; printf '\\377\\376'; exit 1"), check=False)
        assert result.stdout.endswith(b"\xff\xfe")
        assert "�" in result.text
        with pytest.raises(CommandFailed) as caught:
            HOST.run(sh("printf 'a\\377\\033[2J\\000b' >&2; exit 1"))
        assert caught.value.tail == "a��b"

    @pytest.mark.parametrize("watch", ["pidfd", "thread"])
    def test_a_grandchild_that_keeps_the_output_open_holds_up_nothing(
        self, watch: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if watch == "thread":
            monkeypatch.delattr(os, "pidfd_open")
        before = open_descriptors()
        result = HOST.run(sh("sleep 300 & echo $!"))
        pid = int(result.text)
        try:
            assert result.seconds < 5
            assert living(pid)
            assert open_descriptors() == before
        finally:
            os.kill(pid, signal.SIGKILL)

    def test_a_grandchild_that_never_stops_writing_holds_up_nothing(self) -> None:
        result = HOST.run(sh("yes >&2 & echo $!"))
        assert result.seconds < 5
        while living(int(result.text)):  # SIGPIPE ends it, now that nobody reads
            os.sched_yield()

    def test_everything_written_before_the_end_is_there(self) -> None:
        slow: list[bytes] = []

        def take(_: str, data: bytes) -> None:
            slow.append(data)
            time.sleep(process.LINGER)  # a slow reader, not a wait

        HOST.run(sh("sleep 300 & head -c 300000 /dev/zero; kill $!"), on_output=take)
        assert sum(map(len, slow)) == 300_000

    def test_an_error_of_the_listener_ends_the_command(self) -> None:
        seen: list[bytes] = []

        def fail(_: str, data: bytes) -> None:
            seen.append(data)
            raise RuntimeError("the screen is gone")

        before = open_descriptors()
        with pytest.raises(RuntimeError, match="the screen is gone"):
            HOST.run(sh("echo $$; exec sleep 300"), on_output=fail)
        assert not living(int(seen[0]))
        assert open_descriptors() == before

    def test_added_time_is_small(self) -> None:
        def best(work: Callable[[], object]) -> float:
            times: list[float] = []
            for _ in range(40):
                began = time.perf_counter()
                work()
                times.append(time.perf_counter() - began)
            return sorted(times)[10]

        plain = best(lambda: subprocess.run(("true",), capture_output=True, check=True))
        assert best(lambda: HOST.run(Command(("true",)))) - plain < 0.003


class TestRefusals:
    def test_missing_program(self) -> None:
        with pytest.raises(CommandNotFound, match="no-such-program is not on the PATH"):
            HOST.run(Command(("no-such-program",)))
        with pytest.raises(CommandNotFound, match="there is no program /no/such"):
            HOST.run(Command(("/no/such",)))

    def test_missing_program_names_its_package(self, tmp_path: Path) -> None:
        command = Command(("mysqldump",), env={"PATH": str(tmp_path)})
        with pytest.raises(CommandNotFound, match="apt-get install default-mysql-client"):
            HOST.run(command)

    def test_missing_interpreter(self, tmp_path: Path) -> None:
        script = tmp_path / "script"
        script.write_text("#!/no/such/php\n")
        script.chmod(0o755)
        with pytest.raises(CommandNotFound, match="not the interpreter"):
            HOST.run(Command((str(script),)))

    def test_not_a_program(self, tmp_path: Path) -> None:
        text = tmp_path / "text"
        text.write_bytes(b"\x7fELF nonsense")
        text.chmod(0o644)
        with pytest.raises(HostError, match="permission denied"):
            HOST.run(Command((str(text),)))
        text.chmod(0o755)
        with pytest.raises(HostError, match="not a program"):
            HOST.run(Command((str(text),)))

    @pytest.mark.parametrize(
        ("name", "reason"), [("missing", "does not exist"), ("file", "is not a directory")]
    )
    def test_directory(self, tmp_path: Path, name: str, reason: str) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(HostError, match=f"cannot work in .*{name}: it {reason}"):
            HOST.run(Command(("true",), cwd=str(tmp_path / name)))

    @pytest.mark.parametrize(
        "command",
        [
            Command(()),
            Command(("",)),
            Command(("true", "a\0b")),
            Command(("true",), env={"A": "a\0b"}),
            Command(("true",), env={"A=B": "c"}),
            Command(("true",), env={"-i": "c"}),
            Command(("true",), cwd="/tmp\0"),
            Command(("a=b",)),
            Command(("true", "x" * 200_000)),
        ],
        ids=lambda command: repr(command)[:60],
    )
    def test_impossible_commands(self, command: Command) -> None:
        with pytest.raises(HostError):
            HOST.run(command)

    def test_impossible_pipelines(self) -> None:
        with pytest.raises(HostError, match="without a program"):
            HOST.run(Pipeline(()))
        with pytest.raises(HostError, match="only the first"):
            HOST.run(Pipeline((Command(("cat",)), Command(("cat",), stdin=b"x"))))
        with pytest.raises(HostError, match="only the first"):
            HOST.run(Pipeline((Command(("cat",), stdin=b"x"),), stdin_file="/etc/passwd"))

    def test_secrets_stay_out_of_messages(self) -> None:
        with pytest.raises(CommandFailed) as caught:
            HOST.run(sh("cat > /dev/null; exit 1", stdin=Secret(b"S3cret pa$$")))
        assert "S3cret" not in str(caught.value)
        assert "S3cret" not in repr(caught.value.__dict__)


class TestEnding:
    def test_timeout_says_which_and_how_long(self) -> None:
        with pytest.raises(CommandTimeout, match=r"took longer than 0\.2 s") as caught:
            HOST.run(sh("echo working on it; exec sleep 300", timeout=0.2))
        assert "working on it" in str(caught.value)
        assert "sleep 300" in str(caught.value)

    def test_timeout_ends_children_and_what_changed_its_session(self) -> None:
        seen = bytearray()
        script = "sleep 300 & echo $!; setsid sleep 300 & echo $!; timeout 300 sleep 300 & echo $!; wait"
        with pytest.raises(CommandTimeout):
            HOST.run(sh(script, timeout=0.5), on_output=lambda _, data: seen.extend(data))
        pids = [int(line) for line in seen.split()]
        assert len(pids) == 3
        assert not any(living(pid) for pid in pids)

    def test_what_ignores_term_is_killed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(process, "TERM_GRACE", 0.3)
        seen = bytearray()
        with pytest.raises(CommandTimeout):
            HOST.run(
                sh("trap '' TERM; echo $$; while :; do sleep 1; done", timeout=0.2),
                on_output=lambda _, d: seen.extend(d),
            )
        assert not living(int(seen.split()[0]))

    def test_what_cleans_up_on_term_may_do_so_and_be_heard(self) -> None:
        heard = bytearray()
        script = "trap 'head -c 1000000 /dev/zero; echo cleaned; exit 1' TERM; echo ready; while :; do sleep 0.05; done"
        with pytest.raises(CommandTimeout):
            HOST.run(sh(script, timeout=0.5), on_output=lambda _, data: heard.extend(data))
        assert heard.endswith(b"cleaned\n")

    def test_keyboard_interrupt_ends_the_command(self) -> None:
        seen = bytearray()

        def interrupt(_: str, data: bytes) -> None:
            seen.extend(data)
            os.kill(os.getpid(), signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            HOST.run(sh("sleep 300 & echo $! $$; wait"), on_output=interrupt)
        assert not any(living(int(pid)) for pid in seen.split())

    def test_a_pipeline_is_ended_as_a_whole(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        with pytest.raises(CommandTimeout):
            HOST.run(Pipeline((sh("exec sleep 300"), Command(("cat",))), stdout_file=str(out), timeout=0.2))
        assert not out.exists()


class TestPipeline:
    def test_joins(self, tmp_path: Path) -> None:
        source, target = tmp_path / "in -put", tmp_path / "out 'put'"
        source.write_bytes(os.urandom(3_000_000))
        HOST.run(
            Pipeline(
                (Command(("gzip", "-1")), Command(("gunzip",))),
                stdin_file=str(source),
                stdout_file=str(target),
            )
        )
        assert target.read_bytes() == source.read_bytes()
        assert target.stat().st_mode & 0o7777 == 0o600

    def test_stdin_and_stdout_by_bytes(self) -> None:
        pipeline = Pipeline(
            (Command(("cat",), stdin=b"b\na\n"), Command(("sort",)), Command(("head", "-n", "1")))
        )
        result = HOST.run(pipeline)
        assert (result.code, result.stdout) == (0, b"a\n")

    @pytest.mark.parametrize("position", [0, 1, 2])
    def test_any_member_can_fail_it(self, tmp_path: Path, position: int) -> None:
        out = tmp_path / "out"
        members = [
            Command(("cat",), stdin=b"data" if position else None),
            Command(("cat",)),
            Command(("cat",)),
        ]
        members[position] = sh("cat > /dev/null; echo the reason >&2; exit 5")
        with pytest.raises(CommandFailed) as caught:
            HOST.run(Pipeline(tuple(members), stdout_file=str(out)))
        assert caught.value.code == 5
        assert caught.value.tail == "the reason"
        assert f"The unfinished {out} has been removed" in str(caught.value)
        assert not out.exists()
        result = HOST.run(Pipeline(tuple(members), stdout_file=str(out)), check=False)
        assert (result.code, result.failed) == (5, "sh")
        assert not out.exists()

    @pytest.mark.parametrize("writer", ["yes", "tar cf - /usr/lib", "python"])
    def test_a_writer_without_reader_is_not_the_culprit(self, writer: str) -> None:
        words = {"python": (sys.executable, "-c", "while True: print('x' * 65536)")}.get(
            writer, tuple(writer.split())
        )
        with pytest.raises(CommandFailed) as caught:
            HOST.run(Pipeline((Command(words), Command(("cat",)), sh("echo no room >&2; exit 9"))))
        assert (caught.value.code, caught.value.tail) == (9, "no room")

    def test_a_writer_cut_off_while_the_reader_is_content_has_failed(self) -> None:
        pipeline = Pipeline((Command(("yes",)), Command(("head", "-n", "1"))))
        with pytest.raises(CommandFailed, match="yes was ended by SIGPIPE"):
            HOST.run(pipeline)
        allowed = Pipeline((Command(("yes",), expect=(0, -13)), Command(("head", "-n", "1"))))
        assert HOST.run(allowed).stdout == b"y\n"

    def test_missing_member_starts_nothing(self, tmp_path: Path) -> None:
        trace, out = tmp_path / "trace", tmp_path / "out"
        with pytest.raises(CommandNotFound):
            HOST.run(
                Pipeline(
                    (Command(("touch", str(trace))), Command(("no-such-program",))), stdout_file=str(out)
                )
            )
        assert not trace.exists()
        assert not out.exists()

    def test_member_that_cannot_start_ends_the_others(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        before = open_descriptors()
        with pytest.raises(CommandNotFound):
            HOST.run(Pipeline((Command(("yes",)), Command(("/no/such",))), stdout_file=str(out)))
        assert not out.exists()
        assert open_descriptors() == before
        assert not [line for line in _children() if line == "yes"]

    def test_an_existing_output_is_never_touched(self, tmp_path: Path) -> None:
        out, link = tmp_path / "out", tmp_path / "link"
        out.write_text("older backup")
        link.symlink_to(tmp_path / "elsewhere")
        for path in (out, link):
            with pytest.raises(HostError, match="exists already"):
                HOST.run(Pipeline((Command(("echo",)),), stdout_file=str(path)))
        assert out.read_text() == "older backup"
        assert link.is_symlink()
        assert not (tmp_path / "elsewhere").exists()

    def test_an_output_without_directory_and_an_input_that_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(HostError, match=r"cannot create .*no such file"):
            HOST.run(Pipeline((Command(("echo",)),), stdout_file=str(tmp_path / "no" / "out")))
        with pytest.raises(HostError, match=r"cannot read .*no such file"):
            HOST.run(Pipeline((Command(("cat",)),), stdin_file=str(tmp_path / "none")))
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(HostError, match="not a regular file"):
            HOST.run(Pipeline((Command(("cat",)),), stdin_file=str(tmp_path / "fifo")))

    @as_root
    def test_a_full_disk_is_recognised(self, small_disk: Path) -> None:
        out = small_disk / "dump"
        with pytest.raises(CommandFailed, match=r"the disk of .*dump is full, .* free") as caught:
            HOST.run(
                Pipeline(
                    (Command(("head", "-c", "1000000", "/dev/urandom")), Command(("cat",))),
                    stdout_file=str(out),
                )
            )
        assert "Free some space" in str(caught.value)
        assert not out.exists()


def _children() -> list[str]:
    told = subprocess.run(
        ["ps", "-o", "comm=", "--ppid", str(os.getpid())], capture_output=True, check=False, text=True
    )
    return told.stdout.split()


@as_root
class TestRunAs:
    def test_account_environment_and_directory(self, open_directory: Path) -> None:
        result = HOST.run(
            sh('id -un; pwd; printf "%s" "$A"', user="nobody", cwd=str(open_directory), env={"A": NASTY[2]})
        )
        assert result.text == f"nobody\n{open_directory}\n{NASTY[2]}"

    def test_arguments_arrive_byte_for_byte(self) -> None:
        result = HOST.run(sh('printf "%s\\0" "$@"', *NASTY, user="nobody"))
        assert result.stdout == b"".join(os.fsencode(f"{word}\0") for word in NASTY)

    def test_without_a_directory_it_stands_where_everyone_may(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tmp_path.chmod(0o700)
        monkeypatch.chdir(tmp_path)
        assert HOST.run(Command(("pwd",), user="nobody")).text == "/\n"

    def test_codes_and_timeouts_pass_through(self) -> None:
        with pytest.raises(CommandFailed) as caught:
            HOST.run(sh("exit 42", user="nobody"))
        assert caught.value.code == 42
        seen = bytearray()
        with pytest.raises(CommandTimeout):
            HOST.run(
                sh("echo $$; exec sleep 300", user="nobody", timeout=0.5),
                on_output=lambda _, data: seen.extend(data),
            )
        assert not living(int(seen.split()[0]))
        assert not [name for name in _children() if name == "runuser"]

    @pytest.mark.parametrize("user", ["no-such-account", "-x", "", "root; id", "a\nb"])
    def test_unknown_account(self, user: str) -> None:
        with pytest.raises(HostError, match="there is no account"):
            HOST.run(Command(("id",), user=user))

    def test_program_that_only_the_other_account_lacks(self) -> None:
        for command in (Command(("no-such-program",), user="nobody"), Command(("/no/such",), user="nobody")):
            with pytest.raises(CommandNotFound):
                HOST.run(command)
        assert HOST.which("sh", user="nobody") == shutil.which("sh")
        assert HOST.which("no-such-program", user="nobody") is None
        assert HOST.which("cd", user="nobody") is None

    def test_sudo_that_asks_for_a_password(self) -> None:
        said = as_account("nobody", lambda: HOST.run(Command(("id",), user="daemon"), check=False))
        assert said.startswith("HostError: localhost: nobody may not run id as daemon")
        assert "NOPASSWD" in said

    def test_sudo_that_is_allowed(self, tmp_path: Path) -> None:
        """The real sudo with a sudoers file of its own, in a mount namespace of its own."""
        closed = Path(tempfile.mkdtemp(dir="/var/tmp"))
        shutil.chown(closed, "daemon")
        sudoers = tmp_path / "sudoers"
        sudoers.write_text("nobody ALL=(daemon) NOPASSWD: ALL\n")
        sudoers.chmod(0o440)

        def with_sudoers() -> None:
            import ctypes

            assert ctypes.CDLL(None, use_errno=True).unshare(0x00020000) == 0  # CLONE_NEWNS
            subprocess.run(["mount", "--make-rprivate", "/"], check=True)
            subprocess.run(["mount", "--bind", str(sudoers), "/etc/sudoers"], check=True)

        def work() -> str:
            told = HOST.run(
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
                    HOST.run(command)
                except HostError as error:
                    errors.append(f"{type(error).__name__} {error.what}")
            return "\n".join((told, *errors, *_children()))

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
    def test_ends_what_a_killed_dfwizard_left(self, tmp_path: Path) -> None:
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
            assert HOST.end_marked(mark) >= 3
            assert not any(living(pid) for pid in pids)
            assert living(other.pid)
            assert HOST.end_marked(mark) == 0
        finally:
            other.kill()
            other.wait()

    def test_a_zombie_does_not_count_and_holds_up_nothing(self) -> None:
        mark = f"zombie-{os.getpid()}-{time.monotonic_ns()}"
        child = subprocess.Popen(["sleep", "300"], env={**os.environ, "DFWIZARD_RUN": mark})
        assert HOST.end_marked(mark) == 1  # it is a zombie now, for we have not waited
        assert HOST.end_marked(mark) == 0
        assert child.wait() == -signal.SIGTERM

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

    @as_root
    def test_the_mark_passes_through_runuser(self) -> None:
        result = HOST.run(sh("tr '\\0' '\\n' < /proc/self/environ", user="nobody"), mark="run 1 'x'")
        assert "DFWIZARD_RUN=run 1 'x'" in result.text.splitlines()

    @pytest.mark.parametrize("mark", ["", "a\0b"])
    def test_marks_that_cannot_be(self, mark: str) -> None:
        with pytest.raises(HostError):
            HOST.end_marked(mark)


class TestLooking:
    def test_stat(self, tmp_path: Path) -> None:
        file, link = tmp_path / NASTY[2], tmp_path / "link"
        file.write_bytes(b"12345")
        file.chmod(0o2640)
        link.symlink_to(file)
        found = HOST.stat(str(file))
        assert found is not None
        assert (found.kind, found.mode, found.size, found.uid) == ("file", 0o2640, 5, os.geteuid())
        assert found.owner == HOST.user
        assert (found.inode, found.device) == (file.stat().st_ino, file.stat().st_dev)
        assert getattr(HOST.stat(str(link)), "kind", None) == "symlink"
        assert HOST.stat(str(link), follow=True) == found
        assert getattr(HOST.stat(str(tmp_path)), "kind", None) == "directory"
        assert getattr(HOST.stat("/dev/null"), "kind", None) == "other"
        assert HOST.stat(str(tmp_path / "none")) is None
        assert HOST.stat(str(file / "below")) is None

    @as_root
    def test_numbers_without_names(self, tmp_path: Path) -> None:
        os.chown(tmp_path, 61234, 61235)
        found = HOST.stat(str(tmp_path))
        assert found is not None
        assert (found.owner, found.group) == ("61234", "61235")

    def test_read(self, tmp_path: Path) -> None:
        file = tmp_path / "-file"
        file.write_bytes(bytes(range(100)))
        path = str(file)
        assert HOST.read(path) == bytes(range(100))
        assert HOST.read(path, limit=3) == b"\0\1\2"
        assert HOST.read(path, limit=3, offset=50) == bytes((50, 51, 52))
        assert HOST.read(path, offset=-2) == bytes((98, 99))
        assert HOST.read(path, offset=-1000, limit=1) == b"\0"
        assert HOST.read(path, offset=1000) == b""
        assert HOST.read("/proc/self/stat", limit=3) == f"{os.getpid()} "[:3].encode()

    @pytest.mark.parametrize("what", ["read", "listdir", "size_of"])
    def test_what_is_not_there(self, what: str, tmp_path: Path) -> None:
        with pytest.raises(HostError, match=r"localhost: cannot .*none: no such file or directory"):
            getattr(HOST, what)(str(tmp_path / "none"))

    @pytest.mark.parametrize("what", ["stat", "read", "listdir", "size_of", "free_bytes", "mkdir", "remove"])
    def test_paths_that_cannot_be(self, what: str) -> None:
        for path in ("/tmp/a\0b", "/tmp/\ud800", "/tmp/" + "x" * 300):
            with pytest.raises(HostError, match="cannot"):
                getattr(HOST, what)(path)

    def test_what_cannot_be_read(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "loop").symlink_to("loop")
        with pytest.raises(HostError, match="not a regular file"):
            HOST.read(str(tmp_path / "fifo"))
        with pytest.raises(HostError, match="it is a directory"):
            HOST.read(str(tmp_path))
        with pytest.raises(HostError, match="symlink leads back"):
            HOST.read(str(tmp_path / "loop"))
        with pytest.raises(HostError, match="not a directory"):
            HOST.listdir(str(tmp_path / "fifo"))

    def test_listdir(self, tmp_path: Path) -> None:
        for name in NASTY:
            (tmp_path / name).touch()
        assert HOST.listdir(str(tmp_path)) == tuple(sorted(NASTY))

    def test_size_of_agrees_with_du(self, tmp_path: Path) -> None:
        for name in NASTY:
            (tmp_path / name).mkdir()
            (tmp_path / name / "file").write_bytes(b"x" * 10_000)
        (tmp_path / "hard").hardlink_to(tmp_path / NASTY[0] / "file")
        (tmp_path / "soft").symlink_to("/usr")
        with (tmp_path / "sparse").open("wb") as file:
            file.truncate(5_000_000)
        told = subprocess.run(["du", "-sbx", str(tmp_path)], capture_output=True, check=True).stdout
        assert HOST.size_of(str(tmp_path)) == int(told.split()[0])
        assert HOST.size_of(str(tmp_path / "sparse")) == 5_000_000

    @as_root
    def test_size_of_stays_on_the_filesystem(self, small_disk: Path) -> None:
        (small_disk / "file").write_bytes(b"x" * 100_000)
        assert HOST.size_of(str(small_disk.parent)) < 50_000

    @as_root
    def test_free_bytes(self, small_disk: Path) -> None:
        free = HOST.free_bytes(str(small_disk))
        assert 200_000 < free <= 262_144
        assert HOST.free_bytes(str(small_disk / "not" / "yet")) == free
        (small_disk / "file").write_bytes(b"x" * 100_000)
        assert HOST.free_bytes(str(small_disk / "file" / "below")) < free
        (small_disk.parent / "link").symlink_to(small_disk / "later")
        assert HOST.free_bytes(str(small_disk.parent / "link")) < free

    def test_which(self) -> None:
        assert HOST.which("sh") == shutil.which("sh")
        assert HOST.which("no-such-program") is None
        assert HOST.which("") is None


class TestWriting:
    def test_new_and_replaced(self, tmp_path: Path) -> None:
        for name in NASTY:
            path = tmp_path / name
            HOST.write(str(path), b"first")
            assert path.read_bytes() == b"first"
            assert path.stat().st_mode & 0o7777 == 0o600
            inode = path.stat().st_ino
            HOST.write(str(path), b"second\xff", mode=0o2664)
            assert path.read_bytes() == b"second\xff"
            assert path.stat().st_mode & 0o7777 == 0o2664
            assert path.stat().st_ino != inode
        assert names(tmp_path) == sorted(NASTY)

    @as_root
    def test_owner_and_group(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        HOST.write(str(path), b"x", owner="nobody", group="daemon", mode=0o4755)
        found = HOST.stat(str(path))
        assert found is not None
        assert (found.owner, found.group, found.mode) == ("nobody", "daemon", 0o4755)
        HOST.write(str(path), b"x", owner="61234", group="61235")
        assert (path.stat().st_uid, path.stat().st_gid) == (61234, 61235)
        for owner, group in (("no-such-account", None), (None, "no-such-group"), ("a\0b", None)):
            with pytest.raises(HostError, match="there is no"):
                HOST.write(str(path), b"y", owner=owner, group=group)
        assert path.read_bytes() == b"x"

    @as_root
    def test_without_root_nothing_can_be_given_away(self, open_directory: Path) -> None:
        path = str(open_directory / "file")
        assert (
            as_account("nobody", lambda: HOST.write(path, b"mine", owner="nobody", group="nogroup")) == "None"
        )
        said = as_account("nobody", lambda: HOST.write(path, b"given", owner="daemon"))
        assert said.startswith(f"HostError: localhost: only root can give {path} to daemon")
        said = as_account("nobody", lambda: HOST.mkdir(str(open_directory / "new"), group="daemon"))
        assert said.startswith("HostError: localhost: only root can give")
        assert names(open_directory) == ["file"]
        assert Path(path).read_bytes() == b"mine"

    def test_a_symlink_stays_and_its_target_is_replaced(self, tmp_path: Path) -> None:
        real, link, chain = tmp_path / "real" / "env", tmp_path / "link", tmp_path / "chain"
        real.parent.mkdir()
        real.write_bytes(b"old")
        link.symlink_to("real/env")
        chain.symlink_to(link)
        HOST.write(str(chain), b"new")
        assert real.read_bytes() == b"new"
        assert link.is_symlink()
        assert chain.is_symlink()
        assert names(real.parent) == ["env"]
        dangling = tmp_path / "dangling"
        dangling.symlink_to("real/later")
        HOST.write(str(dangling), b"there")
        assert (real.parent / "later").read_bytes() == b"there"

    def test_what_cannot_be_replaced(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "loop").symlink_to("loop")
        (tmp_path / "directory").mkdir()
        for name, reason in (
            ("fifo", "not a regular file"),
            ("loop", "leads back to itself"),
            ("directory", "it is a directory"),
            ("none/file", "no such file"),
            ("fifo/file", "not a directory"),
        ):
            with pytest.raises(HostError, match=reason):
                HOST.write(str(tmp_path / name), b"x")
        assert names(tmp_path) == ["directory", "fifo", "loop"]

    @as_root
    def test_a_full_disk_leaves_the_old_file(self, small_disk: Path) -> None:
        path = small_disk / "env"
        path.write_bytes(b"old")
        with pytest.raises(HostError, match=r"the disk of .* is full, .* free"):
            HOST.write(str(path), b"x" * 1_000_000)
        assert path.read_bytes() == b"old"
        assert names(small_disk) == ["env"]

    def test_attributes_are_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        try:
            os.setxattr(path, "user.note", b"kept")
        except OSError:
            pytest.skip("this filesystem has no extended attributes")
        HOST.write(str(path), b"new")
        assert os.getxattr(path, "user.note") == b"kept"

    def test_mkdir(self, tmp_path: Path) -> None:
        path = tmp_path / "a b" / "-c" / "d\n"
        HOST.mkdir(str(path), mode=0o750)
        assert [p.stat().st_mode & 0o7777 for p in (path, path.parent, path.parent.parent)] == [0o750] * 3
        HOST.mkdir(str(path), mode=0o700)
        assert path.stat().st_mode & 0o7777 == 0o750
        (tmp_path / "file").touch()
        for name in ("file", "file/below"):
            with pytest.raises(HostError, match="not a directory"):
                HOST.mkdir(str(tmp_path / name))

    def test_mkdir_that_fails_half_way_leaves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(HostError, match="name is too long"):
            HOST.mkdir(str(tmp_path / "a" / "b" / ("x" * 300) / "c"))
        assert names(tmp_path) == []

    @as_root
    def test_mkdir_owner_and_setgid(self, tmp_path: Path) -> None:
        os.chown(tmp_path, -1, 1)
        tmp_path.chmod(0o2775)
        HOST.mkdir(str(tmp_path / "x" / "y"), owner="nobody", mode=0o775)
        for place in (tmp_path / "x", tmp_path / "x" / "y"):
            found = place.stat()
            assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (65534, 1, 0o2775)

    def test_rename(self, tmp_path: Path) -> None:
        source, target = tmp_path / NASTY[2], tmp_path / NASTY[1]
        source.mkdir()
        (source / "file").touch()
        target.mkdir()
        HOST.rename(str(source), str(target))
        assert (target / "file").exists()
        source.mkdir()
        with pytest.raises(HostError, match=r"cannot rename .*not empty"):
            HOST.rename(str(source), str(target))
        with pytest.raises(HostError, match="no such file"):
            HOST.rename(str(tmp_path / "none"), str(tmp_path / "x"))

    @as_root
    def test_rename_across_filesystems(self, small_disk: Path) -> None:
        (small_disk / "file").touch()
        with pytest.raises(HostError, match="different filesystems"):
            HOST.rename(str(small_disk / "file"), str(small_disk.parent / "file"))


class TestRemoving:
    def test_files_links_and_trees(self, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "precious").touch()
        for name in NASTY:
            tree = tmp_path / "trees" / name
            (tree / "deep" / name).mkdir(parents=True)
            (tree / "link").symlink_to(outside)
            HOST.remove(str(tree))
            assert not os.path.lexists(tree)
        for path in ("link", "link/"):
            (tmp_path / "link").symlink_to(outside)
            HOST.remove(str(tmp_path / path))
            assert not os.path.lexists(tmp_path / "link")
        os.mkfifo(tmp_path / "fifo")
        HOST.remove(str(tmp_path / "fifo"))
        HOST.remove(str(tmp_path / "fifo"))
        HOST.remove(str(outside / "precious" / "below"))
        assert (outside / "precious").exists()
        assert names(tmp_path) == ["outside", "trees"]

    def test_a_relative_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "-r" / "x").mkdir(parents=True)
        HOST.remove("-r")
        assert names(tmp_path) == []

    @pytest.mark.parametrize("path", ["/", "/.", "//", ".", "..", "/tmp/.."])
    def test_what_nobody_means(self, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "file").touch()
        with pytest.raises(HostError, match="will not remove"):
            HOST.remove(path)
        assert (tmp_path / "file").exists()

    def test_a_very_deep_tree(self, tmp_path: Path) -> None:
        script = 'mkdir "$1" && cd "$1" && i=0; while [ $i -lt 600 ]; do mkdir deeeeep; cd -P deeeeep || exit 1; i=$((i+1)); done'
        HOST.run(sh(script, str(tmp_path / "top")))
        HOST.remove(str(tmp_path / "top"))
        assert names(tmp_path) == []

    @as_root
    def test_a_mount_point_is_refused_before_anything_is_gone(self, small_disk: Path) -> None:
        (small_disk / "file").touch()
        (small_disk.parent / "other").touch()
        for path in (small_disk, small_disk.parent):
            with pytest.raises(HostError, match="mount point; nothing has been removed"):
                HOST.remove(str(path))
        bound = small_disk.parent / "bound\nhere"
        bound.mkdir()
        subprocess.run(["mount", "--bind", str(small_disk.parent), str(bound)], check=True)
        try:
            with pytest.raises(HostError, match="mount point"):
                HOST.remove(str(bound))
        finally:
            subprocess.run(["umount", str(bound)], check=True)
        assert (small_disk / "file").exists()
        assert (small_disk.parent / "other").exists()

    @as_root
    def test_read_only_directories_of_ones_own(self, open_directory: Path) -> None:
        def work() -> None:
            (open_directory / "tree" / "locked").mkdir(parents=True)
            (open_directory / "tree" / "locked" / "file").touch()
            (open_directory / "tree" / "locked").chmod(0)
            HOST.remove(str(open_directory / "tree"))

        assert as_account("nobody", work) == "None"
        assert names(open_directory) == []

    @as_root
    def test_what_may_not_be_removed(self, open_directory: Path) -> None:
        (open_directory / "theirs" / "sub").mkdir(parents=True)
        (open_directory / "theirs" / "sub" / "file").touch()
        said = as_account("nobody", lambda: HOST.remove(str(open_directory / "theirs")))
        assert said.startswith("HostError: localhost: could not remove all of")
        assert "Permission denied" in said
        assert (open_directory / "theirs" / "sub" / "file").exists()
