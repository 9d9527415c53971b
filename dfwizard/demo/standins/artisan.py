"""`php artisan`: DreamFactory's console commands, in the words of the Laravel that vendor holds."""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
import sqlite3
import sys
from contextlib import suppress

from . import logins, migrations, world
from .console import Failed, began, ended, exception, is_old, table, told, took, two_columns

DEFAULT_APPS = ("admin", "api_docs", "file_manager")
FLAG = ("storage", "framework", "down")
MANIFESTS = (("bootstrap", "cache", "packages.php"), ("bootstrap", "cache", "services.php"))
COMMANDS = (
    ("about", "Display basic information about your application"),
    ("cache:clear", "Flush the application cache"),
    ("config:clear", "Remove the configuration cache file"),
    ("df:clear-file-cache", "Clear DreamFactory file cache."),
    ("df:env", "Configure DreamFactory environment"),
    ("df:setup", "Setup DreamFactory"),
    ("down", "Put the application into maintenance / demo mode"),
    ("list", "List commands"),
    ("migrate", "Run the database migrations"),
    ("migrate:status", "Show the status of each migration"),
    ("optimize:clear", "Remove the cached bootstrap files"),
    ("package:discover", "Rebuild the cached package manifest"),
    ("up", "Bring the application out of maintenance mode"),
)
_STRAY = re.compile(r"--(no-interaction|no-ansi|ansi|quiet|force|env=.*)|-[nqv]+")


def main(arguments: list[str]) -> int:
    """Run `php artisan ARGUMENT...`."""
    words = [word for word in arguments if not _STRAY.fullmatch(word)]
    broken = _broken()
    if broken:
        print(broken, file=sys.stderr)
        return 255
    if not all(os.path.exists(os.path.join(world.INSTANCE, *path)) for path in MANIFESTS):
        _write_manifests()  # whatever starts the application makes them anew
    world.pause(0.25)
    if words in (["--version"], ["-V"]):
        print(f"Laravel Framework {world.laravel()}")
        return 0
    commands = {
        "down": _down,
        "up": _up,
        "cache:clear": _cache_clear,
        "config:clear": _config_clear,
        "optimize:clear": _optimize_clear,
        "package:discover": discover,
        "migrate:status": _status,
        "about": _about,
        "list": _list,
    }
    name, options = (words[0], words[1:]) if words else ("list", [])
    try:
        if name == "migrate" and set(options) <= {"--seed"}:
            return _migrate(seed="--seed" in options)
        if name in commands and set(options) <= {"--raw", "--json"}:
            return commands[name]()
    except sqlite3.Error as error:
        exception(_failed(error))
        return 1
    if name not in dict(COMMANDS):
        return _undefined(name)
    return world.unknown("php artisan", words)


def _broken() -> str:
    """Say why the application does not start: vendor is missing, or older than the code."""
    if not os.path.exists(os.path.join(world.INSTANCE, "vendor", "autoload.php")):
        return (
            f"PHP Warning:  require({world.INSTANCE}/vendor/autoload.php): Failed to open stream: No such file or directory in "
            f"{world.INSTANCE}/artisan on line 9\nPHP Fatal error:  Uncaught Error: Failed opening required "
            f"'{world.INSTANCE}/vendor/autoload.php' (include_path='.:/usr/share/php') in {world.INSTANCE}/artisan:9\n"
            "Stack trace:\n#0 {main}\n  thrown in " + f"{world.INSTANCE}/artisan on line 9"
        )
    if world.numbers(world.code_version()) >= (7, 0, 1) and world.numbers(world.laravel()) < (11,):
        macro = f"{world.INSTANCE}/vendor/laravel/framework/src/Illuminate/Macroable/Traits/Macroable.php"
        return (
            "PHP Fatal error:  Uncaught BadMethodCallException: Method Illuminate\\Foundation\\Application::configure does not "
            f"exist. in {macro}:87\nStack trace:\n#0 {world.INSTANCE}/bootstrap/app.php(8): "
            f"Illuminate\\Foundation\\Application::__callStatic()\n#1 {world.INSTANCE}/artisan(12): require_once('...')\n"
            f"#2 {{main}}\n  thrown in {macro} on line 87"
        )
    return ""


def _down() -> int:
    path = os.path.join(world.INSTANCE, *FLAG)
    if os.path.exists(path):
        told("INFO", "Application is already down.")
        return 0
    state: dict[str, object] = {
        "except": [],
        "redirect": None,
        "retry": None,
        "refresh": None,
        "secret": None,
        "status": 503,
        "template": None,
    }
    world.write(json.dumps(state, indent=4), *FLAG)
    if not is_old():
        page = "<?php\n\n// Stop here: the application is down.\n"
        world.write(page, "storage", "framework", "maintenance.php")
    told("INFO", "Application is now in maintenance mode.")
    return 0


