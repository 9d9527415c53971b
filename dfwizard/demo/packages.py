"""The locked packages of each release: DreamFactory's and Laravel's versions from the rules, the others typical of their line."""

from __future__ import annotations

import hashlib
import json
import textwrap
from functools import cache
from typing import Any

from dfwizard.rules import AdminUi, Release

Document = dict[str, Any]

_HERE = "@packages@"

_LINES: tuple[tuple[str, str, str, str], ...] = (
    # package, version before Laravel 9 (4.x), with Laravel 9 (5.x, 6.x), from Laravel 11 on (7.0.1); "" where it is not locked
    ("aws/aws-crt-php", "v1.0.4", "v1.2.4", "v1.2.7"),
    ("brick/math", "0.9.3", "0.11.0", "0.12.3"),
    ("carbonphp/carbon-doctrine-types", "", "", "3.2.0"),
    ("dflydev/dot-access-data", "", "v3.0.2", "v3.0.3"),
    ("doctrine/dbal", "2.13.9", "3.6.6", "3.9.4"),
    ("doctrine/inflector", "2.0.8", "2.0.8", "2.0.10"),
    ("doctrine/lexer", "1.2.3", "3.0.0", "3.0.1"),
    ("dragonmantank/cron-expression", "v2.3.1", "v3.3.3", "v3.4.0"),
    ("dreamfactory/df-apidoc", "0.8.0", "0.8.2", "0.9.0"),
    ("dreamfactory/df-aws", "0.17.0", "0.18.1", "0.18.2"),
    ("dreamfactory/df-azure", "0.15.0", "0.16.0", "0.16.1"),
    ("dreamfactory/df-cache", "0.12.1", "0.13.1", "0.13.3"),
    ("dreamfactory/df-cassandra", "0.13.0", "0.13.1", "0.13.1"),
    ("dreamfactory/df-couchdb", "0.17.0", "0.17.1", "0.17.1"),
    ("dreamfactory/df-email", "0.11.0", "0.12.0", "1.0.0"),
    ("dreamfactory/df-exporter-prometheus", "0.1.0", "0.3.0", "0.3.1"),
    ("dreamfactory/df-file", "0.8.0", "0.8.2", "0.8.4"),
    ("dreamfactory/df-firebird", "0.7.0", "0.8.0", "0.8.0"),
    ("dreamfactory/df-git", "0.7.0", "0.7.1", "0.7.2"),
    ("dreamfactory/df-graphql", "0.4.0", "0.5.1", ""),
    ("dreamfactory/df-mongo-logs", "1.1.0", "1.2.0", "1.2.1"),
    ("dreamfactory/df-mqtt", "", "", "0.6.0"),
    ("dreamfactory/df-amqp", "", "", "0.3.0"),
    ("dreamfactory/df-oauth", "0.16.0", "0.16.3", "0.17.0"),
    ("dreamfactory/df-pubsub", "", "", "0.4.0"),
    ("dreamfactory/df-rackspace", "0.15.0", "0.15.1", "0.15.1"),
    ("dreamfactory/df-rws", "0.16.1", "0.17.1", "0.17.2"),
    ("dreamfactory/df-user", "0.16.3", "0.17.0", "0.17.1"),
    ("egulias/email-validator", "3.2.6", "4.0.1", "4.0.4"),
    ("fideloper/proxy", "4.4.2", "4.4.2", ""),
    ("firebase/php-jwt", "v5.5.1", "v6.8.1", "v6.11.1"),
    ("graham-campbell/bitbucket", "v7.1.0", "v9.1.0", "v10.4.0"),
    ("graham-campbell/github", "v9.8.0", "v11.1.0", "v12.6.0"),
    ("graham-campbell/gitlab", "v4.3.0", "v6.0.0", "v7.5.0"),
    ("guzzlehttp/guzzle", "6.5.8", "7.7.0", "7.9.3"),
    ("guzzlehttp/promises", "1.5.3", "2.0.0", "2.2.0"),
    ("guzzlehttp/psr7", "1.9.1", "2.5.0", "2.7.1"),
    ("jenssegers/mongodb", "v3.6.8", "v3.9.3", "v4.3.0"),
    ("laravel/socialite", "v5.2.6", "v5.6.3", "v5.20.0"),
    ("laravel/tinker", "v2.7.3", "v2.8.1", "v2.10.1"),
    ("lcobucci/clock", "2.0.0", "2.2.0", "3.3.1"),
    ("lcobucci/jwt", "3.4.6", "4.3.0", "4.3.0"),
    ("league/commonmark", "1.6.7", "2.4.0", "2.7.0"),
    ("league/flysystem", "1.1.10", "3.15.1", "3.29.1"),
    ("league/mime-type-detection", "1.11.0", "1.11.0", "1.16.0"),
    ("mongodb/mongodb", "1.9.1", "1.16.0", "1.21.1"),
    ("monolog/monolog", "2.9.1", "2.9.1", "3.9.0"),
    ("nesbot/carbon", "2.67.0", "2.67.0", "3.9.1"),
    ("nunomaduro/termwind", "", "v1.15.1", "v2.3.1"),
    ("php-http/discovery", "1.14.3", "1.19.1", "1.20.0"),
    ("php-http/message-factory", "v1.0.2", "1.1.0", ""),
    ("predis/predis", "v1.1.10", "v2.2.0", "v2.4.0"),
    ("psr/container", "1.1.1", "2.0.2", "2.0.2"),
    ("psr/log", "1.1.4", "3.0.0", "3.0.2"),
    ("psy/psysh", "v0.11.8", "v0.11.20", "v0.12.8"),
    ("ramsey/uuid", "3.9.7", "4.7.4", "4.7.6"),
    ("socialiteproviders/manager", "v4.2.0", "v4.3.0", "v4.8.1"),
    ("spatie/laravel-http-logger", "1.7.0", "v1.9.0", "v1.11.0"),
    ("swagger-api/swagger-ui", "v4.15.5", "v4.18.3", "v4.19.1"),
    ("symfony/console", "v4.4.49", "v6.0.19", "v7.2.6"),
    ("symfony/finder", "v4.4.44", "v6.0.19", "v7.2.2"),
    ("symfony/http-foundation", "v4.4.49", "v6.0.20", "v7.2.6"),
    ("symfony/http-kernel", "v4.4.50", "v6.0.20", "v7.2.6"),
    ("symfony/mailer", "", "v6.0.19", "v7.2.6"),
    ("symfony/polyfill-mbstring", "v1.27.0", "v1.28.0", "v1.32.0"),
    ("symfony/polyfill-php72", "v1.27.0", "v1.28.0", ""),
    ("symfony/polyfill-php81", "", "v1.28.0", ""),
    ("symfony/process", "v4.4.44", "v6.0.19", "v7.2.5"),
    ("symfony/routing", "v4.4.44", "v6.0.19", "v7.2.3"),
    ("symfony/var-dumper", "v4.4.47", "v6.0.19", "v7.2.6"),
    ("symfony/yaml", "v5.4.23", "v6.0.19", "v7.2.6"),
    ("tymon/jwt-auth", "1.0.2", "2.0.0", "2.2.1"),
    ("vlucas/phpdotenv", "v3.6.10", "v5.5.0", "v5.6.2"),
    ("voku/portable-ascii", "", "2.0.1", "2.0.3"),
    ("webmozart/assert", "1.11.0", "1.11.0", "1.11.0"),
    ("webonyx/graphql-php", "v0.13.9", "v14.11.10", ""),
)

