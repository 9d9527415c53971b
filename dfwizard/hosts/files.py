"""Files of this machine: reading, durable and atomic writing, removing whole trees.

The functions raise OSError, ValueError (a path with a NUL byte) or `HostError`; `telling` turns the first two into the last.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import secrets
import stat as modes
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dfwizard.errors import HostError
from dfwizard.hosts.base import FileStat
from dfwizard.hosts.failures import no_account, no_group, os_failure, shown


@contextmanager
def telling(doing: str, path: str, host: str) -> Iterator[None]:
    """Turn what the system says while `doing` something with `path` into a `HostError` that says so."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise os_failure(error, doing=doing, path=path, host=host, free=free_or_none(path)) from error


def describe(path: str, *, follow: bool) -> FileStat | None:
    """Give lstat (or stat) of `path` in dfwizard's terms; None when it does not exist."""
    try:
        found = os.stat(path, follow_symlinks=follow)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    kind = modes.S_IFMT(found.st_mode)
    return FileStat(
        kind="file"
        if kind == modes.S_IFREG
        else "directory"
        if kind == modes.S_IFDIR
        else "symlink"
        if kind == modes.S_IFLNK
        else "other",
        mode=modes.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        owner=user_name(found.st_uid),
        group=group_name(found.st_gid),
        size=found.st_size,
        mtime=found.st_mtime,
        device=found.st_dev,
        inode=found.st_ino,
    )


def user_name(uid: int) -> str:
    """Give the account's name, or the number as text where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """Give the group's name, or the number as text where it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def user_number(name: str, *, host: str) -> int:
    """Give the uid of an account, by its name or by a number as `user_name` gives it."""
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError) as error:
        if name.isdecimal():
            return int(name)
        raise no_account(name, host=host) from error


def group_number(name: str, *, host: str) -> int:
    """Give the gid of a group, by its name or by a number as `group_name` gives it."""
    try:
        return grp.getgrnam(name).gr_gid
    except (KeyError, ValueError) as error:
        if name.isdecimal():
            return int(name)
        raise no_group(name, host=host) from error


def open_to_read(path: str, host: str) -> int:
    """Open a regular file; anything else is refused, for a FIFO would wait for ever."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    kind = modes.S_IFMT(os.fstat(fd).st_mode)
    if kind == modes.S_IFREG:
        return fd
    os.close(fd)
    if kind == modes.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, "is a directory", path)
    raise HostError(
        f"cannot read {shown(path)}: it is not a regular file", where=host, remedy="Check the path."
    )


def read(path: str, *, limit: int | None, offset: int, host: str) -> bytes:
    """Read at most `limit` bytes of a regular file from `offset` (negative: from the end)."""
    with os.fdopen(open_to_read(path, host), "rb", buffering=0) as file:
        if offset:
            file.seek(offset if offset > 0 else max(0, os.fstat(file.fileno()).st_size + offset))
        if limit is None:
            return file.readall()
        parts: list[bytes] = []
        left = limit
        while left > 0 and (part := file.read(min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


def sync_directory(path: str) -> None:
    """Put a directory's entries on the disk, as far as the filesystem and the directory's mode let us."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # a directory that may be written but not read
        return
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(fd)


def parent_of(path: str) -> str:
    """Give the directory in which `path` is an entry."""
    return os.path.dirname(path.rstrip("/")) or ("/" if path.startswith("/") else ".")  # noqa: PTH120


