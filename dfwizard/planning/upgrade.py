"""The upgrade's plan: the official guide's steps in the guide's order, made safe where its letter is not.

Every departure from the letter is named in the step that departs. A pure function of facts, rules and wishes.
"""

from __future__ import annotations

from dataclasses import dataclass

from dfwizard.errors import BlockedError
from dfwizard.instance.facts import Facts
from dfwizard.instance.origin import OriginFacts, TargetFacts
from dfwizard.planning.constraint import allows, php_minors
from dfwizard.planning.plan import (
    EditDotenv,
    Execute,
    Hop,
    Plan,
    ProveBackup,
    Step,
    TakeBackup,
    TakeFingerprint,
    Undo,
    Verify,
)
from dfwizard.rules import Release, Rules, stops

FINGERPRINT_BEFORE = "before"
"""The name, in the run, of the fingerprint that a rollback is compared with."""

UI_INSTALLER = "dreamfactory/installer"
"""The composer plugin that puts the admin UI into public/: where the target has it, plugins must run."""

HOMES = "/var/cache/dfwizard/"
"""Where an owner without a home gets one (see the facts' `owner_home`)."""

_TREE_BACK = "The whole tree, with vendor, .git and .env, comes back from the backup by renaming."
_DATABASE_BACK = "The database is emptied and filled from the proven dump."
_ARTISAN = ("--no-interaction", "--no-ansi")
_WRONG_DATABASE = ("Migration driver used", "Preparing database", "Migration table created")
"""Printed only when a schema is built from nothing: the application is not on the database that was backed up."""


@dataclass(frozen=True)
class Wish:
    """What the user wants beyond the target: where the backup goes, which PHP runs artisan and composer, and the service names.

    `php` None means the one on the PATH. `admin_ui` is a release.zip of df-admin-interface on the host: DreamFactory 6.x has its
    admin UI outside of composer.
    """

    backup: str
    php: str | None = None
    admin_ui: str | None = None


@dataclass(frozen=True)
class _Road:
    facts: Facts
    wish: Wish
    origin: OriginFacts
    hops: tuple[Hop, ...]

    @property
    def owner(self) -> str:
        return self.facts.tree.owner

    @property
    def php(self) -> str:
        return self.wish.php or "php"

    @property
    def env(self) -> dict[str, str]:
        return {"HOME": self.facts.owner_home}

    def git(self, *arguments: str, mend: tuple[str, ...] = ()) -> Execute:
        argv = ("git", "-C", self.facts.path, *arguments)
        return Execute(argv, user=self.owner, env=self.env, mend=mend)

    def artisan(self, *arguments: str, refuse: tuple[str, ...] = ()) -> Execute:
        return Execute(
            (self.php, "artisan", *arguments, *_ARTISAN),
            cwd=self.facts.path,
            user=self.owner,
            env=self.env,
            refuse=refuse,
        )

    def flag(self) -> Execute:
        return Execute(("test", "-e", f"{self.facts.path}/storage/framework/down"))


def road(facts: Facts, rules: Rules, target: str) -> tuple[Release, tuple[Release, ...]]:
    """Give the release installed and the stops on the way to `target` (a tag, a version or `latest`).

    Raises:
        BlockedError: the installed release is not known, there is nothing to do, or the rules refuse the way.
        UsageError: the target is no known release.
    """
    goal = rules.resolve(target)
    installed = rules.by_tag(facts.version.release) if facts.version.release else None
    if installed is None:
        raise BlockedError(
            "the installed release could not be told, so no road can be planned",
            where=facts.path,
            remedy=f"`dfwizard inspect {facts.path}` shows what was found and what disagrees.",
        )
    way = stops(rules, installed, goal)
    if not way:
        raise BlockedError(
            f"{goal.tag} is what is installed already: nothing to do",
            where=facts.path,
            remedy=_newer(rules, installed),
        )
    return installed, way


def _newer(rules: Rules, installed: Release) -> str:
    newest = rules.newest()
    if newest.commit == installed.commit:
        return "It is the newest release known."
    return f"The newest release known is {newest.tag}."


