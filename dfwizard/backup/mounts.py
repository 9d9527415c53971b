"""Which directories of a host are mount points."""

from __future__ import annotations

from dfwizard.backup.context import BackupContext


def mount_points(context: BackupContext) -> tuple[str, ...]:
    """Give every path on which something is mounted."""
    text = context.host.read("/proc/self/mountinfo").decode("utf-8", "surrogateescape")
    return tuple(_unescape(line.split(" ")[4]) for line in text.splitlines())


def is_mount_point(context: BackupContext, path: str) -> bool:
    """Tell whether something is mounted on `path`."""
    return path.rstrip("/") in mount_points(context)


def mounts_inside(context: BackupContext, path: str) -> tuple[str, ...]:
    """Give the paths below `path`, relative to it, on which something is mounted."""
    prefix = path.rstrip("/") + "/"
    found = {point[len(prefix) :] for point in mount_points(context) if point.startswith(prefix)}
    return tuple(sorted(found))


def _unescape(word: str) -> str:
    """Undo the kernel's escapes (Documentation/filesystems/proc: blank, tab, line end, backslash, `#`)."""
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\043", "#"), ("\\134", "\\")):
        word = word.replace(code, char)
    return word