def _up() -> int:
    path = os.path.join(world.INSTANCE, *FLAG)
    if not os.path.exists(path):
        told("INFO", "Application is already up.")
        return 0
    for name in (path, os.path.join(os.path.dirname(path), "maintenance.php")):
        with suppress(FileNotFoundError):
            os.unlink(name)
    told("INFO", "Application is now live.")
    logins.when_open()
    return 0


def _empty_cache() -> None:
    place = os.path.join(world.INSTANCE, "storage", "framework", "cache", "data")
    for name in glob.glob(os.path.join(place, "*")):
        shutil.rmtree(name, ignore_errors=True)


def _cache_clear() -> int:
    _empty_cache()
    told("INFO", "Application cache cleared successfully.", "Application cache cleared!")
    return 0


def _config_clear() -> int:
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(world.INSTANCE, "bootstrap", "cache", "config.php"))
    told("INFO", "Configuration cache cleared successfully.", "Configuration cache cleared!")
    return 0


def _optimize_clear() -> int:
    told("INFO", "Clearing cached bootstrap files.")
    _empty_cache()
    for name in ("config", "routes-v7", "events"):
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(world.INSTANCE, "bootstrap", "cache", f"{name}.php"))
    for word in ("events", "views", "cache", "route", "config", "compiled"):
        print(two_columns(word, f"{took(word)} DONE"))
    print()
    return 0


def _about() -> int:
    down = os.path.exists(os.path.join(world.INSTANCE, *FLAG))
    new = world.numbers(world.laravel()) >= (11,)
    print(
        json.dumps(
            {
                "environment": {
                    "application_name": "DreamFactory",
                    "laravel_version": world.laravel(),
                    "php_version": world.php_version(),
                    "environment": world.dotenv().get("APP_ENV", "production"),
                    "maintenance_mode": down if new else ("ON" if down else "OFF"),
                },
                "drivers": {"cache": "file", "database": "sqlite", "queue": "sync"},
            },
            separators=(",", ":"),
        )
    )
    return 0


def _list() -> int:
    for name, text in COMMANDS:
        print(f"{name:<24} {text}")
    return 0


def _undefined(name: str) -> int:
    namespace = name.partition(":")[0]
    near = [known for known, _ in COMMANDS if ":" in name and known.startswith(f"{namespace}:")]
    hint = " Did you mean one of these?" if near else ""
    if is_old():
        print(
            "\n".join(
                ("", f'  Command "{name}" is not defined.{hint}', *(f"      {known}" for known in near), "")
            )
        )
        return 1
    print(f'\n   ERROR  Command "{name}" is not defined.{hint}\n')
    for known in near:
        print(f"  \u21c2 {known}")
    return 1


def _write_manifests() -> list[str]:
    """Write bootstrap/cache's lists of packages and services, and give the packages."""
    names = sorted(name for name in world.installed() if _has_provider(name))
    lines = "".join(
        f"  '{name}' => \n  array (\n    'providers' => \n    array (\n      0 => '{_provider(name)}',\n    ),\n  ),\n"
        for name in names
    )
    world.write(f"<?php return array (\n{lines});", *MANIFESTS[0])
    providers = "".join(f"    {i} => '{_provider(name)}',\n" for i, name in enumerate(names))
    world.write(
        f"<?php return array (\n  'providers' => \n  array (\n{providers}  ),\n);",
        *MANIFESTS[1],
    )
    return names


def discover() -> int:
    """Write those lists and tell of it, as composer's hook does."""
    names = _write_manifests()
    if is_old():
        print("\n".join(f"Discovered Package: {name}" for name in names))
        print("Package manifest generated successfully.")
        return 0
    told("INFO", "Discovering packages.")
    for name in names:
        print(two_columns(name, "DONE"))
    print()
    return 0


def _has_provider(name: str) -> bool:
    others = ("laravel/socialite", "laravel/tinker", "nesbot/carbon", "nunomaduro/termwind", "tymon/jwt-auth")
    no_code = ("dreamfactory/installer", "dreamfactory/df-admin-app", "dreamfactory/df-admin-interface")
    return (name.startswith("dreamfactory/") and name not in no_code) or name in others


def _provider(name: str) -> str:
    vendor, _, package = name.partition("/")
    words = "".join(word.capitalize() for word in package.removeprefix("df-").split("-"))
    return f"{vendor.capitalize()}\\\\{words}\\\\ServiceProvider"