_EXTENSIONS = {
    "dreamfactory/df-core": ("ext-curl", "ext-mbstring"),
    "lcobucci/jwt": ("ext-hash", "ext-json", "ext-mbstring", "ext-openssl"),
    "mongodb/mongodb": ("ext-mongodb",),
    "spatie/laravel-http-logger": ("ext-json",),
}
_TYPES = {
    "dreamfactory/installer": "composer-plugin",
    "php-http/discovery": "composer-plugin",
    "dreamfactory/df-admin-app": "dreamfactory-application",
    "dreamfactory/df-admin-interface": "dreamfactory-application",
}


_LICENSED = (
    # package, version up to 7.0.0, from 7.0.1 on
    ("dreamfactory/df-limits", "0.12.0", "0.13.0"),
    ("dreamfactory/df-scheduler", "0.4.1", "0.5.0"),
    ("dreamfactory/df-script", "1.0.1", "1.2.0"),
)
LICENCE_FILES = ("composer.json", "composer.json-dist", "composer.lock")
"""What a customer with a licence gets, made for one release, and copies over the tracked files."""


def locked(release: Release, *, licensed: bool = False) -> dict[str, str]:
    """Give the locked packages of a release with their versions, as composer.lock writes them, or the lock of a licence."""
    line = 0 if release.major < 5 else 1 if release.major < 7 else 2
    found = {name: versions[line] for name, *versions in _LINES if versions[line]}
    found["laravel/framework"] = f"v{release.laravel}"
    known = {
        "df-core": release.df_core,
        "df-sqldb": release.df_sqldb,
        "df-system": release.df_system,
        "df-database": release.df_database,
    }
    found |= {f"dreamfactory/{name}": version for name, version in known.items() if version}
    ui = {
        AdminUi.DF_ADMIN_APP: "dreamfactory/df-admin-app",
        AdminUi.DF_ADMIN_INTERFACE: "dreamfactory/df-admin-interface",
    }.get(release.admin_ui)
    if ui:
        found[ui] = release.ui_version or "1.0.0"
        found["dreamfactory/installer"] = "1.0.1"
    if release.version.startswith("7.7"):
        found["dreamfactory/df-api-builder"] = "0.1.0"
    if licensed:
        found |= {name: new if line == 2 else old for name, old, new in _LICENSED}
    return dict(sorted(found.items()))