def write(path: str, data: bytes, *, mode: int, uid: int, gid: int, host: str) -> None:
    """Replace the content at `path` as a whole: new file beside it, fsync, rename, fsync. -1 leaves uid or gid as it comes.

    Extended attributes (ACLs, SELinux's label) of the file that is replaced are carried over. Symlinks are followed; not those that
    another account has put there to have a file written that it could not write itself.
    """
    target = os.path.realpath(path)
    before = describe(target, follow=False)
    _refuse_planted(path, before, host)
    if before is not None and before.kind != "file":
        reason = {"directory": "it is a directory", "symlink": "the symlink leads back to itself"}
        raise HostError(
            f"cannot write {shown(path)}: {reason.get(before.kind, 'it is not a regular file')}",
            where=host,
            remedy="Check the path.",
        )
    directory = parent_of(target)
    fresh = os.path.join(directory, f".dfwizard-{secrets.token_hex(8)}")  # noqa: PTH118
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
            os.fchown(fd, uid, gid)
            if before is not None:
                _copy_attributes(target, fd)
            os.fchmod(fd, mode)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(fresh, target)  # noqa: PTH104
    except BaseException:
        with suppress(OSError):
            os.unlink(fresh)  # noqa: PTH108
        raise
    sync_directory(directory)


_MOST_LINKS = 40  # what Linux follows


def _refuse_planted(path: str, before: FileStat | None, host: str) -> None:
    """Refuse symlinks of other accounts, except to a file of their own, or of the owner of the directory that they are in."""
    place, mine = path, os.geteuid()
    for _ in range(_MOST_LINKS):
        link = describe(place, follow=False)
        if link is None or link.kind != "symlink":
            return
        above = parent_of(place)
        if link.uid not in (0, mine):
            owners = {link.uid, os.stat(above).st_uid} - {0, mine}  # noqa: PTH116
            if before is None or before.uid not in owners:
                raise planted(path, link.owner, host=host)
        place = os.path.join(above, os.readlink(place))  # noqa: PTH118, PTH115


def planted(path: str, owner: str, *, host: str) -> HostError:
    """Say that nothing is written through a symlink of `owner` at `path`."""
    return HostError(
        f"cannot write {shown(path)}: the symlink there belongs to another account ({shown(owner)}), and leads to what does not",
        where=host,
        remedy="See where it leads. If that is meant, give the link to the owner of the file: chown -h OWNER LINK",
    )


def _copy_attributes(source: str, target: int) -> None:
    with suppress(OSError):
        for name in os.listxattr(source, follow_symlinks=False):
            with suppress(OSError):
                os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=False))


def make_directory(path: str, *, mode: int, uid: int, gid: int) -> None:
    """Make a directory and its missing parents, all alike; an inherited setgid bit stays."""
    missing: list[str] = []
    place = path
    while not os.path.lexists(place):
        missing.append(place)
        place = parent_of(place)
    made: list[str] = []
    try:
        for new in reversed(missing):
            with suppress(FileExistsError):  # made by another meanwhile, which is fine
                os.mkdir(new, 0o700)  # noqa: PTH102
                made.append(new)
                _settle_directory(new, mode, uid, gid)
        if not os.path.isdir(path):  # noqa: PTH112
            raise NotADirectoryError(errno.ENOTDIR, "not a directory", path)
    except BaseException:
        for new in reversed(made):
            with suppress(OSError):
                os.rmdir(new)  # noqa: PTH106
        raise


def _settle_directory(path: str, mode: int, uid: int, gid: int) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        inherited = os.fstat(fd).st_mode & modes.S_ISGID
        os.fchown(fd, uid, gid)
        os.fchmod(fd, mode | inherited)
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_directory(parent_of(path))


def rename(source: str, target: str) -> None:
    """Rename, and put both directories on the disk."""
    os.rename(source, target)  # noqa: PTH104
    for directory in {parent_of(source), parent_of(target)}:
        sync_directory(directory)


