"""The gallery's rooms from the run on: run, failure, verify, rollback, done, history; and what lies over all of them."""

from __future__ import annotations

from dataclasses import replace

from dfwizard import codec
from dfwizard.execution import events as ev
from dfwizard.execution.store import Run
from dfwizard.tui.session import Demo, Session
from dfwizard.tui.widgets.rowlist import RowList
from dfwizard.verification.result import Check, Verdict
from tests.tui.gallery import Sitting, planned, pose
from tests.tui.gallery_before import earlier_runs
from tests.tui.gallery_world import Teller, World

COMPOSER = "composer-7.1.0"


@pose
async def run_early(sitting: Sitting) -> None:
    world = sitting.world()
    told = world.run(living=True).done(before="fingerprint").begin("fingerprint").wait(4)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="run")
        await sitting.shoot(drive)


def installing(world: World) -> Teller:
    """Tell of a run that installs packages."""
    return world.run(living=True).done(before=COMPOSER).begin(COMPOSER, lines=96).wait(38)


@pose
async def run_composer(sitting: Sitting) -> None:
    world = sitting.world()
    told = installing(world)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="run")
        await sitting.shoot(drive)


@pose
async def run_paused(sitting: Sitting) -> None:
    world = sitting.world()
    told = world.run(living=True).done(through="migrate-7.1.0").say(ev.Paused("root")).wait(65)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="run")
        await sitting.shoot(drive)


@pose
async def run_step(sitting: Sitting) -> None:
    world = sitting.world()
    told = installing(world)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="run")
        await drive.press("i")
        await drive.until(lambda: drive.wizard.screen.is_modal, "the step")
        await sitting.shoot(drive)


@pose
async def run_output(sitting: Sitting) -> None:
    world = sitting.world()
    told = installing(world)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="run")
        await drive.press("o")
        await drive.until_text("byte")
        await drive.press("home", "slash")
        await drive.until_text("Search the output")
        await drive.type("df-core")
        await drive.until_text("df-core")
        await sitting.shoot(drive)


@pose
async def run_cut_off(sitting: Sitting) -> None:
    world = sitting.world()
    told = world.run().done(before=COMPOSER).begin(COMPOSER, lines=40).wait(38)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await drive.until_text("g goes on")
        await sitting.shoot(drive)


@pose
async def run_demo(sitting: Sitting) -> None:
    world = sitting.world()
    told = installing(world)
    async with sitting.open(
        world, Session(run=told.run), demo=Demo("An upgrade that goes well", "")
    ) as drive:
        await sitting.watch(drive, told.run, stage="run")
        await sitting.shoot(drive)


@pose
async def failure_migration(sitting: Sitting) -> None:
    world = sitting.world("migration-fails")
    told = world.run(living=True).fail().wait(5)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="failure")
        await sitting.shoot(drive)


@pose
async def failure_network(sitting: Sitting) -> None:
    world = sitting.world("composer-network")
    told = world.run(living=True).fail(before=31).wait(5)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="failure")
        await sitting.shoot(drive)


@pose
async def failure_remedy(sitting: Sitting) -> None:
    world = sitting.world("composer-network")
    told = world.run(living=True).fail(before=31).wait(5)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="failure")
        drive.wizard.screen.query_one(RowList).move_to("remedy")
        await drive.press("enter")
        await drive.until(lambda: drive.wizard.screen.is_modal, "the question")
        await sitting.shoot(drive)


@pose
async def failure_roll_back(sitting: Sitting) -> None:
    world = sitting.world("migration-fails")
    told = world.run(living=True).fail().wait(5)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="failure")
        drive.wizard.screen.query_one(RowList).move_to("rollback")
        await drive.press("enter")
        await drive.until(lambda: drive.wizard.screen.is_modal, "the question")
        await sitting.shoot(drive)


def well(world: World, *, warned: bool = False) -> Teller:
    """Tell of an upgrade that went well, with a backup to go back with; `warned`: with what the recording warned of."""
    world.backup()
    told = world.run().done()
    if warned:
        told.warned()
    return told.end("done-with-warnings" if warned else "done", 4 if warned else 0)


