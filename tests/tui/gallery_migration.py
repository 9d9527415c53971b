"""The gallery's rooms of a migration: the two servers, what goes over, the backup before it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from dfwizard.instance import dotenv
from dfwizard.instance.dotenv_secrets import diff
from dfwizard.instance.facts import Facts, PhpFacts
from dfwizard.migrating import MigrationProspect
from dfwizard.planning.checks.migration import MigrationContext, check_migration
from dfwizard.planning.env_carry import carry, changes
from dfwizard.planning.extras import ExtraFiles
from dfwizard.planning.migration import Migration, MigrationWish, plan_migration
from dfwizard.planning.moves import CarryDotenv
from dfwizard.tui import undertaking
from dfwizard.tui.session import Session
from tests.tui.gallery import Sitting, pose
from tests.tui.gallery_recording import BACKUP, PATH
from tests.tui.gallery_world import World

OLD = "root@old.example.com"
SAVED = "/var/lib/dfwizard/backups/dreamfactory-20260105-004107-source"

SOURCE_ENV = b"""APP_KEY=base64:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
APP_ENV=production
APP_NAME=DreamFactory
APP_URL=https://api.example.com
DB_CONNECTION=mysql
DB_HOST=10.20.0.11
DB_DATABASE=dreamfactory
DB_USERNAME=df_admin
DB_PASSWORD=not-to-be-seen-1
CACHE_DRIVER=redis
CACHE_HOST=10.20.0.12
REDIS_PASSWORD=not-to-be-seen-2
BITBUCKET_API_TOKEN=not-to-be-seen-3
GITHUB_TOKEN=not-to-be-seen-4
MAIL_HOST=smtp.example.com
MAIL_PASSWORD=not-to-be-seen-5
DF_REGISTER_CONTACT=ops@example.com
WAREHOUSE_HOST=warehouse.example.com
"""
TARGET_ENV = b"""APP_KEY=base64:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=
APP_ENV=production
APP_NAME=DreamFactory
APP_URL=https://new.example.com
DB_CONNECTION=mysql
DB_HOST=127.0.0.1
DB_DATABASE=dreamfactory
DB_USERNAME=df_new
DB_PASSWORD=not-to-be-seen-6
CACHE_STORE=file
MAIL_HOST=smtp.example.com
MAIL_PASSWORD=not-to-be-seen-5
"""
EXTRAS = (
    ExtraFiles(
        "storage/app",
        "It holds files that the stock service files serves and users have uploaded.",
        48_400_000,
        312,
        default=True,
    ),
    ExtraFiles(
        "storage/databases",
        "It holds SQLite databases of services, such as the stock service db.",
        8_200,
        1,
        default=True,
    ),
    ExtraFiles("config/cors.php", "It differs from the release's configuration.", 1_100, 1, default=False),
    ExtraFiles(
        "/etc/ssl/oracle/wallet.p12",
        "It is named by oracle_db_config; put it there on the target by hand, at the same path.",
        4_096,
        1,
        default=False,
    ),
)


def ends(world: World) -> tuple[Facts, Facts]:
    """Give both ends: the instance of the recording on an old server, and a new one here that holds next to nothing."""
    facts = world.recording.facts
    assert facts.database is not None
    address = "10.20.0.11:3306"
    database = replace(
        facts.database,
        driver="mysql",
        server="10.5.23-MariaDB",
        address=address,
        name="dreamfactory",
        user="df_admin",
    )
    php = tuple(
        PhpFacts(one.sapi, one.binary.replace("8.3", "8.1"), "8.1.31", "8.1", one.extensions)
        for one in facts.php
    )
    tools = {**facts.tools, **{name: f"/usr/bin/{name}" for name in ("mysql", "mysqldump")}}
    source = replace(facts, host=OLD, me="root", database=database, php=php, tools=tools)
    tables = {**dict.fromkeys(database.tables, 0), "user": 1, "service": 7, "app": 3}
    new = replace(
        database,
        server="10.11.11-MariaDB",
        address="127.0.0.1:3306",
        tables=tables,
        size=2_100_000,
        user="df_new",
        service_types={},
        active_types={},
    )
    version = replace(facts.version, release="7.1.0", because="the commit is that of 7.1.0", evidence=())
    key = replace(facts.key, state="nothing-encrypted", tried=0)
    status = replace(facts.status, version="7.1.0") if facts.status else None
    target = replace(facts, database=new, version=version, key=key, status=status, tools=tools)
    return source, target


def migration(world: World, source: Facts, target: Facts) -> MigrationProspect:
    """Plan and check the migration as the controller does, from what is known here."""
    rules = world.controller.rules
    frm, to = (rules.by_tag(one.version.release or "") for one in (source, target))
    assert frm is not None
    assert to is not None
    theirs, ours = dotenv.parse(SOURCE_ENV), dotenv.parse(TARGET_ENV)
    keys = carry(theirs, ours, source_release=frm, target_release=to, rules=rules)
    after = dotenv.edit(TARGET_ENV, changes(keys))
    paths = tuple(one.path for one in EXTRAS if one.default)
    carried = f"{BACKUP}-source-carried"
    wish = MigrationWish(BACKUP, SAVED, carried, "0" * 16, paths)
    edit = CarryDotenv(carried, hashlib.sha256(after).hexdigest(), {}, diff(TARGET_ENV, after))
    plan = plan_migration(Migration(source, target, frm, to, wish, edit), rules)
    findings = check_migration(MigrationContext(source, target, rules, frm, to, plan))
    return MigrationProspect(source, target, plan, findings, keys, keys, extras=EXTRAS)


def chosen(world: World, source: Facts, target: Facts, *, planned: bool = False) -> Session:
    """Give a visit whose two ends are chosen; `planned`: what goes over is known as well."""
    world.controller.migration = migration(world, source, target)
    session = Session()
    undertaking.begin_migration(session, f"{OLD}:{PATH}")
    assert session.carrying is not None
    session.carrying.facts, session.path, session.facts = source, PATH, target
    if planned:
        undertaking.take(session, world.controller.migration)
    return session


@pose
async def migration_pair(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world, chosen(world, *ends(world)), start="migration") as drive:
        await drive.until_text("6.3.0 → 7.1.0")
        await sitting.shoot(drive)


@pose
async def migration_refused(sitting: Sitting) -> None:
    world = sitting.world()
    source, target = ends(world)
    older = replace(target, version=replace(target.version, release="5.4.1"))
    async with sitting.open(world, chosen(world, source, older), start="migration") as drive:
        await drive.until_text("which is older")
        await sitting.shoot(drive)


@pose
async def carry_keys(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world, chosen(world, *ends(world), planned=True), start="carry") as drive:
        await drive.until_text("APP_KEY")
        while "── DB_PASSWORD" not in drive.text():
            await drive.press("down")
        await sitting.shoot(drive)


@pose
async def carry_database(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world, chosen(world, *ends(world), planned=True), start="carry") as drive:
        await drive.until_text("APP_KEY")
        while "── DB_HOST" not in drive.text():
            await drive.press("down")
        await drive.press("c")
        await drive.until_text("Other database credentials")
        await sitting.shoot(drive)


@pose
async def carry_files(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world, chosen(world, *ends(world), planned=True), start="carry") as drive:
        await drive.until_text("APP_KEY")
        await drive.press("end", "up", "up")
        await sitting.shoot(drive)


@pose
async def backup_migration(sitting: Sitting) -> None:
    world = sitting.world()
    session = chosen(world, *ends(world), planned=True)
    assert session.prospect is not None
    session.acknowledged.update(one.id for one in session.prospect.findings)
    session.accepted.update(one.id for one in session.prospect.findings if one.acceptable)
    async with sitting.open(world, session, start="backup") as drive:
        await drive.until_text("What is saved of the source")
        await sitting.shoot(drive)