def licence_files(release: Release) -> dict[str, bytes]:
    """Give the files of a licence for a release by name."""
    json_file = written(composer_json(release, licensed=True))
    lock = composer_lock(release, licensed=True)
    return dict(zip(LICENCE_FILES, (json_file, json_file, lock), strict=True))


def composer_json(release: Release, *, licensed: bool = False) -> Document:
    """Give a release's composer.json, or that of a licence."""
    plugins = {"php-http/discovery": True}
    if release.admin_ui is not AdminUi.RELEASE_ZIP:
        plugins["dreamfactory/installer"] = True
    direct = {
        name: f"~{version.removeprefix('v')}"
        for name, version in locked(release, licensed=licensed).items()
        if name.startswith("dreamfactory/")
    }
    require = {
        "php": release.php_constraint,
        "laravel/framework": release.laravel_constraint or "^9.0",
        **direct,
    }
    platform = {"platform": {"php": release.php_platform}} if release.php_platform else {}
    return {
        "name": "dreamfactory/dreamfactory",
        "description": "The DreamFactory(tm) Platform",
        "keywords": ["api", "dreamfactory", "laravel", "rest"],
        "homepage": "https://www.dreamfactory.com/",
        "license": "Apache-2.0",
        "type": "project",
        "require": {name: constraint for name, constraint in require.items() if constraint},
        "autoload": {"classmap": ["database/seeds"], "psr-4": {"DreamFactory\\": "app/"}},
        "scripts": {
            "post-autoload-dump": [
                "Illuminate\\Foundation\\ComposerScripts::postAutoloadDump",
                "@php artisan package:discover --ansi",
            ]
        },
        "config": {"allow-plugins": plugins, "preferred-install": "dist", "sort-packages": True, **platform},
        "minimum-stability": "stable",
    }


def composer_lock(release: Release, *, licensed: bool = False) -> bytes:
    """Give a release's composer.lock as it is written, with the content-hash that the published one has, or that of a licence."""
    names = locked(release, licensed=licensed)
    packages = (_package_text(name, version, release.php_minors) for name, version in names.items())
    own_hash = hashlib.md5(f"licensed {release.lock_hash}".encode(), usedforsecurity=False).hexdigest()
    document = {
        "_readme": ["This file locks the dependencies of your project to a known state"],
        "content-hash": own_hash if licensed else release.lock_hash,
        "packages": _HERE,
        "packages-dev": [],
        "aliases": [],
        "minimum-stability": "stable",
        "prefer-stable": False,
        "platform": {"php": release.php_constraint} if release.php_constraint else {},
        "platform-dev": [],
        "plugin-api-version": "2.6.0" if release.major >= 7 else "2.3.0",
    }
    listed = b"[\n%b\n    ]" % b",\n".join(packages)
    return written(document).replace(f'"{_HERE}"'.encode(), listed)


@cache
def _package_text(name: str, version: str, minors: tuple[str, ...]) -> bytes:
    """Write one package; most are the same in many releases, and writing indented JSON is slow."""
    text = json.dumps(_package(name, version, minors), indent=4, ensure_ascii=False)
    return textwrap.indent(text, " " * 8).encode()


def _package(name: str, version: str, minors: tuple[str, ...]) -> Document:
    reference = hashlib.sha1(f"{name} {version}".encode(), usedforsecurity=False).hexdigest()
    require = dict.fromkeys(_EXTENSIONS.get(name, ()), "*")
    if name == "lcobucci/clock":  # as the real one does, it closes the window of PHP above
        require["php"] = " || ".join(f"~{minor}.0" for minor in minors) or "^7.2"
    url = f"https://github.com/{name}.git"
    return {
        "name": name,
        "version": version,
        "source": {"type": "git", "url": url, "reference": reference},
        "dist": {
            "type": "zip",
            "url": f"https://api.github.com/repos/{name}/zipball/{reference}",
            "reference": reference,
            "shasum": "",
        },
        "require": require,
        "type": _TYPES.get(name, "library"),
        "license": ["Apache-2.0" if name.startswith("dreamfactory/") else "MIT"],
        "description": f"{name.split('/')[1]} for DreamFactory"
        if name.startswith("dreamfactory/")
        else name.split("/")[1],
    }


def written(document: Document) -> bytes:
    """Write a document as composer does: four blanks, slashes bare, a line end at the end."""
    return (json.dumps(document, indent=4, ensure_ascii=False) + "\n").encode()