def dotenv_changes(facts: Facts, rules: Rules, installed: Release, goal: Release) -> dict[str, str | None]:
    """Give the keys that `.env` needs before the code changes, with their values."""
    present = dict(facts.dotenv.values) if facts.dotenv else {}
    return {item.key: item.value for item in rules.required_env(installed, goal, present)}


def php_window(target: TargetFacts) -> tuple[str, ...]:
    """Give the PHP minors that composer.json and every locked production package of a release allow."""
    return php_minors(target.php.values())


def plan_upgrade(
    facts: Facts,
    origin: OriginFacts,
    rules: Rules,
    installed: Release,
    way: tuple[Release, ...],
    wish: Wish,
    edit: EditDotenv | None,
    shows: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
) -> Plan:
    """Make the plan from `installed` over the stops in `way`.

    `edit` is the change of `.env` with its diff (None: nothing to change); `shows` the shell lines of taking and of proving the backup.
    """
    legs = tuple(zip((installed, *way), way, strict=False))
    hops = tuple(_hop(rules, origin, frm, to) for frm, to in legs)
    the_road = _Road(facts, wish, origin, hops)
    steps = [*_before(the_road, shows), *_dotenv(edit), _fetch(the_road)]
    for index, hop in enumerate(hops):
        steps += _leg(the_road, index, hop)
    steps += _after(the_road, hops[-1].to)
    return Plan(
        kind="upgrade",
        instance=facts.path,
        frm=installed.tag,
        to=way[-1].tag,
        backup=wish.backup,
        owner=facts.tree.owner,
        me=facts.me,
        hops=hops,
        steps=tuple(steps),
    )


def _hop(rules: Rules, origin: OriginFacts, frm: Release, to: Release) -> Hop:
    rows = rules.hops(frm, to)
    target = origin.target(to.tag)
    return Hop(
        frm=frm.tag,
        to=to.tag,
        commit=origin.commit(to.tag) or to.commit,
        php=php_window(target) if target else to.php_minors,
        method=rows[0].method if rows else "In-place",
        notes=tuple(note for row in rows for note in (row.notes, *(fact.text for fact in row.facts)) if note),
        warnings=tuple(warning.text for warning in to.warnings),
    )


def _before(road: _Road, shows: tuple[tuple[str, ...], tuple[str, ...]]) -> list[Step]:
    steps: list[Step] = _home(road)
    if not road.facts.artisan.maintenance:
        steps.append(
            Step(
                "maintenance-on",
                "Turn maintenance mode on",
                "Nobody may write while the backup is taken and the code changes.",
                road.artisan("down"),
                departs="The guide leaves the API open during the upgrade; then a backup is older than what users wrote.",
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
            weight=5,
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
            weight=10,
        ),
        Step(
            "prove",
            "Prove the backup",
            "A backup counts only once it has been restored into a scratch database and compared.",
            ProveBackup(road.wish.backup, shows[1]),
            departs="The guide trusts the dump unread.",
            undo_text="The scratch database is dropped at the end of the step.",
            timeout=6 * 3600,
            weight=15,
        ),
    ]
    return steps


def _home(road: _Road) -> list[Step]:
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


def _dotenv(edit: EditDotenv | None) -> list[Step]:
    if edit is None:
        return []
    return [
        Step(
            "dotenv",
            "Add the keys that the target cannot do without",
            f"{', '.join(edit.changes)}: the new code would otherwise change its behaviour or break.",
            edit,
            guide="Upgrade Path by Version (review .env for new required variables)",
            undo=Undo.TREE,
            undo_text=".env comes back byte for byte from the backup.",
            timeout=30,
        )
    ]


def _fetch(road: _Road) -> Step:
    return Step(
        "fetch",
        "Fetch the releases",
        "The tags are fetched by full name: a clone of one tag has no master, and 7.4.0 is a branch as well.",
        road.git("fetch", "--force", "--no-tags", "origin", "+refs/tags/*:refs/tags/*"),
        guide="Minor Version Upgrades, Step 3 (git pull origin master)",
        departs="An explicit tag instead of whatever master is now.",
        undo=Undo.TREE,
        undo_text=_TREE_BACK,
        timeout=900,
        weight=5,
    )


