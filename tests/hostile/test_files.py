"""Files of dfwizard's own: through nobody's symlink, private, whole or absent; a directory or socket of somebody else is refused."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dfwizard.backup.credentials import client_credentials
from dfwizard.errors import BackupError, DfwizardError, UsageError
from dfwizard.execution import control, durable
from dfwizard.execution.control import ControlServer, Desk
from dfwizard.execution.faults import keep_fault
from dfwizard.execution.store import Run, Store, require_ours
from dfwizard.hosts.command import Secret
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.database import DatabaseSettings
from tests.unit import samples

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes files of other accounts: needs root")
SETTINGS = DatabaseSettings("mysql", "d", "h", 3306, None, "u", Secret(b"S3cret"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    facts = samples.facts()
    return Store(state).create(samples.plan(facts, "7.1.0"), facts, host="localhost")


def as_nobody(work: Callable[[], bytes]) -> bytes:
    """Do `work` in a process of another account, and give what it gave."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        try:
            os.write(writing, work())
        except OSError as error:
            os.write(writing, f"{type(error).__name__}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as pipe:
        return pipe.read()


def test_everything_of_a_run_is_private(run: Run) -> None:
    run.write("x.json", "{}")
    for path in (run.directory, *run.directory.rglob("*"), run.directory.parent):
        assert stat.S_IMODE(path.lstat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(run: Run, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    (run.directory / "x.json").symlink_to(theirs)
    run.write("x.json", "ours")
    assert theirs.read_text() == "theirs"
    assert not (run.directory / "x.json").is_symlink()
    place = tmp_path / "errors"
    place.mkdir()
    (place / "errors.log").symlink_to(theirs)
    os.environ["DFWIZARD_STATE_DIR"] = str(place)
    try:
        assert keep_fault(ValueError("S3cret")) == ""
    finally:
        del os.environ["DFWIZARD_STATE_DIR"]
    assert theirs.read_text() == "theirs"


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    durable.write_file(path, b"old")

    def full(_fd: int, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, "write_all", full)
    with pytest.raises(OSError, match="No space"):
        durable.write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["x"]


@as_root
@pytest.mark.parametrize("how", ["owner", "mode", "link"])
def test_a_runs_directory_that_somebody_else_could_prepare_is_refused(
    run: Run, tmp_path: Path, how: str
) -> None:
    if how == "owner":
        os.chown(run.directory, NOBODY, NOBODY)
    elif how == "mode":
        run.directory.chmod(0o770)
    else:
        moved = tmp_path / "moved"
        run.directory.rename(moved)
        run.directory.symlink_to(moved)
    with pytest.raises(UsageError, match="not a directory of a run of yours"):
        require_ours(run.directory)
    store = Store(run.directory.parent.parent)
    assert store.list() == ()
    with pytest.raises(UsageError):
        store.find(run.id)


@as_root
@pytest.mark.parametrize("how", ["owner", "mode", "planted"])
def test_a_state_directory_of_somebody_else_takes_no_run(tmp_path: Path, how: str) -> None:
    state, facts = tmp_path / "state", samples.facts()
    state.mkdir(mode=0o700)
    if how == "owner":
        os.chown(state, NOBODY, NOBODY)
    elif how == "mode":
        state.chmod(0o777)
    else:
        link = tmp_path / "link"
        link.symlink_to(state)
        os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
        state = link
    with pytest.raises(UsageError, match="belongs to another account, or others may write in it"):
        Store(state).create(samples.plan(facts, "7.1.0"), facts, host="localhost")
    assert not list((tmp_path / "state").rglob("*.json"))


@as_root
def test_the_socket_answers_its_owner_and_nobody_else() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o711)
        answers_its_owner_alone(Path(directory) / "socket")


def answers_its_owner_alone(place: Path) -> None:
    desk = Desk()
    desk.publish(step="migrate")
    server = ControlServer(place, desk)
    try:
        assert stat.S_IMODE(place.lstat().st_mode) == 0o600
        assert control.ask(place, {"do": "status"})["step"] == "migrate"
        # Even where the file lets somebody in, the runner itself does not.
        place.chmod(0o777)

        def ask() -> bytes:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(5)
                connection.connect(str(place))
                connection.sendall(b'{"do": "decide", "decision": "rollback"}\n')
                return connection.recv(1000) or b"closed"

        assert as_nobody(ask) in (b"closed", b"ConnectionResetError", b"BrokenPipeError")
        assert control.ask(place, {"do": "status"})["pause"] is False
    finally:
        server.close()


@as_root
def test_a_socket_of_somebody_else_is_not_asked(tmp_path: Path) -> None:
    place = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(place))
        listener.listen()
        os.chown(place, NOBODY, NOBODY)
        with pytest.raises(UsageError, match="not a socket of a runner of yours"):
            control.ask(place, {"do": "status"})
    place.unlink()
    place.write_text("")
    with pytest.raises(DfwizardError):
        control.ask(place, {"do": "status"})


@as_root
@pytest.mark.parametrize("how", ["owner", "mode", "link"])
def test_a_password_is_put_into_no_directory_of_somebody_else(tmp_path: Path, how: str) -> None:
    private = tmp_path / "backup.private"
    private.mkdir(mode=0o700)
    if how == "owner":
        os.chown(private, NOBODY, NOBODY)
    elif how == "mode":
        private.chmod(0o770)
    else:
        private.rename(tmp_path / "elsewhere")
        private.symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(BackupError, match="not this account's alone"),
        client_credentials(LocalHost(), SETTINGS, str(private)),
    ):
        pass
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
