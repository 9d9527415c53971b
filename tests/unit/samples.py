"""Facts, an origin and plans of an invented instance, for tests that need no server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dfwizard.instance.facts import (
    ArtisanFacts,
    DatabaseFacts,
    DirtyFile,
    DotenvFacts,
    Evidence,
    Facts,
    GitFacts,
    KeyProof,
    PhpFacts,
    Space,
    StatusFacts,
    TreeFacts,
    VersionFacts,
    WebFacts,
)
from dfwizard.instance.origin import OriginFacts, TargetFacts
from dfwizard.planning.plan import EditDotenv, Plan
from dfwizard.planning.road import Wish
from dfwizard.planning.upgrade import plan_upgrade, road
from dfwizard.rules import AdminUi, load

RULES = load()
PATH = "/opt/dreamfactory"
EXTENSIONS = (
    "ctype",
    "curl",
    "json",
    "mbstring",
    "openssl",
    "pdo_mysql",
    "pdo_pgsql",
    "pdo_sqlite",
    "xml",
    "zip",
)


def facts(release: str = "6.3.0", php: str = "8.1.27", **changes: Any) -> Facts:
    """Give the facts of an instance as DreamFactory's installer leaves it; `changes` replace whole fields."""
    known = RULES.by_tag(release)
    assert known is not None
    minor = ".".join(php.split(".")[:2])
    made = Facts(
        host="localhost",
        path=PATH,
        taken_at="2026-01-05T00:41:00+00:00",
        seconds=1.2,
        me="root",
        tree=TreeFacts(
            "dreamfactory", "dreamfactory", 0o2750, 200 << 20, 24000, False, True, admin_ui="release-zip"
        ),
        version=VersionFacts(release, "its commit", (Evidence("commit", known.commit, (release,), True),)),
        git=GitFacts(
            known.commit,
            "t" * 40,
            "master",
            (release,),
            release,
            "https://github.com/dreamfactorysoftware/dreamfactory.git",
            ("+refs/heads/master:refs/remotes/origin/master",),
            (DirtyFile("public/favicon.ico", " D"), DirtyFile("config/database.php", " M")),
            ("public/main.js",),
        ),
        php=(
            PhpFacts("cli", f"/usr/bin/php{minor}", php, minor, EXTENSIONS),
            PhpFacts("fpm", f"/usr/sbin/php-fpm{minor}", php, minor, EXTENSIONS),
        ),
        composer="2.5.5",
        composer_path="/usr/local/bin/composer",
        web=WebFacts(
            "nginx",
            "nginx.service",
            True,
            f"php{minor}-fpm.service",
            True,
            "dreamfactory",
            "dreamfactory",
            "http://127.0.0.1:80",
        ),
        dotenv=DotenvFacts(
            f"{PATH}/.env",
            "0" * 64,
            0o640,
            "dreamfactory",
            "dreamfactory",
            {
                "APP_ENV": "local",
                "CACHE_DRIVER": "redis",
                "DB_CONNECTION": "mysql",
                "DB_DATABASE": "dreamfactory",
            },
            ("APP_KEY", "DB_PASSWORD"),
        ),
        database=DatabaseFacts(
            "mysql",
            "127.0.0.1:3306",
            "dreamfactory",
            "dfadmin",
            True,
            "10.11.19-MariaDB",
            3 << 20,
            {"user": 3, "service": 9, "migrations": 63, "role": 2, "app": 5},
            True,
        ),
        artisan=ArtisanFacts(
            f"Laravel Framework {known.laravel}", None, ("2015_01_27_190908_create_system_tables",)
        ),
        key=KeyProof("proven", 4, "lookup.value", "abcdef012345"),
        status=StatusFacts(
            "http://127.0.0.1:80",
            200,
            known.config_version,
            "OPEN SOURCE",
            {"service": 9},
            302,
            "/dreamfactory/dist/index.html",
            200,
        ),
        space=(Space("/opt/dreamfactory", "/", 50 << 30, 100 << 30, ("instance",)),),
        owner_home="/home/dreamfactory",
        tools={
            name: f"/usr/bin/{name}"
            for name in ("git", "tar", "zstd", "mysqldump", "mysql", "composer", "curl")
        },
    )
    return replace(made, **changes)


def target(tag: str, **changes: Any) -> TargetFacts:
    """Give what a release asks for, with the PHP requirement of the rules."""
    known = RULES.by_tag(tag)
    assert known is not None
    made = TargetFacts(
        tag=tag,
        commit=known.commit,
        config_version=known.config_version,
        php={"(root)": known.php_constraint or "*", "laravel/framework": ">=8.1"},
        extensions={"ext-json": ("laravel/framework",)},
        composer_runtime=("composer-runtime-api ^2.2",),
        packages={"laravel/framework": known.laravel},
        plugins=("dreamfactory/installer",) if known.admin_ui is not AdminUi.RELEASE_ZIP else (),
        paths=("artisan", "composer.json", "config/app.php"),
    )
    return replace(made, **changes)


def origin(*tags: str) -> OriginFacts:
    """Give an origin with every known tag, having been asked about `tags`."""
    return OriginFacts(
        refs={f"refs/tags/{release.tag}": release.commit for release in RULES.releases},
        targets=tuple(target(tag) for tag in tags),
    )


def plan(found: Facts, to: str, edit: EditDotenv | None = None) -> Plan:
    """Plan the upgrade of `found` to the release `to`."""
    installed, way = road(found, RULES, to)
    return plan_upgrade(
        found,
        origin(installed.tag, *(release.tag for release in way)),
        RULES,
        installed,
        way,
        Wish("/var/backups/one"),
        edit,
    )
