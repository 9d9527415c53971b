"""The steps of one hop: stash, checkout, owners, packages, migration, caches, restarts, gate."""

from __future__ import annotations

from dfwizard.instance.facts import Facts
from dfwizard.instance.origin import TargetFacts
from dfwizard.planning.constraint import allows
from dfwizard.planning.plan import Execute, Hop, Step, Undo, Verify
from dfwizard.planning.road import TREE_BACK, Road

UI_INSTALLER = "dreamfactory/installer"
"""The composer plugin that puts the admin UI into public/: where the target has it, plugins must run."""

_DATABASE_BACK = "The database is emptied and filled from the proven dump."
_WRONG_DATABASE = ("Migration driver used", "Preparing database", "Migration table created")
"""Printed only when a schema is built from nothing: the application is not on the database that was backed up."""

_NO_NETWORK = (
    "Failed to download .*(Could not resolve host|getaddrinfo)",
    "unable to access .*Could not resolve host",
)
"""What composer and its git say of the first package without a network; left alone it tries all of them, for eleven minutes."""


def hop_steps(road: Road, index: int, hop: Hop) -> list[Step]:
    """Give the steps from one release to the next stop, the gate last; `index` is the place of `hop` on the road."""
    target = road.origin.target(hop.to)
    steps = [*_stash(road, index), _checkout(road, index, hop), *ownership_steps(road, index)]
    steps += _licence(road, index, hop)
    steps += [*_packages(road, index, hop, target), migrate_step(road, index, hop), *cache_steps(road, index)]
    if hop is road.hops[-1]:
        steps += _admin_ui(road, index, hop)
        # Before its gate: with opcache.validate_timestamps=0 PHP serves the old code until it restarts.
        steps += restart_steps(road.facts, road.window)
    steps.append(
        Step(
            f"gate-{hop.to}",
            f"Check that {hop.to} is whole",
            "The next leg, or the opening of the API, begins only on a release that is complete.",
            Verify(hop.to, final=False, php=road.php if road.gated(index) else ""),
            guide="Verification",
            timeout=600,
            hop=index,
        )
    )
    return steps


def _stash(road: Road, index: int) -> list[Step]:
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
            undo_text=TREE_BACK,
            done_when=road.git("diff", "--quiet", "HEAD"),
            timeout=300,
            hop=index,
        )
    ]


def _unlock(road: Road) -> tuple[str, ...]:
    git = f"{road.facts.path}/.git"
    return ("rm", "-f", "--", f"{git}/index.lock", f"{git}/HEAD.lock", f"{git}/refs/stash.lock")


def _checkout(road: Road, index: int, hop: Hop) -> Step:
    at_commit = 'test "$(git -C "$1" rev-parse HEAD)" = "$2" && git -C "$1" diff --quiet HEAD'
    return Step(
        f"checkout-{hop.to}",
        f"Check out {hop.to}",
        "The release is checked out by the commit that its tag stands for.",
        road.git("checkout", "--quiet", "--force", "--detach", hop.commit, mend=_unlock(road)),
        guide="Minor Version Upgrades, Step 3",
        departs="By commit instead of `git checkout master`, which fails on a tag clone and jumps to the newest release.",
        undo=Undo.TREE,
        undo_text=TREE_BACK,
        done_when=Execute(
            ("sh", "-c", at_commit, "sh", road.facts.path, hop.commit), user=road.owner, env=road.env
        ),
        timeout=600,
        hop=index,
    )


def ownership_steps(road: Road, index: int) -> list[Step]:
    """Give the steps that give the caches to the web server's account, and remove what was compiled of other code."""
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
                undo_text=TREE_BACK,
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
            undo_text=TREE_BACK,
            timeout=60,
            hop=index,
        )
    )
    return steps


def ignored_requirements(facts: Facts, target: TargetFacts | None, *, gated: bool = False) -> tuple[str, ...]:
    """Give the platform requirements that this server does not meet: `php` and `ext-…` names.

    Composer is told to ignore exactly these, and the checks show each of them first. `gated`: PHP has been switched to one that the
    target allows, with the extensions of the one before.
    """
    php = facts.cli()
    if target is None or php is None:
        return ()
    unmet = (
        [] if gated or all(allows(constraint, php.version) for constraint in target.php.values()) else ["php"]
    )
    unmet += [name for name in target.extensions if name.removeprefix("ext-").lower() not in php.extensions]
    return tuple(unmet)


def _packages(road: Road, index: int, hop: Hop, target: TargetFacts | None) -> list[Step]:
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
        undo_text=TREE_BACK,
        timeout=300,
        hop=index,
    )
    return [remove, _composer(road, index, hop, target)]


