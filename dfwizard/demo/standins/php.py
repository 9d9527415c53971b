"""`php`: its version, the questions that dfwizard puts with `-r`, artisan and composer."""

from __future__ import annotations

import json
import os
import sys

from . import world

EXTENSIONS = (
    "Core", "date", "libxml", "openssl", "pcre", "zlib", "bcmath", "bz2", "calendar", "ctype", "curl", "dom", "exif", "fileinfo",
    "filter", "ftp", "gd", "gettext", "hash", "iconv", "igbinary", "intl", "json", "ldap", "mbstring", "memcached", "mongodb",
    "mysqli", "mysqlnd", "PDO", "pdo_mysql", "pdo_pgsql", "pdo_sqlite", "pgsql", "Phar", "posix", "random", "readline", "redis",
    "Reflection", "session", "shmop", "SimpleXML", "soap", "sockets", "sodium", "SPL", "sqlite3", "standard", "sysvmsg", "sysvsem",
    "tokenizer", "xml", "xmlreader", "xmlwriter", "xsl", "Zend OPcache", "zip",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Run `php ARGUMENT...`."""
    rest = list(arguments)
    while rest[:1] == ["-d"]:
        rest = rest[2:]
    if not rest:
        return world.unknown("php", arguments)
    if rest[0] in ("--version", "-v"):
        print(version_text("cli"))
        return 0
    if rest[0] == "-m":
        print(modules_text())
        return 0
    if rest[0] == "-r" and len(rest) > 1:
        return _code(rest[1], rest[2:])
    if rest[0] == "artisan" or os.path.basename(rest[0]) == "artisan":
        from . import artisan

        return artisan.main(rest[1:])
    if os.path.basename(rest[0]) == "composer":
        from . import composer

        return composer.main(rest[1:])
    return world.unknown("php", arguments)


def version_text(sapi: str) -> str:
    """Give what `php -v` prints."""
    version = world.php_version()
    major, minor, patch = world.numbers(version)
    engine = f"{major - 4}.{minor}.{patch}" if major > 7 else f"3.{minor}.0"
    return (
        f"PHP {version} ({sapi}) (built: Nov 21 2024 14:57:05) (NTS)\nCopyright (c) The PHP Group\n"
        f"Zend Engine v{engine}, Copyright (c) Zend Technologies\n"
        f"    with Zend OPcache v{version}, Copyright (c), by Zend Technologies"
    )


def extensions() -> list[str]:
    """Give the loaded extensions; the faults may leave some out."""
    asked = world.document(world.FAULTS).get("php")
    missing = asked.get("missing", []) if isinstance(asked, dict) else []
    return [name for name in EXTENSIONS if not isinstance(missing, list) or name.lower() not in missing]


def modules_text() -> str:
    """Give what `php -m` prints."""
    return "[PHP Modules]\n" + "\n".join(extensions()) + "\n\n[Zend Modules]\nZend OPcache\n"


def _code(code: str, rest: list[str]) -> int:
    """Answer the code given with -r; each is told by what no other one has."""
    words = rest[1:] if rest[:1] == ["--"] else rest
    if "get_loaded_extensions()" in code:
        print(
            json.dumps([world.php_version(), "/usr/bin/php", [name.lower() for name in extensions()]]), end=""
        )
        return 0
    from . import probe

    if "dfwizard " in code and "function digest(" in code:
        return probe.answer()
    if "->backup($db)" in code and len(words) == 2:
        return probe.copy(words[0], words[1])
    if "->exec($argv[2])" in code and len(words) == 2:
        return probe.execute(words[0], words[1])
    if "PRAGMA integrity_check" in code and len(words) == 1:
        return probe.check(words[0])
    print(f"php (demo stand-in): this code is not known here: {code[:60]!r}", file=sys.stderr)
    return 1