def _leg(road: _Road, index: int, hop: Hop) -> list[Step]:
    target = road.origin.target(hop.to)
    steps = [*_stash(road, index), _checkout(road, index, hop), *_ownership(road, index)]
    steps += [*_packages(road, index, hop, target), _migrate(road, index, hop), *_caches(road, index)]
    if hop is road.hops[-1]:
        steps += _admin_ui(road, index, hop)
        # Before its gate: with opcache.validate_timestamps=0 PHP serves the old code until it restarts.
        steps += _restarts(road.facts)
    steps.append(
        Step(
            f"gate-{hop.to}",
            f"Check that {hop.to} is whole",
            "The next leg, or the opening of the API, begins only on a release that is complete.",
            Verify(hop.to, final=False),
            guide="Verification",
            timeout=600,
            hop=index,
            weight=3,
        )
    )
    return steps


def _stash(road: _Road, index: int) -> list[Step]:
    if index or not (road.facts.git and road.facts.git.dirty):
        return []
    push = ("stash", "push", "--message", f"dfwizard: local changes before {road.hops[-1].to}")
    return [
        Step(
            "stash",
            "Put local changes of tracked files aside",
            f"{len(road.facts.git.dirty)} tracked files differ from the commit; a checkout would refuse or overwrite them.",
            road.git(
                "-c", "user.name=dfwizard", "-c", "user.email=dfwizard@localhost", *push, mend=_unlock(road)
            ),
            guide="Minor Version Upgrades, Step 2",
            departs="The guide never says that the stash waits: the report names it.",
            undo=Undo.TREE,
            undo_text=_TREE_BACK,
            done_when=road.git("diff", "--quiet", "HEAD"),
            timeout=300,
            hop=index,
        )
    ]


def _unlock(road: _Road) -> tuple[str, ...]:
    git = f"{road.facts.path}/.git"
    return ("rm", "-f", "--", f"{git}/index.lock", f"{git}/HEAD.lock", f"{git}/refs/stash.lock")


def _checkout(road: _Road, index: int, hop: Hop) -> Step:
    at_commit = 'test "$(git -C "$1" rev-parse HEAD)" = "$2" && git -C "$1" diff --quiet HEAD'
    return Step(
        f"checkout-{hop.to}",
        f"Check out {hop.to}",
        "The release is checked out by the commit that its tag stands for.",
        road.git("checkout", "--quiet", "--force", "--detach", hop.commit, mend=_unlock(road)),
        guide="Minor Version Upgrades, Step 3",
        departs="By commit instead of `git checkout master`, which fails on a tag clone and jumps to the newest release.",
        undo=Undo.TREE,
        undo_text=_TREE_BACK,
        done_when=Execute(
            ("sh", "-c", at_commit, "sh", road.facts.path, hop.commit), user=road.owner, env=road.env
        ),
        timeout=600,
        hop=index,
        weight=2,
    )


def _ownership(road: _Road, index: int) -> list[Step]:
    facts = road.facts
    user, group = facts.web.user or facts.tree.owner, facts.tree.group
    caches = (f"{facts.path}/storage", f"{facts.path}/bootstrap/cache")
    stale = f"{facts.path}/bootstrap/cache"
    steps = []
    if facts.me == "root":
        others = ("-not", "(", "-user", user, "-group", group, ")")
        steps.append(
            Step(
                f"owners-{road.hops[index].to}",
                "Give storage and bootstrap/cache to the web server's account",
                "Files that another account wrote there cannot be written by PHP.",
                Execute(
                    (
                        "find",
                        *caches,
                        "-xdev",
                        *others,
                        "-exec",
                        "chown",
                        "-h",
                        f"{user}:{group}",
                        "--",
                        "{}",
                        "+",
                    )
                ),
                guide="Minor Version Upgrades, Step 4 (chown, chmod)",
                departs="Modes stay as they are: `chmod -R 2775` would make every log and upload executable and readable by all.",
                undo=Undo.TREE,
                undo_text=_TREE_BACK,
                timeout=600,
                hop=index,
            )
        )
    steps.append(
        Step(
            f"compiled-{road.hops[index].to}",
            "Remove the compiled files of the old release",
            "Cached configuration, packages and services of the old code break the new one before composer can replace them.",
            Execute(
                ("find", stale, "-maxdepth", "1", "-name", "*.php", "-delete"), user=road.owner, env=road.env
            ),
            guide="Troubleshooting: Migration Command Not Found",
            departs="The files that matter are bootstrap/cache/*.php; compiled.php has not existed since Laravel 5.",
            undo=Undo.TREE,
            undo_text=_TREE_BACK,
            timeout=60,
            hop=index,
        )
    )
    return steps


