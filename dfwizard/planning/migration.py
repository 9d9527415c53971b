"""The migration's plan: the official guide's "Major Version Migration", made safe where its letter is not.

The source is only read. The target is backed up and proven first, and everything that is done to it can be taken back.
A pure function of the facts of both instances, the rules and the wishes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from dfwizard.instance.database import connection_span
from dfwizard.instance.facts import Facts
from dfwizard.instance.origin import OriginFacts
from dfwizard.planning.frame import opening_step, steps_before
from dfwizard.planning.hop import cache_steps, migrate_step, ownership_steps, restart_steps
from dfwizard.planning.moves import (
    CarryDotenv,
    CompareSource,
    ImportDatabase,
    ProveApart,
    ProveKey,
    ReadDump,
    RecordSource,
    SaveSource,
    Side,
    Transfer,
    UnpackFiles,
    VerifyMigration,
)
from dfwizard.planning.plan import Execute, Hop, Plan, Step, Undo
from dfwizard.planning.road import TREE_BACK, Road, Wish
from dfwizard.planning.weights import pace, weighed
from dfwizard.rules import Release, Rules

KIND = "migration"
FINGERPRINT_SOURCE = "source"
"""The name, in the run, of the source's fingerprint."""

GUIDE = "Major Version Migration"
_DATABASE_BACK = "The target's database is emptied and filled from its own proven dump."
_LONG = 12 * 3600.0


@dataclass(frozen=True)
class MigrationWish:
    """What is wished of a migration.

    `backup` is where the target's backup goes; `source_backup` where the source is saved on its own host, and `carried` where that
    comes to lie on the target's (the same directory, where both are one host). `paths` are files of the source's tree to carry
    over; `token` names the marker; `php` runs the target's artisan (None: the one on the PATH).
    """

    backup: str
    source_backup: str
    carried: str
    token: str
    paths: tuple[str, ...] = ()
    php: str | None = None


@dataclass(frozen=True)
class MigrationShows:
    """The shell lines of the named actions, by what they do."""

    take: tuple[str, ...] = ()
    prove: tuple[str, ...] = ()
    save: tuple[str, ...] = ()
    copy: tuple[str, ...] = ()
    fill: tuple[str, ...] = ()
    unpack: tuple[str, ...] = ()


@dataclass(frozen=True)
class Migration:
    """All that a migration's plan is made of.

    `frm` and `to` are the releases of source and target; `dotenv` what becomes of the target's `.env`; `relax`
    is the command that turns MySQL's strict mode off in the target's configuration, with the one that tells it is off (None: it need
    not be).
    """

    source: Facts
    target: Facts
    frm: Release
    to: Release
    wish: MigrationWish
    dotenv: CarryDotenv
    relax: tuple[Execute, Execute] | None = None
    shows: MigrationShows = field(default_factory=MigrationShows)


def plan_migration(migration: Migration, rules: Rules) -> Plan:
    """Make the plan of a migration."""
    source, target, wish = migration.source, migration.target, migration.wish
    hop = _hop(migration, rules)
    road = Road(target, Wish(wish.backup, wish.php), OriginFacts(), (hop,))
    steps = [
        *_saving(migration),
        *_transfer(migration),
        *steps_before(road, (migration.shows.take, migration.shows.prove)),
        *_closing(migration),
        *_filling(migration),
        *ownership_steps(road, 0),
        migrate_step(road, 0, hop),
        *cache_steps(road, 0),
        *restart_steps(target),
        *_gate(migration),
        *opening_step(road),
        *_verifying(migration),
    ]
    return Plan(
        kind=KIND,
        instance=target.path,
        frm=migration.frm.tag,
        to=migration.to.tag,
        backup=wish.backup,
        owner=target.tree.owner,
        me=target.me,
        hops=(hop,),
        steps=weighed((_in_other_words(step) for step in steps), pace(target)),
        host=target.host,
        source_host=source.host,
        source=source.path,
        source_me=source.me,
        source_backup=wish.source_backup,
        carried=wish.carried,
    )


