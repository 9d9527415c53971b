"""The commands that make one stream of a tree and a tree of the stream, with what both hosts have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dfwizard.errors import CommandNotFound, HostError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command
from dfwizard.hosts.failures import not_found
from dfwizard.hosts.procfs import MARK
from dfwizard.hosts.transfer.pouring import BLOCK
from dfwizard.hosts.transfer.together import both

_PLAIN = {"LC_ALL": "C"}
_FIND = """for program in tar zstd gzip; do command -v "$program" >/dev/null && echo "$program"; done
case $(tar --version 2>&1) in *'GNU tar'*) echo gnu ;; esac
for extra in --acls --selinux '--xattrs --xattrs-include=*'; do
    set -f
    said=$(tar $extra --create --file=/dev/null --no-recursion --directory=/ etc 2>&1) && [ -z "$said" ] && echo "$extra"
done
exit 0"""
"""Says which programs are there, and what this tar can keep beside owners and modes, each tried by itself."""
_SKIP = f'dd bs={BLOCK} count="$1" iflag=fullblock 2>/dev/null | sha256sum && exec cat'
"""Tells of the first blocks of a stream only their digest, on a line of 68 bytes, and passes the rest on."""
SKIPPED = 68
_TALLY = """{ tee /dev/fd/3 | if openssl version >/dev/null 2>&1; then openssl dgst -sha256 -r; else sha256sum; fi >"$1"; } 3>&1"""
"""Passes a stream on, and writes its digest into a file."""


@dataclass(frozen=True)
class Archive:
    """How one tree is packed on the source (`pack`, with `skip` for a stream that goes on) and unpacked on the target.

    `unpack` reads the stream; `tally` does so before it and writes the stream's digest into a file.
    """

    pack: tuple[Command, ...]
    unpack: tuple[Command, ...]
    mark: str

    def skip(self, blocks: int) -> Command:
        """Give the command that replaces the first blocks by their digest."""
        return Command(("sh", "-c", _SKIP, "sh", str(blocks)), env=_PLAIN)

    def tally(self, file: str) -> Command:
        """Give the command that writes the digest of what passes into `file`."""
        return Command(("sh", "-c", _TALLY, "sh", file), env={**_PLAIN, MARK: self.mark})


def archive_between(
    source: Host, path: str, target: Host, to: str, *, leave_out: Sequence[str], live: bool, mark: str
) -> Archive:
    """Find out how the tree at `path` is packed there and unpacked into the directory `to` here; `mark` is what unpacks found by.

    Raises:
        CommandNotFound: tar, or a program to compress that both have, is missing.
        HostError: a host cannot be asked.
    """
    here, there = both(lambda: _tools(source), lambda: _tools(target))
    tar = (
        "tar",
        "--create",
        "--file=-",
        "--format=posix",
        # The same tree gives the same bytes: no times of access, no process number in the names of headers.
        "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
        "--sort=name",
        *here.extras,
        "--anchored",
        *(f"--exclude=./{_literal(name)}" for name in leave_out),
        f"--directory={path}",
        ".",
    )
    untar = (
        "tar",
        "--extract",
        "--file=-",
        "--preserve-permissions",
        "--same-owner" if target.user == "root" else "--no-same-owner",
        *there.extras,
        "--delay-directory-restore",
        f"--directory={to}",
    )
    compress: tuple[str, ...]
    decompress: tuple[str, ...]
    if here.zstd and there.zstd:
        compress, decompress = ("zstd", "-q", "-T0", "-3", "-c"), ("zstd", "-q", "-d", "-c")
    else:
        _refuse_without_gzip(source, here)
        _refuse_without_gzip(target, there)
        compress, decompress = ("gzip", "-1", "-n", "-c"), ("gzip", "-d", "-c")
    marked = {**_PLAIN, MARK: mark}
    return Archive(
        (Command(tar, env=_PLAIN, expect=(0, 1) if live else (0,)), Command(compress, env=_PLAIN)),
        (Command(decompress, env=marked), Command(untar, env=marked)),
        mark,
    )


@dataclass(frozen=True)
class _Tools:
    """What a host has: its compressors, and the options of its tar for what else is to be kept."""

    zstd: bool
    gzip: bool
    extras: tuple[str, ...]


def _tools(host: Host) -> _Tools:
    said = host.run(Command(("sh", "-c", _FIND), env=_PLAIN, timeout=60)).text.splitlines()
    if "tar" not in said:
        raise not_found("tar", host=host.name)
    if "gnu" not in said:
        raise HostError(
            "the tar there is not GNU tar, which alone keeps everything that a tree can hold",
            where=host.name,
            remedy="Install it: the package is called tar nearly everywhere.",
        )
    extras = tuple(word for line in said if line.startswith("--") for word in line.split())
    return _Tools("zstd" in said, "gzip" in said, extras)


def _refuse_without_gzip(host: Host, tools: _Tools) -> None:
    if not tools.gzip:
        raise CommandNotFound(
            "neither gzip is on the PATH, nor zstd on both hosts",
            where=host.name,
            remedy="Install one, on Debian or Ubuntu with: apt-get install zstd",
        )


def _literal(name: str) -> str:
    return "".join(f"\\{char}" if char in "*?[\\" else char for char in name)