def ignored_requirements(facts: Facts, target: TargetFacts | None) -> tuple[str, ...]:
    """Give the platform requirements that this server does not meet: `php` and `ext-…` names.

    Composer is told to ignore exactly these, and the checks show each of them first.
    """
    php = facts.cli()
    if target is None or php is None:
        return ()
    unmet = [] if all(allows(constraint, php.version) for constraint in target.php.values()) else ["php"]
    unmet += [name for name in target.extensions if name.removeprefix("ext-").lower() not in php.extensions]
    return tuple(unmet)


def _packages(road: _Road, index: int, hop: Hop, target: TargetFacts | None) -> list[Step]:
    """Give the composer step; where the old vendor holds a plugin that the target does not allow, composer must not load it."""
    before = road.origin.target(hop.frm)
    stale = set(before.plugins) - set(target.plugins) if before and target else set()
    if not stale:
        return [_composer(road, index, hop, target)]
    if target is not None and UI_INSTALLER not in target.plugins:
        return [_composer(road, index, hop, target, "--no-plugins")]
    remove = Step(
        f"vendor-{hop.to}",
        "Remove the old packages",
        f"{', '.join(sorted(stale))} plugs into composer and {hop.to} does not allow it: composer would refuse to start.",
        Execute(("rm", "-rf", "--", f"{road.facts.path}/vendor"), user=road.owner, env=road.env),
        guide="Troubleshooting: Composer Install Errors",
        undo=Undo.TREE,
        undo_text=_TREE_BACK,
        timeout=300,
        hop=index,
    )
    return [remove, _composer(road, index, hop, target)]


def _composer(road: _Road, index: int, hop: Hop, target: TargetFacts | None, *more: str) -> Step:
    facts = road.facts
    program = ("composer",) if road.wish.php is None else (road.wish.php, facts.composer_path or "composer")
    ignored = tuple(f"--ignore-platform-req={name}" for name in ignored_requirements(facts, target))
    env = {**road.env, "COMPOSER_MEMORY_LIMIT": "-1"}
    if road.owner == "root":
        env["COMPOSER_ALLOW_SUPERUSER"] = "1"  # else plugins are disabled, and the admin UI is not installed
    return Step(
        f"composer-{hop.to}",
        f"Install the packages of {hop.to}",
        "vendor must be what composer.lock of the release says.",
        Execute(
            (
                *program,
                "install",
                "--no-dev",
                "--no-interaction",
                "--no-progress",
                "--no-ansi",
                *more,
                *ignored,
            ),
            cwd=facts.path,
            user=road.owner,
            env=env,
            refuse=("plugins have been disabled",),
        ),
        guide="Minor Version Upgrades, Step 4 (composer install --no-dev --ignore-platform-reqs)",
        departs="Only requirements that the checks have shown are ignored: with --ignore-platform-reqs composer leaves out "
        "vendor/composer/platform_check.php, and a wrong PHP is found out at run time.",
        undo=Undo.TREE,
        undo_text=_TREE_BACK,
        timeout=3600,
        hop=index,
        weight=30,
    )


_INSTALL_UI = """\
set -eu
place=$(mktemp -d)
trap 'rm -rf -- "$place"' EXIT
unzip -q "$1" -d "$place"
mv -- "$place/dist/index.html" "$2/resources/views/index.blade.php"
cp -R -- "$place/dist/." "$2/public/"
"""


