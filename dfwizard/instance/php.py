"""PHP on the command line and behind the web server: version, extensions, pools."""

from __future__ import annotations

import fnmatch
import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host
from dfwizard.hosts.foresight import foreseen
from dfwizard.instance.asking import Asker, Problems, is_running, program_of
from dfwizard.instance.facts import PhpFacts

SETTINGS = (
    "memory_limit", "disable_functions", "open_basedir", "display_errors", "opcache.enable", "opcache.validate_timestamps",
)  # fmt: skip
"""What is read of a php.ini."""

_NAMES = ",".join(f"'{name}'" for name in SETTINGS)
_QUESTION = (
    "echo json_encode([PHP_VERSION, PHP_BINARY, array_map('strtolower', get_loaded_extensions()), "
    f"array_combine([{_NAMES}], array_map('ini_get', [{_NAMES}]))]);"
)
_POOL_SETTING = re.compile(r"php_(?:admin_)?(?:value|flag)\[([\w.]+)\]")
_MASTER = re.compile(r"\s*(\d+)\s+php-fpm: master process \((.*)\)\s*$")


@dataclass(frozen=True)
class Pool:
    """One pool of php-fpm: the account it runs as, where it listens (a socket's path, or address:port), its own settings of PHP."""

    name: str
    file: str
    user: str | None
    group: str | None
    listen: str
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Master:
    """A running php-fpm: its process, configuration file, program and pools."""

    pid: int
    config: str
    binary: str
    pools: tuple[Pool, ...]


def cli_php(ask: Asker, program: str) -> PhpFacts:
    """Ask the command line's PHP for its version and extensions, as the owner runs it.

    Raises:
        HostError: it is missing or does not start.
    """
    result = ask.as_owner(program, "-d", "display_errors=stderr", "-r", _QUESTION)
    start = result.stdout.find(b"[")
    try:
        version, binary, extensions, *more = json.loads(result.stdout[start:])
    except ValueError:
        said = (result.error_text.strip() or result.text.strip()).splitlines()[-1:]
        raise HostError(
            f"PHP does not start (exit code {result.code}): {' '.join(said)}",
            where=program,
            remedy=f"Run {program} -v.",
        ) from None
    settings = {name: value for name, value in (more[0] if more else {}).items() if isinstance(value, str)}
    return PhpFacts("cli", binary or program, version, minor(version), tuple(sorted(extensions)), settings)


def minor(version: str) -> str:
    """Give the first two numbers of a version: 8.2 of 8.2.36."""
    return ".".join(version.split(".")[:2])


def fpm_masters(ask: Asker, processes: str, problems: Problems) -> tuple[Master, ...]:
    """Find the running php-fpm by their process titles; `processes` is the output of `ps -eo pid=,args=`."""
    found = []
    titles = [match for line in processes.splitlines() if (match := _MASTER.match(line))]

    def look(host: Host) -> None:
        for match in titles:
            with suppress(HostError):
                read_pools(replace(ask, host=host), match[2])

    ask = replace(ask, host=foreseen(ask.host, look))
    for match in titles:
        pid, config = int(match[1]), match[2]
        binary = program_of(ask, pid)
        try:
            pools = read_pools(ask, config)
        except HostError as error:
            if not is_running(ask, pid):
                continue
            problems.add(f"php-fpm's configuration {config} cannot be read: {error.what}")
            pools = ()
        found.append(Master(pid, config, binary or _program(config), pools))
    return tuple(found)


def _program(config: str) -> str:
    """Name the program from its configuration's path, for accounts that may not look into root's processes."""
    match = re.match(r"/etc/php/(\d+\.\d+)/", config)
    return f"php-fpm{match[1]}" if match else "php-fpm"


