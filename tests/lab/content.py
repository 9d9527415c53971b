"""What an installation in use holds: its `.env`, and a system database that is migrated, seeded and filled."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.lab import databases
from tests.lab.cache import built, copy, home_directory
from tests.lab.catalogue import Release
from tests.lab.databases import Database, Engine
from tests.lab.instances import Variant, tree
from tests.lab.processes import OWNER, run, stop_servers

APP_KEY = "base64:Q0FOQVJZLW9mLXRoZS1sYWItMzItYnl0ZXMtbG9uZy4="
LICENSE_KEY = "0123456789abcdef0123456789abcdef"
_SAMPLE_DATA = Path(__file__).with_name("sample_data.php")


def content(engine: Engine, release: Release, variant: Variant) -> Path:
    """The cached data of an installation that has been in use: migrated, seeded and filled with sample rows."""
    bundle = "licensed" if variant == "licensed" else "open"

    def build(partial: Path) -> None:
        instance = partial / "opt" / "dreamfactory"
        instance.parent.mkdir()
        copy(tree(release, "licensed" if variant == "licensed" else "installer"), instance)
        databases.place_data(engine, databases.empty(engine), partial, instance)
        database = databases.start(engine, partial, instance)
        try:
            write_environment(instance, database, variant, release)
            home = home_directory()
            run(["php", "artisan", "migrate", "--seed", "--force"], cwd=instance, home=home, user=OWNER)
            run(["php"], cwd=instance, home=home, user=OWNER, stdin=_SAMPLE_DATA.read_text())
        finally:
            stop_servers(partial)
        if engine == "sqlite":
            (instance / databases.SQLITE_FILE).rename(partial / "database.sqlite")
        else:
            (partial / engine / "data").rename(partial / "data")
        shutil.rmtree(partial / "opt")

    return built(f"content/{engine}-{release.tag}-{bundle}", build)


def write_environment(instance: Path, database: Database, variant: Variant, release: Release) -> None:
    """Write `.env` the way the installer and its owner left it, with comments, quotes and the release's own names."""
    cache = "CACHE_STORE" if int(release.config_version[0]) >= 7 else "CACHE_DRIVER"
    settings = "\n".join(f"{name}={_quoted(value)}" for name, value in database.settings().items())
    licence = f"DF_LICENSE_KEY={LICENSE_KEY}\n" if variant == "licensed" else ""
    text = f"""## This is the application environment, possible values: local, production
APP_ENV=local
## Set to true for debugging
#APP_DEBUG=false
APP_KEY={APP_KEY}
APP_NAME="Dream Factory"   # shown in mails
DF_INSTALL=GitHub
{licence}
##------------------------------------------------------------------------------
## Database Settings
##------------------------------------------------------------------------------
{settings}

##------------------------------------------------------------------------------
## Cache Settings
##------------------------------------------------------------------------------
## {cache} options: apc, array, database, file, memcached, redis
{cache}=file
CACHE_PREFIX='dreamfactory'
#QUEUE_CONNECTION=sync
"""
    path = instance / ".env"
    path.write_text(text)
    path.chmod(0o640)
    shutil.chown(path, OWNER, OWNER)


def _quoted(value: str) -> str:
    if re.fullmatch(r"[\w./:@-]+", value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