def _in_other_words(step: Step) -> Step:
    """Say of a step that an upgrade has as well what it is for here."""
    if step.id == "maintenance-on":
        return replace(
            step,
            reason="Nobody may write while the target is backed up and its database is replaced.",
            departs="The guide leaves the new instance open during the import.",
        )
    if step.id.startswith("compiled-"):
        return replace(
            step,
            title="Remove what was compiled of the old configuration",
            reason="A cached configuration would hide the new .env, APP_KEY included.",
            guide=f"{GUIDE}, Step 5 (config:clear)",
            departs="Before the first artisan call instead of after the last: artisan itself would start with the old key.",
        )
    return step


def _hop(migration: Migration, rules: Rules) -> Hop:
    row = rules.cross_server()
    frm, to = migration.frm, migration.to
    return Hop(
        frm=frm.tag,
        to=to.tag,
        commit=migration.target.git.commit if migration.target.git else to.commit,
        php=to.php_minors,
        method=row.method if row else "Migration",
        notes=tuple(text for text in (row.notes if row else "",) if text),
        warnings=tuple(warning.text for warning in to.warnings),
    )


def _saving(migration: Migration) -> list[Step]:
    wish = migration.wish
    what = ".env and database" + (f", {', '.join(wish.paths)}" if wish.paths else "")
    return [
        Step(
            "source-record",
            "Record the source as it is",
            "It is only read: at the end it is compared with this, and the target's data with its data.",
            RecordSource(FINGERPRINT_SOURCE),
            guide=f"{GUIDE}, Why These Components Matter",
            timeout=3600,
            side=Side.SOURCE,
        ),
        Step(
            "source-backup",
            f"Save the source's {what}",
            "Byte for byte, and a consistent dump that carries no USE line, with one manifest.",
            SaveSource(wish.source_backup, wish.paths, migration.shows.save),
            guide=f"{GUIDE}, Steps 1 and 2",
            departs="`mysqldump --databases` names the source's database in the dump, and an import then writes into that one; the "
            "guide forgets the files of the stock file service.",
            undo_text="It stays on the source's host until you delete it; the source itself is not written to.",
            timeout=_LONG,
            side=Side.SOURCE,
        ),
        Step(
            "source-dump",
            "Read the dump for what the target cannot take in",
            "Definers, collations and settings of another server version are remedied or refused before the target is touched.",
            ReadDump(wish.source_backup),
            guide=f"{GUIDE}, Step 4",
            departs="The guide finds out at the import.",
            timeout=3600,
            side=Side.SOURCE,
        ),
    ]


def _transfer(migration: Migration) -> list[Step]:
    wish = migration.wish
    if wish.carried == wish.source_backup:
        return []
    return [
        Step(
            "transfer",
            f"Transfer the backup to {migration.target.host}",
            "Every file is compared by its SHA-256 at both ends; an interrupted transfer goes on where it was.",
            Transfer(wish.source_backup, wish.carried, migration.shows.copy),
            guide=f"{GUIDE}, File Transfer Reference and Step 5 (scp dump.sql)",
            undo_text="It stays until you delete it.",
            timeout=_LONG,
            side=Side.BOTH,
        )
    ]


def _closing(migration: Migration) -> list[Step]:
    web, steps = migration.target.web, []
    if migration.relax is not None:
        steps.append(
            Step(
                "strict-mode",
                "Turn MySQL's strict mode off in config/database.php",
                "The source's tables hold dates of zeros, which the migrations could not write in strict mode.",
                migration.relax[0],
                guide=f"{GUIDE}, Step 4 (MySQL Specific Configuration)",
                departs="Only where the data needs it. It is a local change of a tracked file: the next upgrade puts it into git's stash.",
                undo=Undo.TREE,
                undo_text=TREE_BACK,
                done_when=migration.relax[1],
                timeout=60,
            )
        )
    if web.fpm_service and web.fpm_active:
        steps.append(
            Step(
                "web-stop",
                f"Stop {web.fpm_service}",
                "A request that meets the empty database would be remembered in the cache: anyone could then create an administrator.",
                Execute(("systemctl", "stop", web.fpm_service)),
                departs="The guide leaves the web server open during the import.",
                undo=Undo.SERVICES,
                undo_text="It is started again after the rollback.",
                timeout=120,
                required=False,  # maintenance mode answers for it
            )
        )
    return steps


