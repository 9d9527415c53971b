"""How much room a backup needs, before it is taken."""

from __future__ import annotations

from dataclasses import dataclass

from dfwizard.instance.facts import Facts

TREE_RATIO = 0.5
"""Part of a tree's size that its archive takes at most, as a rule: PHP, JavaScript and git's packs, the packs not shrinking."""

DUMP_RATIO = 0.5
"""Part of a database's size on disk that its compressed dump takes at most, as a rule."""

SPARE = 64 << 20
"""Bytes kept free besides: manifests, logs, the filesystem's own needs."""


@dataclass(frozen=True)
class Estimate:
    """Bytes needed: `tree` and `database` in the backup's directory, `scratch` where the database server (or dfwizard's own files, for
    SQLite) keeps its data, `restore` beside the instance for unpacking the tree.
    """

    tree: int
    database: int
    scratch: int
    restore: int

    @property
    def backup(self) -> int:
        """Give the bytes needed in the backup's directory."""
        return self.tree + self.database + SPARE


def estimate(facts: Facts) -> Estimate:
    """Estimate what a backup of the instance needs, proof and restoration included.

    A SQLite database is copied before it is compressed, so it counts in full as well.
    """
    size = (facts.database.size or 0) if facts.database else 0
    sqlite = facts.database is not None and facts.database.driver == "sqlite"
    database = int(size * DUMP_RATIO) + (size if sqlite else 0)
    tree = int(facts.tree.size * TREE_RATIO)
    return Estimate(tree, database, size, facts.tree.size + (size if sqlite else 0) + SPARE)
