"""The gallery's rooms before the run: instance, detection, path, checks, backup."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from dfwizard.backup.outlook import BackupProgress, PartProgress
from dfwizard.demo import scenario
from dfwizard.instance.discover import Found
from dfwizard.instance.facts import Evidence
from dfwizard.tui.session import Demo, Session
from dfwizard.tui.widgets.rowlist import RowList
from tests.tui.gallery import Sitting, ids_of, met, planned, pose
from tests.tui.gallery_recording import PATH, STATE
from tests.tui.gallery_world import ENV_SIZE, World

MADRID = "/srv/dreamfactory-eu"


def earlier_runs(sitting: Sitting, world: World) -> None:
    """Put runs of the last weeks there: one that went well, one that was taken back, one that failed."""
    for number, (days, source) in enumerate(
        ((60, "smooth"), (31, "migration-fails"), (9, "migration-fails"))
    ):
        when = datetime(2026, 1, 4, 1, 10, 4, tzinfo=timezone.utc) - timedelta(days=days)
        run_id = f"{when:%Y%m%d-%H%M%S}-{'c3d4' if number else '7e20'}"
        backup = f"{STATE}/backups/dreamfactory-{when:%Y%m%d-%H%M%S}"
        teller = world.run(recording=sitting.recording(source), run_id=run_id, start=when, backup=backup)
        if number == 0:
            teller.done().end("done", 0)
        elif number == 1:
            teller.fail().back().done().end("rolled-back", 5)
        else:
            teller.fail().end("stopped", 1)
        world.backup(backup, at=when, proven=number != 2)


@pose
async def instance_found(sitting: Sitting) -> None:
    world = sitting.world()
    earlier_runs(sitting, world)
    going = world.run(living=True).done(before="composer-7.1.0").begin("composer-7.1.0").wait(21)
    del going
    world.controller.found = (
        Found(PATH, "nginx serves it (/etc/nginx/sites-enabled/dreamfactory.conf)", "6.3.0"),
        Found(MADRID, "nginx serves it (/etc/nginx/sites-enabled/eu.conf)", "5.4.1"),
    )
    async with sitting.open(world) as drive:
        await drive.until_text(MADRID)
        await sitting.shoot(drive)


@pose
async def instance_first_time(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world) as drive:
        await drive.until_text("The first time here?")
        await sitting.shoot(drive)


@pose
async def instance_typed(sitting: Sitting) -> None:
    world = sitting.world()
    for name in ("dreamfactory", "dreamfactory-old", "dreamfactory-test"):
        (world.root / "srv" / name).mkdir(parents=True)
    async with sitting.open(world) as drive:
        await drive.until_text("The first time here?")
        await drive.press("o")
        for character in "/srv/dr":
            await drive.pilot.press("slash" if character == "/" else character)
        await drive.press("tab", "tab")
        await sitting.shoot(drive)


@pose
async def instance_demo(sitting: Sitting) -> None:
    world = sitting.world()
    world.controller.found = (Found(PATH, "where you have just been", "6.3.0"),)
    shown = scenario("smooth")
    async with sitting.open(world, demo=Demo(shown.title, shown.story)) as drive:
        await drive.until_text("where you")
        await sitting.shoot(drive)


@pose
async def detection_looking(sitting: Sitting) -> None:
    world = sitting.world()
    world.controller.answers = 6
    async with sitting.open(world, Session(path=PATH), start="detection") as drive:
        await drive.until_text("8.3.14")
        await sitting.shoot(drive, busy=True)


@pose
async def detection_complete(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world, met(world.recording.facts), start="detection") as drive:
        await sitting.shoot(drive)


@pose
async def detection_odd(sitting: Sitting) -> None:
    world = sitting.world("dirty-tree")
    facts = world.recording.facts
    assert facts.database is not None
    assert facts.status is not None
    version = replace(
        facts.version,
        conflicts=(
            "/status answers 6.2.1, and the commit is that of 6.3.0: the web server runs older code.",
        ),
        evidence=tuple(
            replace(one, said="6.2.1", fits=("6.2.1",)) if one.source == "status" else one
            for one in facts.version.evidence
        ),
    )
    odd = replace(
        facts, version=version, artisan=replace(facts.artisan, maintenance=True, config_cached=True)
    )
    async with sitting.open(world, met(odd), start="detection") as drive:
        await sitting.shoot(drive)


@pose
async def detection_version(sitting: Sitting) -> None:
    world = sitting.world()
    facts = world.recording.facts
    assert any(isinstance(one, Evidence) for one in facts.version.evidence)
    async with sitting.open(world, met(facts), start="detection") as drive:
        await drive.until_stage("detection")
        drive.wizard.screen.query_one(RowList).move_to("version")
        await drive.press("enter")
        await drive.until(lambda: drive.wizard.screen.is_modal, "the details")
        await sitting.shoot(drive)


@pose
async def path_releases(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world, met(world.recording.facts, target=""), start="path") as drive:
        await drive.until_stage("path")
        await sitting.shoot(drive)


@pose
async def path_planned(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world, met(world.recording.facts), start="path") as drive:
        await drive.until_stage("path")
        await drive.press("enter")
        await drive.until_text("Planned:")
        await sitting.shoot(drive)


@pose
async def path_hops(sitting: Sitting) -> None:
    world = sitting.world("long-road")
    async with sitting.open(world, planned(world), start="path") as drive:
        await drive.until_stage("path")
        await sitting.shoot(drive)


@pose
async def path_refused(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world, met(world.recording.facts), start="path") as drive:
        await drive.until_stage("path")
        drive.wizard.screen.query_one(RowList).move_to("7.0.0")
        await sitting.shoot(drive)


@pose
async def path_plan_read(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world, planned(world), start="path") as drive:
        await drive.until_stage("path")
        await drive.press("p")
        await drive.until(lambda: drive.wizard.screen.is_modal, "the plan")
        await sitting.shoot(drive)


@pose
async def checks_warnings(sitting: Sitting) -> None:
    world = sitting.world("dirty-tree")
    async with sitting.open(world, planned(world), start="checks") as drive:
        await drive.until_stage("checks")
        drive.wizard.screen.query_one(RowList).move_to(ids_of(world, "warning")[0])
        await sitting.shoot(drive)


@pose
async def checks_blocked(sitting: Sitting) -> None:
    world = sitting.world("php-too-old")
    async with sitting.open(world, planned(world), start="checks") as drive:
        await drive.until_stage("checks")
        await sitting.shoot(drive)


@pose
async def checks_remedy_asked(sitting: Sitting) -> None:
    world = sitting.world("dirty-tree")
    async with sitting.open(world, planned(world), start="checks") as drive:
        await drive.until_stage("checks")
        drive.wizard.screen.query_one(RowList).move_to("local-changes")
        await drive.pilot.pause()
        await drive.press("m")
        await drive.until_text("Run this command now?")
        await sitting.shoot(drive)


@pose
async def checks_remedy_done(sitting: Sitting) -> None:
    world = sitting.world("dirty-tree")
    async with sitting.open(world, planned(world), start="checks") as drive:
        await drive.until_stage("checks")
        drive.wizard.screen.query_one(RowList).move_to("local-changes")
        await drive.pilot.pause()
        await drive.press("m")
        await drive.until_text("Run this command now?")
        await drive.press("y")
        await drive.until_text("3 files changed")
        await sitting.shoot(drive)


@pose
async def checks_accepted(sitting: Sitting) -> None:
    world = sitting.world("dirty-tree")
    async with sitting.open(world, planned(world, read=True), start="checks") as drive:
        await drive.until_stage("checks")
        await sitting.shoot(drive)


@pose
async def checks_checklist(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world, planned(world, read=True), start="checks") as drive:
        await drive.until_stage("checks")
        rows = drive.wizard.screen.query_one(RowList)
        items = [row.id for row in rows.rows if row.id.startswith("checklist:")]
        rows.move_to(items[-3])
        await sitting.shoot(drive)


@pose
async def backup_before(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world, planned(world, read=True), start="backup") as drive:
        await drive.until_stage("backup")
        await sitting.shoot(drive)


@pose
async def backup_directory(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world, planned(world, read=True), start="backup") as drive:
        await drive.until_stage("backup")
        await drive.press("d")
        await drive.until_text("Where the backup goes")
        await sitting.shoot(drive)


@pose
async def backup_start(sitting: Sitting) -> None:
    world = sitting.world("dirty-tree")
    async with sitting.open(world, planned(world, read=True), start="backup") as drive:
        await drive.until_stage("backup")
        await drive.press("enter")
        await drive.until_text("Start the upgrade?")
        await sitting.shoot(drive)


def going_on(world: World) -> None:
    """Have the controller tell of a backup whose archive is being written, twenty seconds between two looks."""
    parts = (
        PartProgress("env", "done", ENV_SIZE, ENV_SIZE),
        PartProgress("database", "done", 31_904_000, 31_904_000),
    )

    def seen(tree: int) -> BackupProgress:
        tree_part = PartProgress("tree", "writing", tree, 156_200_000)
        return BackupProgress((*parts, tree_part), 31_905_210 + tree, 31_905_210 + 156_200_000)

    def looks() -> object:
        yield seen(9_000_000)
        world.tick += 4
        while True:
            yield seen(61_300_000)

    world.controller.written = looks()  # type: ignore[assignment]


@pose
async def backup_writing(sitting: Sitting) -> None:
    world = sitting.world()
    run = world.run(living=True).done(before="backup").begin("backup", lines=2).wait(9).run
    going_on(world)
    async with sitting.open(world, Session(run=run)) as drive:
        await drive.until_stage("backup")
        await drive.until_text("/s")
        await sitting.shoot(drive)


@pose
async def backup_proof(sitting: Sitting) -> None:
    world = sitting.world()
    told = world.run(living=True).done(before="prove").begin("prove", lines=3)
    world.backup()
    told.wait(11)
    parts = (
        PartProgress("env", "done", ENV_SIZE, ENV_SIZE),
        PartProgress("database", "done", 31_904_000, 31_904_000),
        PartProgress("tree", "done", 88_112_000, 88_112_000),
    )
    whole = BackupProgress(parts, 120_017_210, 120_017_210)
    world.controller.written = iter([whole] * 50)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="backup")
        await sitting.shoot(drive)
