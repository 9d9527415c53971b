"""A migration as it is being put together on the screens: its source, and what a person chose to carry over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dfwizard.instance.facts import Facts
    from dfwizard.migrating import MigrationWishes
    from dfwizard.planning.env_carry import CarriedKey
    from dfwizard.planning.extras import ExtraFiles


@dataclass
class Carrying:
    """What is to go from the source to the target, which is the visit's own instance.

    `source` is where the source is, with its host; `facts` what was found out about it. `proposed` are the keys of the target's `.env` as
    the rules propose them; `carry`, `keep` and `edited` what a person chose otherwise (None: not set). `files` are paths of the source's
    tree to carry over beside what is proposed, `without` those that are proposed and are not to go; `extras` are all that are offered.
    The values of keys may be secret: they are in no `repr`.
    """

    source: str = ""
    facts: Facts | None = None
    proposed: tuple[CarriedKey, ...] = field(default=(), repr=False)
    carry: set[str] = field(default_factory=set)
    keep: set[str] = field(default_factory=set)
    edited: dict[str, str | None] = field(default_factory=dict, repr=False)
    files: set[str] = field(default_factory=set)
    without: set[str] = field(default_factory=set)
    extras: tuple[ExtraFiles, ...] = ()
    source_backup_dir: str | None = None

    @property
    def chosen(self) -> frozenset[str]:
        """Give the keys that a person chose otherwise than is proposed."""
        return frozenset((*self.carry, *self.keep, *self.edited))

    def as_chosen(self) -> tuple[CarriedKey, ...]:
        """Give the keys with what was chosen.

        Raises:
            UsageError: something that was chosen cannot be.
        """
        from dfwizard.planning.env_carry import with_choices

        return with_choices(self.proposed, carry=self.carry, keep=self.keep, edited=self.edited)

    def reset(self, key: str) -> None:
        """Take what was chosen for a key back."""
        self.carry.discard(key)
        self.keep.discard(key)
        self.edited.pop(key, None)

    def is_ticked(self, extra: ExtraFiles) -> bool:
        """Tell whether files go over."""
        return extra.path in self.files or (extra.default and extra.path not in self.without)

    def tick(self, extra: ExtraFiles, *, wanted: bool) -> None:
        """Take files along, or leave them."""
        self.files.discard(extra.path)
        self.without.discard(extra.path)
        if wanted and not extra.default:
            self.files.add(extra.path)
        elif not wanted and extra.default:
            self.without.add(extra.path)

    def begin_from(self, source: str) -> None:
        """Take up another source; what was chosen was chosen between other files."""
        self.source, self.facts = source, None
        self.forget_choices()

    def forget_choices(self) -> None:
        """Take back all that was chosen."""
        self.proposed, self.extras = (), ()
        for chosen in (self.carry, self.keep, self.edited, self.files, self.without):
            chosen.clear()

    def propose(self, keys: Collection[CarriedKey]) -> None:
        """Take over what is proposed now; what was chosen for a key that is not there any more, or is locked now, is dropped."""
        self.proposed = tuple(keys)
        free = {one.key for one in keys if not one.locked}
        set_there = {one.key for one in keys if one.source is not None}
        for key in self.chosen - free:
            self.reset(key)
        self.carry &= set_there

    def wishes(self, *, backup_dir: str | None, php: str | None) -> MigrationWishes:
        """Give all of it as the controller takes it; `backup_dir` and `php` are the target's."""
        from dfwizard.migrating import MigrationWishes

        return MigrationWishes(
            carry=tuple(sorted(self.carry)),
            keep=tuple(sorted(self.keep)),
            edited=dict(self.edited),
            files=tuple(sorted(self.files)),
            without=tuple(sorted(self.without)),
            backup_dir=backup_dir,
            source_backup_dir=self.source_backup_dir,
            php=php,
        )
