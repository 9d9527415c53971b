"""The steps around the hops: what comes before the code changes, and what opens the API again."""

from __future__ import annotations

from dfwizard.planning.plan import (
    EditDotenv,
    Execute,
    ProveBackup,
    Step,
    TakeBackup,
    TakeFingerprint,
    Undo,
    Verify,
)
from dfwizard.planning.road import TREE_BACK, Road

FINGERPRINT_BEFORE = "before"
"""The name, in the run, of the fingerprint that a rollback is compared with."""

HOMES = "/var/cache/dfwizard/"
"""Where an owner without a home gets one (see the facts' `owner_home`)."""


def steps_before(road: Road, shows: tuple[tuple[str, ...], tuple[str, ...]]) -> list[Step]:
    """Give the steps before the first change: maintenance, fingerprint, backup, proof (`shows`: shell lines of the last two)."""
    steps: list[Step] = _home(road)
    if not road.facts.artisan.maintenance:
        steps.append(
            Step(
                "maintenance-on",
                "Turn maintenance mode on",
                "Nobody may write while the backup is taken and the code changes.",
                road.artisan("down"),
                departs="The guide leaves the API open during the upgrade; then a backup is older than what users wrote. While code and "
                "packages are exchanged, until PHP restarts, requests may get 500 instead of 503.",
                undo=Undo.MAINTENANCE,
                undo_text="Maintenance mode is turned off again.",
                done_when=road.flag(),
                timeout=60,
            )
        )
    steps += [
        Step(
            "fingerprint",
            "Record what a rollback must bring back",
            "Commit, files, owners, modes, schema and rows are recorded, to be compared after a rollback.",
            TakeFingerprint(FINGERPRINT_BEFORE),
            timeout=3600,
        ),
        Step(
            "note-versions",
            "Note the PHP version",
            "The report says what PHP ran before.",
            Execute((road.php, "--version"), user=road.owner, env=road.env),
            guide="Pre-Upgrade Checklist, 3",
            timeout=30,
            skippable=True,
        ),
        Step(
            "backup",
            "Back up code, .env and database",
            "The way back: tree with vendor and untracked files, .env, a consistent dump, one manifest.",
            TakeBackup(road.wish.backup, shows[0]),
            guide="Pre-Upgrade Checklist, 1 and 2; Minor Version Upgrades, Step 1",
            departs="Instead of `cp -r`, which loses owners and setgid and nests on a second run, tar into a new directory; "
            "the dump carries no USE line.",
            undo_text="The backup stays until you delete it.",
            timeout=6 * 3600,
        ),
        Step(
            "prove",
            "Prove the backup",
            "A backup counts only once it has been restored into a scratch database and compared.",
            ProveBackup(road.wish.backup, shows[1]),
            departs="The guide trusts the dump unread.",
            undo_text="The scratch database is dropped at the end of the step.",
            timeout=6 * 3600,
        ),
    ]
    return steps


def _home(road: Road) -> list[Step]:
    """Make a home for an owner that has none (DreamFactory's installer makes the account without one on Debian and Ubuntu)."""
    home, owner, group = road.facts.owner_home, road.owner, road.facts.tree.group
    if road.facts.me != "root" or not home.startswith(HOMES):
        return []
    return [
        Step(
            "home",
            f"Make a home for {owner}",
            "composer keeps its cache and settings in the home of the tree's owner, who has none.",
            Execute(("install", "-d", "-o", owner, "-g", group, "-m", "0700", "--", home)),
            undo_text="It stays: it holds only composer's cache.",
            done_when=Execute(("test", "-d", home)),
            timeout=30,
        )
    ]


def dotenv_step(edit: EditDotenv | None) -> list[Step]:
    """Give the step that adds keys to `.env`, where there are any to add."""
    if edit is None:
        return []
    return [
        Step(
            "dotenv",
            "Add the keys that the target cannot do without",
            f"{', '.join(edit.keys)}: the new code would otherwise change its behaviour or break.",
            edit,
            guide="Upgrade Path by Version (review .env for new required variables)",
            undo=Undo.TREE,
            undo_text=".env comes back byte for byte from the backup.",
            timeout=30,
        )
    ]


def fetch_step(road: Road) -> Step:
    """Give the step that fetches the tags."""
    return Step(
        "fetch",
        "Fetch the releases",
        "The tags are fetched by full name: a clone of one tag has no master, and 7.4.0 is a branch as well.",
        road.git("fetch", "--force", "--no-tags", "origin", "+refs/tags/*:refs/tags/*"),
        guide="Minor Version Upgrades, Step 3 (git pull origin master)",
        departs="An explicit tag instead of whatever master is now.",
        undo=Undo.TREE,
        undo_text=TREE_BACK,
        timeout=900,
    )


def opening_step(road: Road) -> list[Step]:
    """Give the step that opens the API again, where it was open before."""
    if road.facts.artisan.maintenance:
        return []
    return [
        Step(
            "maintenance-off",
            "Turn maintenance mode off",
            "The API opens again; it was open before.",
            road.artisan("up"),
            done_when=Execute(("test", "!", "-e", f"{road.facts.path}/storage/framework/down")),
            undo=Undo.MAINTENANCE,
            undo_text="The rollback turns maintenance mode on while it works.",
            timeout=60,
        )
    ]


def steps_after(road: Road, release: str) -> list[Step]:
    """Give the steps that open the API again and verify it."""
    return [
        *opening_step(road),
        Step(
            "verify",
            "Verify the upgraded instance",
            "Before is compared with after: version, migrations, rows, key, HTTP answers, log, owners.",
            Verify(release, php=road.php if road.window else ""),
            guide="Verification",
            timeout=600,
        ),
    ]
