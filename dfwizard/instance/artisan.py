"""What artisan says. It is only asked what it can answer without writing, as the owner of the tree."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from dfwizard.errors import HostError
from dfwizard.hosts.command import Result
from dfwizard.instance.asking import Asker, Problems
from dfwizard.instance.facts import ArtisanFacts

_ENV = {"COLUMNS": "250", "SHELL_VERBOSITY": "0"}
_FLAGS = ("--no-interaction", "--no-ansi")
_TABLE_ROW = re.compile(r"^\|\s*(Yes|No|Y|N)\s*\|\s*(\S.*?)\s*\|", re.IGNORECASE)
_DOTTED_ROW = re.compile(r"^\s*(\S+)\s.*?(Pending|Ran)\s*$")


def artisan_facts(
    ask: Asker,
    php: str,
    problems: Problems,
    *,
    database_file: str | None,
    database_answers: Callable[[], bool],
    dotenv_error: str | None = None,
) -> ArtisanFacts:
    """Ask artisan for its version, for `df:version` and for the state of the migrations.

    `database_file` is the SQLite database, if that is what the instance uses: booting the application creates a missing one, so
    artisan is not asked then; nor where it would have to write bootstrap/cache/packages.php or services.php; nor where Laravel refuses
    `.env` (`dotenv_error`), for artisan would quote the line, which may hold a secret; nor without one, for it would make an SQLite
    database of its own. The migrations are asked for only when the database answers (`database_answers`, which may wait): of one that
    does not, artisan writes an error into the log.
    """
    maintenance, cached, hindrance = _before(ask, database_file)
    hindrance = hindrance or dotenv_error or ""
    error: str | None
    if hindrance:
        problems.add(f"artisan was not asked: {hindrance}")
        return ArtisanFacts(maintenance=maintenance, config_cached=cached, error=hindrance)
    version = _artisan(ask, php, "--version")
    line = next((one.strip() for one in version.text.splitlines() if "Laravel" in one), None)
    if version.code != 0 or line is None:
        error = explain(version)
        problems.add(f"artisan does not start: {error}")
        return ArtisanFacts(maintenance=maintenance, config_cached=cached, error=error)
    with ThreadPoolExecutor(1, "artisan") as pool:
        df_version = pool.submit(_df_version, ask, php)
        ran, pending, error = _migrations(ask, php, problems) if database_answers() else ((), (), None)
    return ArtisanFacts(
        version_line=line,
        df_version=df_version.result(),
        migrations=ran,
        pending=pending,
        maintenance=maintenance,
        config_cached=cached,
        error=error,
    )


def parse_migrations(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read `migrate:status`, as a table (Laravel up to 8) or with dots: names of those that ran, and of those pending."""
    ran: list[str] = []
    pending: list[str] = []
    for line in text.splitlines():
        if match := _TABLE_ROW.match(line):
            (ran if match[1].lower().startswith("y") else pending).append(match[2])
        elif (match := _DOTTED_ROW.match(line)) and match[1] != "Migration":
            (ran if match[2] == "Ran" else pending).append(match[1])
    return tuple(ran), tuple(pending)


def explain(result: Result) -> str:
    """Give the line of a failed artisan that says most: the fatal error, else the last one."""
    lines = [line.strip() for line in f"{result.error_text}\n{result.text}".splitlines() if line.strip()]
    telling = [
        line
        for line in lines
        if re.search(r"SQLSTATE|Fatal error|Parse error|Uncaught|Exception|must be", line)
    ]
    return (telling or lines or [f"exit code {result.code}, without a word"])[0 if telling else -1][:300]


def _artisan(ask: Asker, php: str, *command: str) -> Result:
    return ask.as_owner(php, "artisan", *command, *_FLAGS, env=_ENV, timeout=30)


def _before(ask: Asker, database_file: str | None) -> tuple[bool, bool, str]:
    def there(name: str) -> bool:
        return ask.host.stat(posixpath.join(ask.path, name), follow=True) is not None

    try:
        maintenance = there("storage/framework/down") or there("storage/framework/maintenance.php")
        cached = there("bootstrap/cache/config.php")
        hindrance = ""
        if not there("vendor/autoload.php"):
            hindrance = "vendor/autoload.php is missing: composer install never finished"
        elif database_file is not None and ask.host.stat(database_file, follow=True) is None:
            hindrance = f"the database {database_file} is missing, and booting the application would create an empty one"
        elif missing := [one for one in ("packages", "services") if not there(f"bootstrap/cache/{one}.php")]:
            hindrance = f"it would write bootstrap/cache/{missing[0]}.php, which is missing"
    except HostError as error:
        return False, False, error.what
    return maintenance, cached, hindrance


def _df_version(ask: Asker, php: str) -> str:
    """Ask `df:version` where there is such a command; asked for one that there is not, artisan writes an error into the log."""
    listed = _artisan(ask, php, "list", "--raw")
    if listed.code == 0 and not re.search(r"^df:version\b", listed.text, re.MULTILINE):
        return "not a command of this release"
    result = _artisan(ask, php, "df:version") if listed.code == 0 else listed
    if result.code == 0 and result.text.strip():
        return result.text.strip().splitlines()[-1].strip()
    return f"failed: {explain(result)}"


def _migrations(
    ask: Asker, php: str, problems: Problems
) -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
    result = _artisan(ask, php, "migrate:status")
    ran, pending = parse_migrations(result.text)
    if result.code != 0 and not ran and not pending:
        error = explain(result)
        problems.add(f"artisan migrate:status failed: {error}")
        return (), (), error
    return ran, pending, None
