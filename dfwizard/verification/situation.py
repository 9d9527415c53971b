"""What a verification compares: the facts of both moments and what was recorded beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dfwizard.instance.facts import Evidence, Facts
from dfwizard.rules import Release, TableRules
from dfwizard.rules.model import parse_version
from dfwizard.verification.log import LoggedError

Names = Mapping[str, tuple[str, ...]]
"""Table to the values of its naming column (`service` to its names)."""


@dataclass(frozen=True)
class TreeOwners:
    """Who owns the files of a tree, in short.

    `counts` has the number of entries by `owner:group`; `strangers` the first paths (relative, at most 50) whose
    owner is not the tree's, `stranger_count` all of them; `places` owner, group and mode (`dfowner:dfowner 2775`) of `.`, `.env`, and of
    the directories that the application writes to.
    """

    owner: str
    group: str
    counts: Mapping[str, int]
    strangers: tuple[str, ...] = ()
    stranger_count: int = 0
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Situation:
    """All that the checks look at.

    `release` is where the instance should be, `came_from` where the run began (None: not known). `commit` is what the tag stood for when
    the plan was made ("": the rules' own). `hash_costs` are the bcrypt costs found in `user.password`; None is not known.
    `accepted` are the ids of findings that were overridden.
    """

    before: Facts
    after: Facts
    release: Release
    tables: TableRules
    came_from: Release | None = None
    commit: str = ""
    names_before: Names = field(default_factory=dict)
    names_after: Names = field(default_factory=dict)
    logged: tuple[LoggedError, ...] = ()
    owners_before: TreeOwners | None = None
    owners_after: TreeOwners | None = None
    hash_costs: frozenset[int] | None = None
    accepted: frozenset[str] = frozenset()
    final: bool = True

    def reaches(self, version: str) -> bool:
        """Whether the release's code is at or past `version`."""
        return parse_version(self.release.behaves_as) >= parse_version(version)

    def crosses(self, version: str) -> bool:
        """Whether the way led over `version`; an unknown beginning counts as before it."""
        began_past = self.came_from is not None and parse_version(self.came_from.behaves_as) >= parse_version(
            version
        )
        return self.reaches(version) and not began_past

    def evidence(self, source: str, *, before: bool = False) -> Evidence | None:
        """Give the sign of the version that was read at `source`."""
        facts = self.before if before else self.after
        return next((item for item in facts.version.evidence if item.source == source), None)

    def said(self, source: str, *, before: bool = False) -> str:
        """Give what `source` said, "" when it was not read."""
        found = self.evidence(source, before=before)
        return found.said if found else ""

    def setting(self, key: str) -> str | None:
        """Give the value of an `.env` key that is no secret; None when it is not set."""
        return self.after.dotenv.values.get(key) if self.after.dotenv else None


def first_version(text: str) -> str:
    """Give the first thing in `text` that looks like a version, "" when nothing does."""
    match = re.search(r"\d+(?:\.\d+)+(?:-[\w.]+)?", text)
    return match[0] if match else ""
