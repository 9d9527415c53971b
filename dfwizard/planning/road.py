"""What every step of an upgrade is made from: the facts, the wishes, the hops, and how a command is run on this instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dfwizard.instance.facts import Facts
from dfwizard.instance.origin import OriginFacts
from dfwizard.planning.plan import Execute, Hop

TREE_BACK = "The whole tree, with vendor, .git and .env, comes back from the backup by renaming."
_ARTISAN = ("--no-interaction", "--no-ansi")


@dataclass(frozen=True)
class Course:
    """How the road to a release is taken.

    `direct`: without the guide's stops between. `gates`: where a stop needs another PHP the run waits, in maintenance mode, until a
    person has switched it; otherwise such a road is refused. `licence` is a directory with the licence files of the releases on it.
    """

    direct: bool = False
    gates: bool = False
    licence: str = ""


USUAL = Course()
"""Over the guide's stops, on the PHP that is there."""


@dataclass(frozen=True)
class Wish:
    """What the user wants beyond the target: where the backup goes, which PHP runs artisan and composer.

    `php` None means the one on the PATH. `admin_ui` is a release.zip of df-admin-interface on the host: DreamFactory 6.x has its
    admin UI outside of composer. `licence` is where on the host the licence files of each stop lie, by tag.
    """

    backup: str
    php: str | None = None
    admin_ui: str | None = None
    course: Course = USUAL
    licence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Road:
    """The way from the installed release over `hops`; `origin` is what was asked of it for this way."""

    facts: Facts
    wish: Wish
    origin: OriginFacts
    hops: tuple[Hop, ...]

    @property
    def owner(self) -> str:
        """Give the account that owns the tree: git, composer and artisan run as it."""
        return self.facts.tree.owner

    @property
    def php(self) -> str:
        """Give the php that runs artisan."""
        return self.wish.php or "php"

    @property
    def window(self) -> tuple[str, ...]:
        """Give the PHP minors that the last gate on the road asks for; empty where there is no gate."""
        return self.last_gate(len(self.hops))

    def last_gate(self, index: int) -> tuple[str, ...]:
        """Give the PHP minors of the last gate before the leg of that index; empty where there is none."""
        return next((hop.gate for hop in reversed(self.hops[:index]) if hop.gate), ())

    def gated(self, index: int) -> bool:
        """Tell whether PHP has been switched before or at the leg of that index."""
        return bool(self.last_gate(index + 1))

    @property
    def env(self) -> dict[str, str]:
        """Give the environment of whatever runs as the owner."""
        return {"HOME": self.facts.owner_home}

    def git(self, *arguments: str, mend: tuple[str, ...] = ()) -> Execute:
        """Give a git command on the tree."""
        argv = ("git", "-C", self.facts.path, *arguments)
        return Execute(argv, user=self.owner, env=self.env, mend=mend)

    def artisan(
        self, *arguments: str, refuse: tuple[str, ...] = (), stop_on: tuple[str, ...] = ()
    ) -> Execute:
        """Give an artisan command, never interactive; output that matches `refuse` fails it, `stop_on` at once."""
        return Execute(
            (self.php, "artisan", *arguments, *_ARTISAN),
            cwd=self.facts.path,
            user=self.owner,
            env=self.env,
            refuse=refuse,
            stop_on=stop_on,
        )

    def flag(self) -> Execute:
        """Give the command that succeeds while maintenance mode is on."""
        return Execute(("test", "-e", f"{self.facts.path}/storage/framework/down"))