def fpm_php(ask: Asker, master: Master, pool: Pool | None = None) -> PhpFacts:
    """Ask a php-fpm's program for its version, modules and settings; those of `pool` go before php.ini's.

    Raises:
        HostError: it does not start.
    """
    with ThreadPoolExecutor(2, "php-fpm") as threads:
        asked_modules = threads.submit(ask.as_me, master.binary, "-m")
        asked_settings = threads.submit(ask.as_me, master.binary, "-i")
        said = ask.as_me(master.binary, "-v").text
    match = re.match(r"PHP (\d+\.\d+\.\d+\S*)", said)
    if match is None:
        raise HostError(
            "it does not tell its version", where=master.binary, remedy=f"Run {master.binary} -v."
        )
    modules = asked_modules.result().text.split("[Zend Modules]")[0].splitlines()
    extensions = {line.strip().lower() for line in modules if line.strip() and not line.startswith("[")}
    settings = {**parse_settings(asked_settings.result().text), **(pool.settings if pool else {})}
    return PhpFacts("fpm", master.binary, match[1], minor(match[1]), tuple(sorted(extensions)), settings)


def parse_settings(text: str) -> dict[str, str]:
    """Read those of `SETTINGS` that `php -i` prints, `name => local value => master value`; no value gives ""."""
    found = {}
    for line in text.splitlines():
        words = [word.strip() for word in line.split("=>")]
        if len(words) == 3 and words[0] in SETTINGS:
            found[words[0]] = "" if words[1] == "no value" else words[1]
    return found


def pool_for(masters: Sequence[Master], passes: Sequence[str]) -> tuple[Master, Pool] | None:
    """Find the pool that listens where the web server sends PHP requests."""
    wanted = {_endpoint(address) for address in passes}
    for master in masters:
        for pool in master.pools:
            if _endpoint(pool.listen) in wanted:
                return master, pool
    return None


def read_pools(ask: Asker, config: str) -> tuple[Pool, ...]:
    """Read the pools of a php-fpm configuration, includes followed once, as php-fpm does.

    Raises:
        HostError: a file cannot be read.
    """
    main = ask.host.read(config, limit=1 << 20).decode("utf-8", "replace")
    pools = parse_pools(main, config)
    for file in _included(ask, config, main):
        text = ask.host.read(file, limit=1 << 20).decode("utf-8", "replace")
        pools += parse_pools(text, file)
    return tuple(pools)


def parse_pools(text: str, file: str) -> list[Pool]:
    """Read the pools of one file: every section but `[global]`."""
    sections: dict[str, dict[str, str]] = {}
    name = "global"
    for line in text.splitlines():
        stripped = line.split(";")[0].strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            name = stripped[1:-1].strip()
        elif "=" in stripped:
            key, _, value = stripped.partition("=")
            text_value = value.strip().strip("\"'").replace("$pool", name)
            sections.setdefault(name, {})[key.strip()] = text_value
    return [
        Pool(
            name,
            file,
            keys.get("user"),
            keys.get("group") or keys.get("user"),
            keys["listen"],
            {match[1]: value for key, value in keys.items() if (match := _POOL_SETTING.fullmatch(key))},
        )
        for name, keys in sections.items()
        if name != "global" and "listen" in keys
    ]


def _included(ask: Asker, config: str, text: str) -> list[str]:
    files = []
    for match in re.finditer(r"^[ \t]*include[ \t]*=[ \t]*[\"']?([^\"'\n;]+)", text, re.MULTILINE):
        directory, pattern = posixpath.split(match[1].strip())
        directory = posixpath.join(posixpath.dirname(config), directory)
        if ask.host.stat(directory, follow=True) is not None:
            names = fnmatch.filter(ask.host.listdir(directory), pattern)
            files += [posixpath.join(directory, name) for name in names]
    return files


def _endpoint(address: str) -> str:
    """Give an address in one form: sockets by their path, /var/run as /run, a bare port on the loopback."""
    text = address.removeprefix("unix:")
    if text.startswith("/"):
        return re.sub(r"^/var/run/", "/run/", text.rstrip(":;"))
    host, _, port = text.rpartition(":")
    return f"{'127.0.0.1' if host in {'', 'localhost', '0.0.0.0', '*', '[::]'} else host}:{port}"  # noqa: S104