def _admin_ui(road: _Road, index: int, hop: Hop) -> list[Step]:
    """Give the step that installs the admin UI of 6.x, where the user named its release.zip."""
    if road.wish.admin_ui is None:
        return []
    return [
        Step(
            "admin-ui",
            f"Install the admin UI of {hop.to}",
            "DreamFactory 6.x has its admin UI outside of composer; without it the front page answers 500.",
            Execute(
                ("sh", "-c", _INSTALL_UI, "sh", road.wish.admin_ui, road.facts.path),
                user=road.owner,
                env=road.env,
            ),
            departs="The guide leaves it out; DreamFactory's installer does it as option 8.",
            undo=Undo.TREE,
            undo_text=_TREE_BACK,
            done_when=Execute(("test", "-e", f"{road.facts.path}/resources/views/index.blade.php")),
            timeout=300,
            hop=index,
        )
    ]


def _migrate(road: _Road, index: int, hop: Hop) -> Step:
    return Step(
        f"migrate-{hop.to}",
        f"Migrate the system database to {hop.to}",
        "The release's migrations and default rows are applied.",
        road.artisan("migrate", "--seed", "--force", refuse=("(?i)command cancell?ed", *_WRONG_DATABASE)),
        guide="Minor Version Upgrades, Step 4 (php artisan migrate --seed)",
        departs="--force, without which nothing happens when APP_ENV is production.",
        undo=Undo.DATABASE,
        undo_text=_DATABASE_BACK,
        timeout=6 * 3600,
        hop=index,
        weight=5,
    )


def _caches(road: _Road, index: int) -> list[Step]:
    release = road.hops[index].to
    return [
        Step(
            f"config-clear-{release}",
            "Clear the cached configuration",
            "A cached configuration would hide every change of .env.",
            road.artisan("config:clear"),
            guide="Minor Version Upgrades, Step 4",
            departs="Before cache:clear, which otherwise clears the store of the old configuration.",
            undo=Undo.TREE,
            undo_text=_TREE_BACK,
            timeout=120,
            hop=index,
        ),
        Step(
            f"cache-clear-{release}",
            "Clear the application's cache",
            "Objects that the old release cached cannot be read by the new one.",
            road.artisan("cache:clear", refuse=("(?i)failed to clear cache",)),
            guide="Minor Version Upgrades, Step 4",
            departs="Its output is read: it exits with 0 when it failed.",
            undo=Undo.TREE,
            undo_text=_TREE_BACK,
            timeout=300,
            hop=index,
        ),
    ]


def _restarts(facts: Facts) -> list[Step]:
    """Give the restarts of PHP and web server: empty where dfwizard may not, or does not know the units."""
    web = facts.web
    units = [
        (unit, part) for unit, part in ((web.fpm_service, "php-fpm"), (web.server_service, "web")) if unit
    ]
    steps = []
    for unit, part in units:
        fpm = part == "php-fpm"
        steps.append(
            Step(
                f"restart-{part}",
                f"Restart {unit}",
                "opcache keeps the old code until PHP restarts."
                if fpm
                else "The web server is restarted as the guide asks.",
                Execute(("systemctl", "restart", unit)),
                guide="Minor Version Upgrades, Step 5",
                departs="The guide restarts the web server alone; DreamFactory's installer sets opcache.validate_timestamps=0."
                if fpm
                else "",
                undo=Undo.SERVICES,
                undo_text="It is restarted again after the rollback.",
                timeout=120,
            )
        )
    return steps


def _after(road: _Road, release: str) -> list[Step]:
    steps = []
    if not road.facts.artisan.maintenance:
        steps.append(
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
        )
    steps.append(
        Step(
            "verify",
            "Verify the upgraded instance",
            "Before is compared with after: version, migrations, rows, key, HTTP answers, log, owners.",
            Verify(release),
            guide="Verification",
            timeout=600,
            weight=5,
        )
    )
    return steps
