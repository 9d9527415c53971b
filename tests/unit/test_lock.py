"""Locks on filesystems that cannot lock a directory, where a file stands for the instance."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dfwizard.errors import HeldError, UsageError
from dfwizard.execution.lock import Lock


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold `path` as another process would: the kernel ties the lock to the open file, not to the process."""
    fd = os.open(path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        os.close(fd)


def no_directory_can_be_locked(monkeypatch: pytest.MonkeyPatch, *, error: int = errno.EBADF) -> None:
    """Let flock do what it does on NFS, which needs a file open for writing."""
    real = fcntl.flock

    def flock(fd: int, operation: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(error, os.strerror(error))
        real(fd, operation)

    monkeypatch.setattr("fcntl.flock", flock)


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    found = tmp_path / "instance", tmp_path / "restored", tmp_path / "locks"
    for path in found[:2]:
        path.mkdir()
    return found


@pytest.mark.parametrize("error", [errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_directory_that_cannot_be_locked_is_covered_by_the_instances_stand_in(
    places: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    instance, restored, locks = places
    no_directory_can_be_locked(monkeypatch, error=error)
    one, other = Lock(), Lock()
    one.take(instance, what="the instance", fallback=locks)
    one.hold_also(str(restored))
    restored.rename(instance.with_name("aside"))
    with pytest.raises(HeldError, match="holds the instance"):
        other.take(instance, what="the instance", fallback=locks)
    one.release()
    other.take(instance, what="the instance", fallback=locks)
    other.release()


def test_a_directory_that_another_process_holds_is_refused_also_beside_a_stand_in(
    places: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, restored, locks = places
    lock = Lock()
    with monkeypatch.context() as patched:
        no_directory_can_be_locked(patched)
        lock.take(instance, what="the instance", fallback=locks)
    with held(restored), pytest.raises(HeldError, match="restored"):
        lock.hold_also(str(restored))
    lock.release()


def test_a_directory_that_cannot_be_locked_is_refused_where_the_instance_could(
    places: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, restored, locks = places
    lock = Lock()
    lock.take(instance, what="the instance", fallback=locks)
    no_directory_can_be_locked(monkeypatch)
    with pytest.raises(UsageError, match="cannot be locked"):
        lock.hold_also(str(restored))
    lock.release()
    assert not locks.exists()


def test_without_a_fallback_an_instance_that_cannot_be_locked_is_refused(
    places: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    no_directory_can_be_locked(monkeypatch)
    with pytest.raises(UsageError, match="cannot be locked"):
        Lock().take(places[0], what="the instance")