def flag(run: Run) -> None:
    """Have the run's verification say that something is not as it should be."""
    from dfwizard.verification.result import Verification

    file = run.directory / "verification.json"
    found = codec.loads(Verification, file.read_text(encoding="utf-8"))
    odd = (
        Check("status", "GET /status", "200", "500", Verdict.FAILED, "The instance answers with an error."),
        Check(
            "log",
            "New errors in the log",
            "",
            "2",
            Verdict.WARNING,
            "production.ERROR: Connection to smtp.example.com:587 refused",
        ),
    )
    kept = tuple(one for one in found.checks if one.id not in {check.id for check in odd})
    file.write_text(codec.dumps(replace(found, checks=(*kept, *odd))), encoding="utf-8")


async def at_the_end(
    sitting: Sitting, world: World, run: Run, stage: str, *keys: str, text: str = ""
) -> None:
    """Open a run that is over, go to a stage, and shoot."""
    async with sitting.open(world, Session(run=run)) as drive:
        await sitting.watch(drive, run)
        first = drive.wizard.stage
        if first != stage:
            drive.wizard.show(stage)
        await drive.until_stage(stage)
        for key in keys:
            await drive.press(key)
        if text:
            await drive.until_text(text)
        await sitting.shoot(drive)


@pose
async def verify_explained(sitting: Sitting) -> None:
    world = sitting.world()
    await at_the_end(sitting, world, well(world).run, "verify")


@pose
async def verify_flagged(sitting: Sitting) -> None:
    world = sitting.world("dirty-tree")
    told = well(world, warned=True)
    await at_the_end(sitting, world, told.run, "verify")


@pose
async def verify_failed(sitting: Sitting) -> None:
    world = sitting.world()
    told = well(world, warned=True)
    flag(told.run)
    await at_the_end(sitting, world, told.run, "verify", "down", "down")


@pose
async def rollback_asked(sitting: Sitting) -> None:
    world = sitting.world()
    world.controller.lost = (
        "app: 1 row more (5 after the upgrade, 6 now)",
        "user: 2 rows more (14 after the upgrade, 16 now)",
    )
    await at_the_end(sitting, world, well(world).run, "rollback", text="2 rows more")


@pose
async def rollback_typed(sitting: Sitting) -> None:
    world = sitting.world()
    world.controller.lost = ("user: 2 rows more (14 after the upgrade, 16 now)",)
    run = well(world).run
    async with sitting.open(world, Session(run=run)) as drive:
        await sitting.watch(drive, run)
        drive.wizard.show("rollback")
        await drive.until_text("2 rows more")
        await drive.press("enter")
        await drive.until(lambda: drive.wizard.screen.is_modal, "the question")
        await drive.press(*"dreamfact")
        await sitting.shoot(drive)


@pose
async def rollback_live(sitting: Sitting) -> None:
    world = sitting.world("migration-fails")
    told = world.run(living=True).fail().back().done(before="restore-tree").begin("restore-tree").wait(8)
    world.backup()
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="rollback")
        await sitting.shoot(drive)


def taken_back(world: World) -> Teller:
    """Tell of a rollback that went well."""
    world.backup()
    return world.run().fail().back().done().end("rolled-back", 5)


@pose
async def rollback_identical(sitting: Sitting) -> None:
    world = sitting.world("migration-fails")
    await at_the_end(sitting, world, taken_back(world).run, "rollback")


def not_taken_back(world: World) -> Teller:
    """Tell of a rollback that failed at the comparison."""
    import json

    world.backup()
    told = world.run().fail().back().done(before="compare").begin("compare")
    said = "The instance differs from what it was (2 differences), the first: table user has 14 rows instead of 13"
    told.say(ev.StepFailed("compare", said, None, seconds=9.0), after=9).end("rollback-failed", 6)
    differences = (
        ("database", "user", "table user has 14 rows instead of 13"),
        ("file", "storage/app/x", "storage/app/export.csv: owner dreamfactory:dreamfactory, now root:root"),
    )
    text = json.dumps([{"kind": kind, "name": name, "sentence": said} for kind, name, said in differences])
    (told.run.directory / "comparison.json").write_text(text, encoding="utf-8")
    return told


