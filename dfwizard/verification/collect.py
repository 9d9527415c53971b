"""Who owns the files of a tree, told with one find."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host, Stream
from dfwizard.hosts.command import Command
from dfwizard.verification.situation import TreeOwners

MOST_STRANGERS = 50

# Directories that the application writes to; below storage two levels are enough to see a wrong mode.
_PLACES = re.compile(r"(?:|\.env|bootstrap/cache|storage(?:/[^/]+){0,2})")


class _Owners:
    """Counts find's records as they come, so that a tree of any size takes little memory."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.by_owner: dict[str, list[str]] = {}
        self.owner_counts: Counter[str] = Counter()
        self.places: dict[str, str] = {}
        self.root = ("", "")
        self._rest = b""

    def feed(self, stream: Stream, data: bytes) -> None:
        if stream != "stdout":
            return
        *records, self._rest = (self._rest + data).split(b"\0")
        for record in records:
            self._add(record.decode("utf-8", "surrogateescape"))

    def _add(self, record: str) -> None:
        owner, group, mode, kind, path = record.split("\t", 4)
        if not path:
            self.root = (owner, group)
        self.counts[f"{owner}:{group}"] += 1
        self.owner_counts[owner] += 1
        of_owner = self.by_owner.setdefault(owner, [])
        if len(of_owner) < MOST_STRANGERS:
            of_owner.append(path)
        if _PLACES.fullmatch(path) and (kind == "d" or path == ".env"):
            self.places[path or "."] = f"{owner}:{group} {mode}"

    def summary(self) -> TreeOwners:
        owner, group = self.root
        strangers = sorted(path for name, paths in self.by_owner.items() if name != owner for path in paths)
        counts: Mapping[str, int] = dict(sorted(self.counts.items()))
        return TreeOwners(
            owner=owner,
            group=group,
            counts=counts,
            strangers=tuple(strangers[:MOST_STRANGERS]),
            stranger_count=sum(self.owner_counts.values()) - self.owner_counts[owner],
            places=dict(sorted(self.places.items())),
        )


def tree_owners(host: Host, instance: str, *, user: str | None = None) -> TreeOwners:
    """Tell who owns the files of the instance, with one find run as `user` (None: dfwizard's own account).

    Raises:
        HostError: find cannot be run, or cannot read the tree.
    """
    owners = _Owners()
    command = Command(
        # The trailing slash makes find look into a directory behind a symlink; a path never begins with a dash: it is absolute.
        ("find", f"{instance.rstrip('/')}/", "-printf", r"%u\t%g\t%m\t%y\t%P\0"),
        user=user,
        timeout=120.0,
        # Files that vanish while find walks make it end with 1; what it saw is what counts.
        expect=(0, 1),
    )
    host.run(command, on_output=owners.feed, keep=4096)
    if owners.root == ("", ""):
        raise HostError(
            "its files cannot be listed",
            where=instance,
            remedy="Run dfwizard as root or as the owner of the tree.",
        )
    return owners.summary()