def _filling(migration: Migration) -> list[Step]:
    wish, shows = migration.wish, migration.shows
    steps = [
        Step(
            "prove-apart",
            "Prove that the target's database is not the source's",
            "What is emptied next must not be what is to be saved: servers, names and a marker are compared.",
            ProveApart(wish.token),
            departs="With the source's .env copied over, the guide's `migrate:fresh` empties the source, without a question.",
            undo_text="The marker is removed at the end of the step.",
            timeout=300,
            side=Side.BOTH,
        ),
        Step(
            "import",
            "Empty the target's database and import the source's",
            "The tables and rows that come out are compared with those that were saved.",
            ImportDatabase(wish.carried, shows.fill),
            guide=f"{GUIDE}, Step 5 (migrate:fresh, migrate:reset, mysql < dump.sql)",
            departs="Everything is dropped instead: `migrate:fresh` builds tables that `migrate:reset` then may fail to drop.",
            undo=Undo.DATABASE,
            undo_text=_DATABASE_BACK,
            timeout=_LONG,
        ),
        Step(
            "dotenv",
            "Set the target's .env",
            "APP_KEY and what was chosen come from the source before artisan is called: it would encrypt with the wrong key.",
            migration.dotenv,
            guide=f"{GUIDE}, Step 5 (APP_KEY=YOUR_OLD_APP_KEY_VALUE)",
            departs="The guide sets APP_KEY after the migrations and seeders have run.",
            undo=Undo.TREE,
            undo_text=".env comes back byte for byte from the target's backup.",
            timeout=60,
        ),
        Step(
            "prove-key",
            "Prove APP_KEY against the imported data",
            "With another key every stored credential is lost, and nothing says so before it is needed.",
            ProveKey(),
            departs="The guide finds out at the first login.",
            timeout=120,
        ),
    ]
    if wish.paths:
        steps.append(
            Step(
                "files",
                f"Put {', '.join(wish.paths)} in place",
                "Services and scripts read them.",
                UnpackFiles(wish.carried, shows.unpack),
                departs="The guide calls .env and database the only components; the stock service `files` keeps its files there.",
                undo=Undo.TREE,
                undo_text=TREE_BACK,
                timeout=_LONG,
            )
        )
    return steps


def _gate(migration: Migration) -> list[Step]:
    return [
        Step(
            f"gate-{migration.to.tag}",
            "Compare the target's data with the source's",
            "Accounts, API configurations, scripts, database connections and settings, row by row, before the API opens.",
            VerifyMigration(migration.to.tag, final=False),
            guide=f"{GUIDE}, Migration Verification",
            timeout=1800,
            hop=0,
        )
    ]


def _verifying(migration: Migration) -> list[Step]:
    return [
        Step(
            "verify",
            "Verify the target",
            "Version, migrations, key, HTTP answers, log and owners are what they have to be.",
            VerifyMigration(migration.to.tag),
            guide=f"{GUIDE}, Migration Verification",
            timeout=1800,
        ),
        Step(
            "source-compare",
            "Compare the source with what it was",
            "What was written there meanwhile is not in the target, and is named.",
            CompareSource(FINGERPRINT_SOURCE),
            timeout=3600,
            required=False,
            side=Side.SOURCE,
        ),
    ]


_STRICT = re.compile(r"'strict'[ \t]*=>[ \t]*true")


def strict_line(config: str, connection: str) -> int | None:
    """Give the line of a config/database.php that turns strict mode on for a connection; None when none does."""
    span = connection_span(config, connection)
    found = _STRICT.search(config, *span) if span else None
    return config.count("\n", 0, found.start()) + 1 if found else None


def strict_off(target: Facts, line: int) -> tuple[Execute, Execute]:
    """Give the command that turns strict mode off in this line of the target's config/database.php, and the one that tells it is off."""
    file = f"{target.path}/config/database.php"
    edit = f"{line}s/'strict' *=> *true/'strict' => false/"
    test = f"{line}{{/'strict' *=> *false/!q1}}"
    user, env = target.tree.owner, {"HOME": target.owner_home}
    return (
        Execute(("sed", "-i", "-e", edit, "--", file), user=user, env=env),
        Execute(("sed", "-n", "-e", test, "--", file), user=user, env=env),
    )