def _files() -> list[str]:
    pattern = os.path.join(world.INSTANCE, "vendor", "*", "*", "database", "migrations", "*.php")
    return sorted(os.path.basename(path).removesuffix(".php") for path in glob.glob(pattern))


def _open() -> sqlite3.Connection:
    return sqlite3.connect(world.database(), isolation_level=None, timeout=5)


def _ran(connection: sqlite3.Connection) -> dict[str, int] | None:
    try:
        return dict(connection.execute("select migration, batch from migrations"))
    except sqlite3.OperationalError:
        return None


def _status() -> int:
    connection = _open()
    ran = _ran(connection)
    connection.close()
    if ran is None:
        told("ERROR", "Migration table not found.")
        return 1
    if is_old():
        rows = [("Yes", name, str(ran[name])) if name in ran else ("No", name, "") for name in _files()]
        print(table(("Ran?", "Migration", "Batch"), rows))
        return 0
    print()
    print(two_columns("Migration name", "Batch / Status"))
    for name in _files():
        print(two_columns(name, f"[{ran[name]}] Ran" if name in ran else "Pending"))
    print()
    return 0


def _migrate(*, seed: bool) -> int:
    connection = _open()
    ran = _ran(connection)
    if ran is None:
        told("INFO", "Preparing database.")
        connection.execute(migrations.create("migrations", "id migration:str batch:int"))
        print(two_columns("Creating migration table", f"{took('migrations')} DONE"))
        ran = {}
    todo = [name for name in _files() if name not in ran]
    if not todo:
        told("INFO", "Nothing to migrate.")
    else:
        if not is_old():
            told("INFO", "Running migrations.")
        if not _run_all(connection, todo, max(ran.values(), default=0) + 1):
            return 1
        if not is_old():
            print()
    if seed:
        _seed(connection)
    connection.close()
    return 0


def _run_all(connection: sqlite3.Connection, todo: list[str], batch: int) -> bool:
    known = {migration[0]: migration for migration in migrations.MIGRATIONS}
    for name in todo:
        began(name)
        world.pause(1.2)
        failed = _wanted_failure(name)
        try:
            for statement in known[name][3] if failed is None else ():
                sql = statement
                connection.execute(statement)
        except sqlite3.Error as error:
            failed = _failed(error, sql)
        if failed is not None:
            ended(name, well=False)
            exception(failed)
            return False
        connection.execute("insert into migrations (migration, batch) values (?, ?)", (name, batch))
        ended(name, well=True)
    return True


def _failed(error: sqlite3.Error, sql: str = "") -> Failed:
    return Failed(f"SQLSTATE[HY000]: General error: {_number(error)} {error}", sql)


def _number(error: sqlite3.Error) -> int:
    """Give SQLite's own code (Python 3.10 does not tell it): 5 busy, 13 full, 8 read-only, 1 anything else."""
    signs = {"locked": 5, "full": 13, "readonly": 8, "malformed": 11}
    return next((code for sign, code in signs.items() if sign in str(error)), 1)


def _wanted_failure(name: str) -> Failed | None:
    """Give the failure that the faults ask for at this migration: `{"fail_at": NAME, "error": TEXT, "sql": TEXT}`."""
    asked = world.document(world.FAULTS).get("php")
    wanted = asked.get("migrate") if isinstance(asked, dict) else None
    if not isinstance(wanted, dict) or wanted.get("fail_at") != name:
        return None
    found = world.fault("php", "migrate")
    if found is None:
        return None
    return Failed(
        str(found.get("error", "SQLSTATE[HY000]: General error: 5 database is locked")),
        str(found.get("sql", "")),
    )


def _seed(connection: sqlite3.Connection) -> None:
    if not is_old():
        told("INFO", "Seeding database.")
    marks = ", ".join("?" for _ in DEFAULT_APPS)
    found = connection.execute(
        f"update app set is_active = 1 where name in ({marks})",  # noqa: S608
        DEFAULT_APPS,
    ).rowcount
    for seeder, said in (
        ("AppSeeder", f"App resources updated: {', '.join(DEFAULT_APPS)}" if found else ""),
        ("EmailTemplateSeeder", ""),
    ):
        number = 21 if seeder == "AppSeeder" else 1
        print(f"Seeding: {seeder}" if is_old() else two_columns(seeder, "RUNNING"), flush=True)
        world.pause(0.3)
        if said:
            print(said)
        print(
            f"Seeded:  {seeder} (0.{number:02} seconds)"
            if is_old()
            else two_columns(seeder, f"{number} ms DONE") + "\n"
        )
    if is_old():
        print("Database seeding completed successfully.")