def remove(path: str, *, host: str) -> None:
    """Remove a file, a link or a whole tree. Trees go by rm(1), which neither follows links put in its way nor leaves the filesystem.

    A mount point at or below `path` is refused before anything is removed.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    if not modes.S_ISDIR(found.st_mode):
        os.unlink(path)  # noqa: PTH108
        sync_directory(parent_of(path))
        return
    real = os.path.join(os.path.realpath(parent_of(path)), os.path.basename(path.rstrip("/")))  # noqa: PTH118, PTH119
    refuse_unmeant(real, Path("/proc/self/mountinfo").read_bytes(), path=path, host=host)
    if os.geteuid() != 0:
        _open_directories(real)
    # All that comes from outside is one absolute path after `--`.
    done = subprocess.run(
        ("rm", "-rf", "--one-file-system", "--", real),
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    sync_directory(parent_of(real))
    if done.returncode:
        raise not_all_removed(path, done.stderr, host=host)


def refuse_unmeant(real: str, mountinfo: bytes, *, path: str, host: str) -> None:
    """Refuse to remove the directory `real`, asked for as `path`, where nobody can have meant that.

    `mountinfo` is what /proc/self/mountinfo says on the machine.
    """
    if real in ("/", "/.", "/..") or os.path.basename(real) in ("", ".", ".."):  # noqa: PTH119
        raise HostError(
            f"will not remove {shown(path)}", where=host, remedy="Give the directory's own full path."
        )
    for mounted in mount_points(mountinfo):
        if mounted == real or mounted.startswith(f"{real}/"):
            raise HostError(
                f"will not remove {shown(path)}: {shown(mounted)} is a mount point; nothing has been removed",
                where=host,
                remedy="Unmount it first, or remove the content by hand.",
            )


def not_all_removed(path: str, stderr: bytes, *, host: str) -> HostError:
    """Say that rm(1) could not remove all of `path`, with the first thing it said."""
    said = stderr.decode("utf-8", "surrogateescape").strip().splitlines()
    return HostError(
        f"could not remove all of {shown(path)}: {shown(said[0]) if said else 'rm gave no reason'}",
        where=host,
        remedy="Run dfwizard as root; if it already is, look for immutable files (`lsattr -R`). What is left can be removed again.",
    )


def mount_points(mountinfo: bytes) -> Iterator[str]:
    """Give where filesystems are mounted, bind mounts included. See proc(5), /proc/self/mountinfo."""
    for line in mountinfo.splitlines():
        place = line.split(b" ")[4]
        for code, char in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
            place = place.replace(code, char)
        yield os.fsdecode(place)


def _open_directories(path: str) -> None:
    """Let this account empty its own directories that are read-only (as composer's and git's may be)."""
    waiting = [path]
    while waiting:
        place = waiting.pop()
        with suppress(OSError):
            mode = os.lstat(place).st_mode
            if mode & 0o700 != 0o700:
                os.chmod(place, modes.S_IMODE(mode) | 0o700)  # noqa: PTH101
            with os.scandir(place) as entries:
                waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]


def free_bytes(path: str) -> int:
    """Give the bytes free for ordinary accounts (databases write as those) where `path` is or would be."""
    place = os.path.realpath(path)
    while True:
        try:
            found = os.statvfs(place)
        except (FileNotFoundError, NotADirectoryError):
            place = parent_of(place)
            continue
        return found.f_bavail * found.f_frsize


def free_or_none(path: str) -> int | None:
    """Give the bytes free where `path` is; None where that cannot be told."""
    try:
        return free_bytes(path)
    except (OSError, ValueError):
        return None


def size_of(path: str) -> int:
    """Give what `du --apparent-size --bytes --one-file-system` gives: files with several links count once.

    What vanishes while we look does not count. OSError where a directory may not be read.
    """
    top = os.lstat(path)
    total = top.st_size
    linked: set[int] = set()
    waiting = [path] if modes.S_ISDIR(top.st_mode) else []
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                found = [(entry.path, _lstat(entry)) for entry in entries]
        except FileNotFoundError:
            continue
        for place, facts in found:
            if facts is None or facts.st_dev != top.st_dev:
                continue
            if modes.S_ISDIR(facts.st_mode):
                waiting.append(place)
            elif facts.st_nlink > 1:
                if facts.st_ino in linked:
                    continue
                linked.add(facts.st_ino)
            total += facts.st_size
    return total


def _lstat(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
