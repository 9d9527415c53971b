"""LocalHost running commands and pipelines: real processes, through the Host protocol."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from dfwizard.errors import CommandFailed, CommandNotFound, CommandTimeout, HostError
from dfwizard.hosts import process
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command, Pipeline, Secret
from tests.unit.real_host import NASTY, as_root, children, living, open_descriptors, sh


class TestRun:
    def test_gives_output_code_and_time(self, host: Host) -> None:
        result = host.run(sh("echo out; echo err >&2; exit 3", expect=(0, 3)))
        assert (result.code, result.stdout, result.stderr, result.failed) == (3, b"out\n", b"err\n", None)
        assert 0 < result.seconds < 60

    def test_failure_names_host_command_code_and_last_lines(self, host: Host) -> None:
        script = 'printf "\\033[31mred\\033[0m\\n\\n1%%\\r99%%\\n" >&2; seq 40; exit 7'
        with pytest.raises(CommandFailed) as caught:
            host.run(sh(script), keep=0)
        assert caught.value.code == 7
        assert caught.value.tail.splitlines() == [*map(str, range(23, 41)), "red", "99%"]
        assert str(caught.value).startswith(f"{host.name}: sh -c ")
        assert "ended with code 7" in str(caught.value)

    def test_unchecked_failure_is_in_the_result(self, host: Host) -> None:
        result = host.run(sh("kill -KILL $$"), check=False)
        assert (result.code, result.failed) == (-9, "sh")

    def test_signal_is_named(self, host: Host) -> None:
        with pytest.raises(CommandFailed, match="was ended by SIGKILL"):
            host.run(sh("kill -KILL $$"))

    def test_arguments_environment_and_directory_arrive_byte_for_byte(
        self, host: Host, tmp_path: Path
    ) -> None:
        place = tmp_path / "a 'b'\n\udcff"
        place.mkdir()
        result = host.run(
            sh('printf "%s\\0" "$@" "$VALUE"; pwd', *NASTY, env={"VALUE": NASTY[2]}, cwd=str(place))
        )
        assert result.stdout == b"".join(
            os.fsencode(f"{word}\0") for word in (*NASTY, NASTY[2])
        ) + os.fsencode(f"{place}\n")

    def test_is_the_leader_of_a_session_of_its_own(self, host: Host) -> None:
        fields = host.run(sh("cat /proc/$$/stat")).text.rpartition(")")[2].split()
        pid = int(host.run(sh("echo $$")).text)
        assert fields[2] == fields[3]
        assert int(fields[3]) != os.getsid(0)
        assert pid != os.getpid()

    def test_stdin_is_empty_unless_given(self, host: Host) -> None:
        assert host.run(Command(("cat",))).stdout == b""
        assert host.run(Command(("cat",), stdin=b"a\0\xff")).stdout == b"a\0\xff"
        assert host.run(Command(("cat",), stdin=Secret(b"hidden"))).stdout == b"hidden"
        assert host.run(Command(("cat",), stdin=b"")).stdout == b""

    def test_big_stdin_flows_against_big_stdout(self, host: Host) -> None:
        data = os.urandom(1 << 20) * 12
        assert host.run(Command(("cat",), stdin=data), keep=len(data)).stdout == data

    def test_a_program_that_does_not_read_its_stdin_is_no_error(self, host: Host) -> None:
        assert host.run(Command(("true",), stdin=b"x" * (1 << 22))).code == 0

    def test_output_comes_as_it_is_written(self, host: Host, tmp_path: Path) -> None:
        """The program waits for an answer that only the first chunk brings about."""
        fifo = tmp_path / "answer"
        os.mkfifo(fifo)
        seen: list[tuple[str, bytes]] = []

        def answer(stream: str, data: bytes) -> None:
            seen.append((stream, data))
            if data == b"ready?":
                fifo.write_text("yes\n")

        host.run(
            sh('printf "ready?"; read -r line < "$1"; echo "$line" >&2', str(fifo), timeout=20),
            on_output=answer,
        )
        assert seen == [("stdout", b"ready?"), ("stderr", b"yes\n")]

    def test_ten_megabytes_in_one_line_that_never_ends(self, host: Host) -> None:
        chunks: list[int] = []
        result = host.run(
            Command(("head", "-c", "10000000", "/dev/zero")),
            on_output=lambda _, data: chunks.append(len(data)),
            keep=100,
        )
        assert sum(chunks) == 10_000_000
        assert max(chunks) <= process.CHUNK
        assert result.stdout == b"\0" * 100

    def test_only_the_last_bytes_are_kept(self, host: Host) -> None:
        result = host.run(sh("seq 100000; seq 5 >&2"), keep=12)
        assert result.stdout == b"99999\n100000\n"[-12:]
        assert result.stderr == b"1\n2\n3\n4\n5\n"
        assert host.run(sh("seq 100000"), keep=0).stdout == b""

    def test_bytes_that_are_not_text(self, host: Host) -> None:
        result = host.run(sh("head -c 300000 /dev/urandom; printf '\\377\\376'; exit 1"), check=False)
        assert result.stdout.endswith(b"\xff\xfe")
        assert "�" in result.text
        with pytest.raises(CommandFailed) as caught:
            host.run(sh("printf 'a\\377\\033[2J\\000b' >&2; exit 1"))
        assert caught.value.tail == "a��b"

    def test_a_grandchild_that_never_stops_writing_holds_up_nothing(self, host: Host) -> None:
        result = host.run(sh("yes >&2 & echo $!"))
        assert result.seconds < 30
        while living(int(result.text)):  # SIGPIPE ends it, now that nobody reads
            os.sched_yield()

    def test_everything_written_before_the_end_is_there(self, host: Host) -> None:
        slow: list[bytes] = []

        def take(_: str, data: bytes) -> None:
            slow.append(data)
            time.sleep(process.LINGER)  # a slow reader, not a wait

        host.run(sh("sleep 300 & head -c 300000 /dev/zero; kill $!"), on_output=take)
        assert sum(map(len, slow)) == 300_000

    def test_a_full_pipe_is_emptied_although_a_grandchild_keeps_it_open(self, host: Host) -> None:
        """A pipe may hold more than one chunk, and the listener be too slow to take all while the end lingers."""
        taken: list[int] = []

        def take(_: str, data: bytes) -> None:
            taken.append(len(data))
            time.sleep(process.LINGER)  # a slow reader, not a wait

        script = (
            "import fcntl, os, subprocess; size = fcntl.fcntl(1, 1031, 500000);"  # F_SETPIPE_SZ
            "kept = subprocess.Popen(['sleep', '300'], stderr=subprocess.DEVNULL);"
            "os.write(1, f'{kept.pid:10}'.encode() + bytes(size - 10)); os._exit(0)"
        )
        result = host.run(Command((sys.executable, "-c", script)), on_output=take)
        os.kill(int(result.stdout[:10]), signal.SIGKILL)
        assert sum(taken) == len(result.stdout) >= 500_000

    def test_an_error_of_the_listener_ends_the_command(self, host: Host) -> None:
        seen: list[bytes] = []

        def fail(_: str, data: bytes) -> None:
            seen.append(data)
            raise RuntimeError("the screen is gone")

        before = open_descriptors()
        with pytest.raises(RuntimeError, match="the screen is gone"):
            host.run(sh("echo $$; exec sleep 300"), on_output=fail)
        assert not living(int(seen[0]))
        assert open_descriptors() == before


class TestRunHere:
    """What only this machine has to show."""

    def test_messages_are_english_whatever_the_locale(
        self, host: Host, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LANG", "de_DE.UTF-8")
        monkeypatch.setenv("LANGUAGE", "de")
        seen = host.run(sh("echo $LC_ALL-$LANGUAGE")).text
        assert seen == "C.UTF-8-\n"
        assert host.run(sh("echo $LC_ALL", env={"LC_ALL": "C"})).text == "C\n"

    @pytest.mark.parametrize("watch", ["pidfd", "thread"])
    def test_a_grandchild_that_keeps_the_output_open_holds_up_nothing(
        self, host: Host, watch: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if watch == "thread":
            monkeypatch.delattr(os, "pidfd_open")
        before = open_descriptors()
        result = host.run(sh("sleep 300 & echo $!"))
        pid = int(result.text)
        try:
            assert result.seconds < 30
            assert living(pid)
            assert open_descriptors() == before
        finally:
            os.kill(pid, signal.SIGKILL)


class TestRefusals:
    def test_missing_program(self, host: Host) -> None:
        with pytest.raises(CommandNotFound, match="no-such-program is not on the PATH"):
            host.run(Command(("no-such-program",)))
        with pytest.raises(CommandNotFound, match="there is no program /no/such"):
            host.run(Command(("/no/such",)))

    def test_missing_program_names_its_package(self, host: Host, tmp_path: Path) -> None:
        command = Command(("mysqldump",), env={"PATH": str(tmp_path)})
        with pytest.raises(CommandNotFound, match="apt-get install default-mysql-client"):
            host.run(command)

    def test_missing_interpreter(self, host: Host, tmp_path: Path) -> None:
        script = tmp_path / "script"
        script.write_text("#!/no/such/php\n")
        script.chmod(0o755)
        with pytest.raises(CommandNotFound, match="not the interpreter"):
            host.run(Command((str(script),)))

    def test_not_a_program(self, host: Host, tmp_path: Path) -> None:
        text = tmp_path / "text"
        text.write_bytes(b"\x7fELF nonsense")
        text.chmod(0o644)
        with pytest.raises(HostError, match="permission denied"):
            host.run(Command((str(text),)))
        text.chmod(0o755)
        with pytest.raises(HostError, match="not a program"):
            host.run(Command((str(text),)))

    @pytest.mark.parametrize(
        ("name", "reason"), [("missing", "does not exist"), ("file", "is not a directory")]
    )
    def test_directory(self, host: Host, tmp_path: Path, name: str, reason: str) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(HostError, match=f"cannot work in .*{name}: it {reason}"):
            host.run(Command(("true",), cwd=str(tmp_path / name)))

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
    def test_impossible_commands(self, host: Host, command: Command) -> None:
        with pytest.raises(HostError):
            host.run(command)

    def test_impossible_pipelines(self, host: Host) -> None:
        with pytest.raises(HostError, match="without a program"):
            host.run(Pipeline(()))
        with pytest.raises(HostError, match="only the first"):
            host.run(Pipeline((Command(("cat",)), Command(("cat",), stdin=b"x"))))
        with pytest.raises(HostError, match="only the first"):
            host.run(Pipeline((Command(("cat",), stdin=b"x"),), stdin_file="/etc/passwd"))

    def test_secrets_stay_out_of_messages(self, host: Host) -> None:
        with pytest.raises(CommandFailed) as caught:
            host.run(sh("cat > /dev/null; exit 1", stdin=Secret(b"S3cret pa$$")))
        assert "S3cret" not in str(caught.value)
        assert "S3cret" not in repr(caught.value.__dict__)


class TestEnding:
    def test_timeout_says_which_and_how_long(self, host: Host) -> None:
        with pytest.raises(CommandTimeout, match=r"took longer than 0\.2 s") as caught:
            host.run(sh("echo working on it; exec sleep 300", timeout=0.2))
        assert "working on it" in str(caught.value)
        assert "sleep 300" in str(caught.value)

    def test_timeout_endschildren_and_what_changed_its_session(self, host: Host) -> None:
        seen = bytearray()
        script = "sleep 300 & echo $!; setsid sleep 300 & echo $!; timeout 300 sleep 300 & echo $!; wait"
        with pytest.raises(CommandTimeout):
            host.run(sh(script, timeout=0.5), on_output=lambda _, data: seen.extend(data))
        pids = [int(line) for line in seen.split()]
        assert len(pids) == 3
        assert not any(living(pid) for pid in pids)

    def test_what_ignores_term_is_killed(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(process, "TERM_GRACE", 0.3)
        seen = bytearray()
        with pytest.raises(CommandTimeout):
            host.run(
                sh("trap '' TERM; echo $$; while :; do sleep 1; done", timeout=0.2),
                on_output=lambda _, d: seen.extend(d),
            )
        assert not living(int(seen.split()[0]))

    def test_what_cleans_up_on_term_may_do_so_and_be_heard(self, host: Host) -> None:
        heard = bytearray()
        script = "trap 'head -c 1000000 /dev/zero; echo cleaned; exit 1' TERM; echo ready; while :; do sleep 0.05; done"
        with pytest.raises(CommandTimeout):
            host.run(sh(script, timeout=0.5), on_output=lambda _, data: heard.extend(data))
        assert heard.endswith(b"cleaned\n")

    def test_keyboard_interrupt_ends_the_command(self, host: Host) -> None:
        seen = bytearray()

        def interrupt(_: str, data: bytes) -> None:
            seen.extend(data)
            os.kill(os.getpid(), signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            host.run(sh("sleep 300 & echo $! $$; wait"), on_output=interrupt)
        assert not any(living(int(pid)) for pid in seen.split())

    def test_a_pipeline_is_ended_as_a_whole(self, host: Host, tmp_path: Path) -> None:
        out = tmp_path / "out"
        with pytest.raises(CommandTimeout):
            host.run(Pipeline((sh("exec sleep 300"), Command(("cat",))), stdout_file=str(out), timeout=0.2))
        assert not out.exists()


class TestPipeline:
    def test_joins(self, host: Host, tmp_path: Path) -> None:
        source, target = tmp_path / "in -put", tmp_path / "out 'put'"
        source.write_bytes(os.urandom(3_000_000))
        host.run(
            Pipeline(
                (Command(("gzip", "-1")), Command(("gunzip",))),
                stdin_file=str(source),
                stdout_file=str(target),
            )
        )
        assert target.read_bytes() == source.read_bytes()
        assert target.stat().st_mode & 0o7777 == 0o600

    def test_stdin_and_stdout_by_bytes(self, host: Host) -> None:
        pipeline = Pipeline(
            (Command(("cat",), stdin=b"b\na\n"), Command(("sort",)), Command(("head", "-n", "1")))
        )
        result = host.run(pipeline)
        assert (result.code, result.stdout) == (0, b"a\n")

    @pytest.mark.parametrize("position", [0, 1, 2])
    def test_any_member_can_fail_it(self, host: Host, tmp_path: Path, position: int) -> None:
        out = tmp_path / "out"
        members = [
            Command(("cat",), stdin=b"data" if position else None),
            Command(("cat",)),
            Command(("cat",)),
        ]
        members[position] = sh("cat > /dev/null; echo the reason >&2; exit 5")
        with pytest.raises(CommandFailed) as caught:
            host.run(Pipeline(tuple(members), stdout_file=str(out)))
        assert caught.value.code == 5
        assert caught.value.tail == "the reason"
        assert f"The unfinished {out} has been removed" in str(caught.value)
        assert not out.exists()
        result = host.run(Pipeline(tuple(members), stdout_file=str(out)), check=False)
        assert (result.code, result.failed) == (5, "sh")
        assert not out.exists()

    @pytest.mark.parametrize("writer", ["yes", "tar cf - /usr/lib", "python"])
    def test_a_writer_without_reader_is_not_the_culprit(self, host: Host, writer: str) -> None:
        words = {"python": (sys.executable, "-c", "while True: print('x' * 65536)")}.get(
            writer, tuple(writer.split())
        )
        with pytest.raises(CommandFailed) as caught:
            host.run(Pipeline((Command(words), Command(("cat",)), sh("echo no room >&2; exit 9"))))
        assert (caught.value.code, caught.value.tail) == (9, "no room")

    def test_of_several_that_failed_the_first_is_the_culprit(self, host: Host) -> None:
        with pytest.raises(CommandFailed) as caught:
            host.run(Pipeline((sh("echo first >&2; exit 5"), sh("cat; echo second >&2; exit 9"))))
        assert (caught.value.code, caught.value.tail) == (5, "first")

    def test_a_writer_cut_off_while_the_reader_is_content_has_failed(self, host: Host) -> None:
        pipeline = Pipeline((Command(("yes",)), Command(("head", "-n", "1"))))
        with pytest.raises(CommandFailed, match="yes was ended by SIGPIPE"):
            host.run(pipeline)
        allowed = Pipeline((Command(("yes",), expect=(0, -13)), Command(("head", "-n", "1"))))
        assert host.run(allowed).stdout == b"y\n"

    def test_missing_member_starts_nothing(self, host: Host, tmp_path: Path) -> None:
        trace, out = tmp_path / "trace", tmp_path / "out"
        with pytest.raises(CommandNotFound):
            host.run(
                Pipeline(
                    (Command(("touch", str(trace))), Command(("no-such-program",))), stdout_file=str(out)
                )
            )
        assert not trace.exists()
        assert not out.exists()

    def test_member_that_cannot_start_ends_the_others(self, host: Host, tmp_path: Path) -> None:
        out = tmp_path / "out"
        before = open_descriptors()
        with pytest.raises(CommandNotFound):
            host.run(Pipeline((Command(("yes",)), Command(("/no/such",))), stdout_file=str(out)))
        assert not out.exists()
        assert open_descriptors() == before
        assert not [line for line in children() if line == "yes"]

    def test_an_existing_output_is_never_touched(self, host: Host, tmp_path: Path) -> None:
        out, link = tmp_path / "out", tmp_path / "link"
        out.write_text("older backup")
        link.symlink_to(tmp_path / "elsewhere")
        for path in (out, link):
            with pytest.raises(HostError, match="exists already"):
                host.run(Pipeline((Command(("echo",)),), stdout_file=str(path)))
        assert out.read_text() == "older backup"
        assert link.is_symlink()
        assert not (tmp_path / "elsewhere").exists()

    def test_an_output_without_directory_and_an_input_that_is_none(self, host: Host, tmp_path: Path) -> None:
        with pytest.raises(HostError, match=r"cannot create .*no such file"):
            host.run(Pipeline((Command(("echo",)),), stdout_file=str(tmp_path / "no" / "out")))
        with pytest.raises(HostError, match=r"cannot read .*no such file"):
            host.run(Pipeline((Command(("cat",)),), stdin_file=str(tmp_path / "none")))
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(HostError, match="not a regular file"):
            host.run(Pipeline((Command(("cat",)),), stdin_file=str(tmp_path / "fifo")))

    @as_root
    def test_a_full_disk_is_recognised(self, host: Host, small_disk: Path) -> None:
        out = small_disk / "dump"
        with pytest.raises(CommandFailed, match=r"the disk of .*dump is full, .* free") as caught:
            host.run(
                Pipeline(
                    (Command(("head", "-c", "1000000", "/dev/urandom")), Command(("cat",))),
                    stdout_file=str(out),
                )
            )
        assert "Free some space" in str(caught.value)
        assert not out.exists()