def _composer(road: Road, index: int, hop: Hop, target: TargetFacts | None, *more: str) -> Step:
    facts = road.facts
    program = ("composer",) if road.wish.php is None else (road.wish.php, facts.composer_path or "composer")
    ignored = tuple(
        f"--ignore-platform-req={name}"
        for name in ignored_requirements(facts, target, gated=road.gated(index))
    )
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
            stop_on=_NO_NETWORK,
        ),
        guide="Minor Version Upgrades, Step 4 (composer install --no-dev --ignore-platform-reqs)",
        departs="Only requirements that the checks have shown are ignored: with --ignore-platform-reqs composer leaves out "
        "vendor/composer/platform_check.php, and a wrong PHP is found out at run time.",
        undo=Undo.TREE,
        undo_text=TREE_BACK,
        timeout=3600,
        hop=index,
    )


_PUT_LICENCE = """\
set -eu
for name in composer.json composer.lock composer.json-dist; do
    [ ! -e "$1/$name" ] || cp -- "$1/$name" "$2/$name"
done
"""


def _licence(road: Road, index: int, hop: Hop) -> list[Step]:
    """Give the step that puts the release's licence files over the open ones, where there are some."""
    place, path = road.wish.licence.get(hop.to), road.facts.path
    if place is None:
        return []
    same = 'cmp -s "$1/composer.json" "$2/composer.json" && cmp -s "$1/composer.lock" "$2/composer.lock"'
    return [
        Step(
            f"licence-{hop.to}",
            f"Put the licence files of {hop.to} in place",
            "Composer then installs the licensed packages; with the open files it would remove them.",
            Execute(("sh", "-c", _PUT_LICENCE, "sh", place, path), user=road.owner, env=road.env),
            guide="Minor Version Upgrades, Step 4",
            departs="The guide leaves it out; its `git stash` puts the licence files of the old release away.",
            undo=Undo.TREE,
            undo_text=TREE_BACK,
            done_when=Execute(("sh", "-c", same, "sh", place, path), user=road.owner, env=road.env),
            timeout=60,
            hop=index,
        )
    ]


_INSTALL_UI = """\
set -eu
place=$(mktemp -d)
trap 'rm -rf -- "$place"' EXIT
unzip -q "$1" -d "$place"
mv -- "$place/dist/index.html" "$place/index.blade.php"
cp -R -- "$place/dist/." "$2/public/"
mv -- "$place/index.blade.php" "$2/resources/views/index.blade.php"
"""


def _admin_ui(road: Road, index: int, hop: Hop) -> list[Step]:
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
            undo_text=TREE_BACK,
            timeout=300,
            hop=index,
        )
    ]


def migrate_step(road: Road, index: int, hop: Hop) -> Step:
    """Give the step that applies a release's migrations and default rows."""
    return Step(
        f"migrate-{hop.to}",
        f"Migrate the system database to {hop.to}",
        "The release's migrations and default rows are applied.",
        road.artisan(
            "migrate", "--seed", "--force", refuse=("(?i)command cancell?ed",), stop_on=_WRONG_DATABASE
        ),
        guide="Minor Version Upgrades, Step 4 (php artisan migrate --seed)",
        departs="--force, without which nothing happens when APP_ENV is production.",
        undo=Undo.DATABASE,
        undo_text=_DATABASE_BACK,
        timeout=6 * 3600,
        hop=index,
    )


def cache_steps(road: Road, index: int) -> list[Step]:
    """Give the steps that clear configuration and cache, in this order."""
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
            undo_text=TREE_BACK,
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
            undo_text=TREE_BACK,
            timeout=300,
            hop=index,
        ),
    ]


def restart_steps(facts: Facts, switched_to: tuple[str, ...] = ()) -> list[Step]:
    """Give the restarts of PHP and web server: empty where dfwizard may not, or does not know the units.

    `switched_to` are the PHP minors one of which a person has switched to: their units are restarted, as far as they run.
    """
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
                Execute(
                    ("systemctl", *(_restart_of(facts, unit, switched_to) if fpm else ("restart", unit)))
                ),
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


def _restart_of(facts: Facts, unit: str, minors: tuple[str, ...]) -> tuple[str, ...]:
    """Give what restarts php-fpm: the unit itself, or, where its name holds the PHP that was there before, those of `minors` that run."""
    fpm = facts.fpm()
    if fpm is None or not minors or fpm.minor not in unit:
        return ("restart", unit)
    # A pattern matches the units that are loaded, and none is no error: which of them a person has chosen is not known before.
    return ("try-restart", *(f"{unit.replace(fpm.minor, minor)}*" for minor in minors))