@pose
async def rollback_failed(sitting: Sitting) -> None:
    world = sitting.world("migration-fails")
    await at_the_end(sitting, world, not_taken_back(world).run, "rollback")


@pose
async def done_well(sitting: Sitting) -> None:
    world = sitting.world()
    await at_the_end(sitting, world, well(world).run, "done")


@pose
async def done_warnings(sitting: Sitting) -> None:
    world = sitting.world("dirty-tree")
    await at_the_end(sitting, world, well(world, warned=True).run, "done")


@pose
async def done_rolled_back(sitting: Sitting) -> None:
    world = sitting.world("migration-fails")
    await at_the_end(sitting, world, taken_back(world).run, "done")


@pose
async def done_failed(sitting: Sitting) -> None:
    world = sitting.world("migration-fails")
    world.backup()
    told = world.run().fail().say(ev.Decided("stop", "root"), after=40).end("stopped", 1)
    await at_the_end(sitting, world, told.run, "done")


@pose
async def done_report(sitting: Sitting) -> None:
    world = sitting.world()
    await at_the_end(sitting, world, well(world).run, "done", "p", text="Report of")


@pose
async def history_runs(sitting: Sitting) -> None:
    world = sitting.world()
    earlier_runs(sitting, world)
    well(world)
    async with sitting.open(world, start="history") as drive:
        await drive.until_text("MB")
        await sitting.shoot(drive)


@pose
async def history_delete(sitting: Sitting) -> None:
    world = sitting.world()
    earlier_runs(sitting, world)
    well(world)
    async with sitting.open(world, start="history") as drive:
        await drive.until_text("MB")
        rows = drive.wizard.screen.query_one(RowList)
        backups = [row.id for row in rows.rows if row.id.startswith("backup:")]
        rows.move_to(backups[0])
        await drive.pilot.pause()
        await drive.press("d")
        await drive.until(lambda: drive.wizard.screen.is_modal, "the question")
        await sitting.shoot(drive)


@pose
async def help_checks(sitting: Sitting) -> None:
    world = sitting.world("dirty-tree")
    async with sitting.open(world, planned(world), start="checks") as drive:
        await drive.until_stage("checks")
        await drive.press("question_mark")
        await drive.until(lambda: drive.wizard.screen.is_modal, "the help")
        await sitting.shoot(drive)


@pose
async def palette(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world, planned(world), start="path") as drive:
        await drive.until_stage("path")
        await drive.press("ctrl+p")
        await drive.until(lambda: drive.wizard.screen.is_modal, "the palette")
        await drive.press("p")
        await drive.until_text("Plan")
        await sitting.shoot(drive)


@pose
async def leaving(sitting: Sitting) -> None:
    world = sitting.world()
    told = installing(world)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="run")
        await drive.press("q")
        await drive.until_text("Leave the run going?")
        await sitting.shoot(drive)


@pose
async def ascii_run(sitting: Sitting) -> None:
    sitting.patch.setenv("TERM", "linux")
    sitting.patch.delenv("COLORTERM")
    world = sitting.world()
    told = installing(world)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="run")
        await sitting.shoot(drive)


@pose
async def no_color_checks(sitting: Sitting) -> None:
    sitting.patch.setenv("NO_COLOR", "1")
    world = sitting.world("php-too-old")
    async with sitting.open(world, planned(world), start="checks") as drive:
        await drive.until_stage("checks")
        await sitting.shoot(drive)


async def too_small(sitting: Sitting) -> None:
    """Be in a terminal that is too small."""
    world = sitting.world()
    told = installing(world)
    async with sitting.open(world, Session(run=told.run)) as drive:
        await sitting.watch(drive, told.run, stage="run")
        await sitting.shoot(drive)


pose(too_small, (56, 16))
