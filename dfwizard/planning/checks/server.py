"""Checks of the server around the instance: layouts that are upgraded otherwise, settings of PHP, memory, SELinux, programs beside it."""

from __future__ import annotations

import posixpath
import re
import shlex

from dfwizard.hosts.sizes import size_text
from dfwizard.instance.facts import PhpFacts
from dfwizard.planning.catalogue import entry, explained
from dfwizard.planning.checks.context import Check, Context
from dfwizard.planning.checks.source import shown
from dfwizard.planning.findings import Finding, Severity, counted

NEEDED_FUNCTIONS = ("proc_open", "proc_close", "proc_get_status", "putenv")
"""PHP functions that composer and artisan start programs with (symfony/process, composer's own Platform)."""

LEAST_LIMIT = 256 << 20
"""Bytes of memory_limit with which artisan's migrations of some 170 packages run for certain."""

LEAST_MEMORY = 512 << 20
"""Bytes of free memory and swap that composer gets along with when it installs from a lock."""

MOST_SKEW = 120
"""Seconds by which two clocks may differ before tokens and certificates notice."""

_SPARE_INODES = 1.2
_WRITABLE_TYPE = "httpd_sys_rw_content_t"
_UNPACKERS = ("unzip", "7z", "7zz", "7za")
_ROOTS_CRONTAB = re.compile(
    r"/var/spool/cron(?:/crontabs)?/root: |/etc/cron(?:tab|\.d/[^:]+): (?:\S+\s+){5}root\s"
)
_UNITS = {"K": 10, "M": 20, "G": 30}
_PDO = {"mysql": "pdo_mysql", "pgsql": "pdo_pgsql", "sqlite": "pdo_sqlite", "sqlsrv": "pdo_sqlsrv"}


def container(context: Context) -> list[Finding]:
    """DreamFactory's own image is upgraded by a newer image: what changes in a container's layer goes with it."""
    kind, evidence = context.facts.server.container, (f"/docker-entrypoint.sh starts {context.facts.path}",)
    if kind == "kubernetes":
        title = "This is a pod of DreamFactory's image: it is upgraded with its chart"
        return [
            explained(
                "container-kubernetes", Severity.BLOCKER, title, evidence, remedy=_for_goal(context, kind)
            )
        ]
    if kind == "docker":
        title = "This is a container of DreamFactory's image: it is upgraded by a newer image"
        return [
            explained("container-docker", Severity.BLOCKER, title, evidence, remedy=_for_goal(context, kind))
        ]
    return []


def _for_goal(context: Context, kind: str) -> str:
    return entry(f"container-{kind}").remedy.replace("RELEASE", context.goal.tag)


def bitnami(context: Context) -> list[Finding]:
    """Bitnami's stack brings its own PHP and its own way of starting it."""
    path = context.facts.path
    if not path.startswith("/opt/bitnami/"):
        return []
    return [
        explained(
            "bitnami",
            Severity.WARNING,
            "This is a Bitnami stack, with a PHP and services of its own",
            (path,),
        )
    ]


def functions(context: Context) -> list[Finding]:
    """Composer and artisan start programs; a hardened php.ini may forbid it."""
    runtime = context.facts.cli()
    disabled = {
        name.strip() for name in (runtime.settings.get("disable_functions", "") if runtime else "").split(",")
    }
    missing = [name for name in NEEDED_FUNCTIONS if name in disabled]
    if runtime is None or not missing:
        return []
    return [
        explained(
            "php-functions",
            Severity.BLOCKER,
            f"PHP's command line may not call {', '.join(missing)}",
            (f"disable_functions of {runtime.binary}",),
        )
    ]


def memory_limit(context: Context) -> list[Finding]:
    """A limit on the command line's memory ends a migration in the middle."""
    runtime = context.facts.cli()
    text = runtime.settings.get("memory_limit", "") if runtime else ""
    limit = _bytes(text)
    if runtime is None or limit is None or not 0 < limit < LEAST_LIMIT:
        return []
    return [
        explained(
            "php-memory-limit",
            Severity.WARNING,
            f"PHP's command line may use {text} of memory",
            (f"memory_limit of {runtime.binary}",),
        )
    ]


def _bytes(text: str) -> int | None:
    match = re.fullmatch(r"\s*(-?\d+)\s*([KMG]?)B?\s*", text, re.IGNORECASE)
    return int(match[1]) << _UNITS.get(match[2].upper(), 0) if match else None


def _is_on(runtime: PhpFacts, name: str) -> bool | None:
    value = runtime.settings.get(name)
    return None if value is None else value.strip().lower() in ("1", "on", "yes", "true", "stdout")


def opcache(context: Context) -> list[Finding]:
    """Where opcache never looks at the files again, only a restart of PHP-FPM brings the new code."""
    runtime, unit = context.facts.fpm(), context.facts.web.fpm_service
    if runtime is None or _is_on(runtime, "opcache.enable") is False:
        return []
    if _is_on(runtime, "opcache.validate_timestamps") is not False:
        return []
    return [
        explained(
            "opcache-frozen",
            Severity.INFO if unit else Severity.WARNING,
            f"opcache serves the code of now until PHP restarts: {unit} is restarted at the end"
            if unit
            else "opcache serves the code of now until PHP-FPM is restarted, by hand: its unit is not known",
            ("opcache.validate_timestamps=0",),
        )
    ]


def display_errors(context: Context) -> list[Finding]:
    """Deprecations of a newer PHP, printed before the JSON, break every client."""
    runtime = context.facts.fpm()
    if runtime is None or not _is_on(runtime, "display_errors"):
        return []
    return [
        explained(
            "php-display-errors",
            Severity.WARNING,
            "The web server's PHP prints its messages into the answers",
            (f"display_errors is on for {runtime.binary}",),
        )
    ]


def extensions_differ(context: Context) -> list[Finding]:
    """An extension that only the command line has: artisan works and the API does not."""
    cli, fpm, database = context.facts.cli(), context.facts.fpm(), context.facts.database
    if cli is None or fpm is None:
        return []
    wanted = {name.removeprefix("ext-").lower() for target in context.targets for name in target.extensions}
    wanted.add(_PDO.get(database.driver, "") if database else "")
    lacking = sorted(wanted & set(cli.extensions) - set(fpm.extensions))
    if not lacking:
        return []
    return [
        explained(
            "php-extensions-differ",
            Severity.WARNING,
            f"The web server's PHP lacks {counted(len(lacking), 'extension')} that the command line's has",
            (", ".join(lacking), fpm.binary),
        )
    ]


def unpacking(context: Context) -> list[Finding]:
    """Composer unpacks zip archives with PHP's zip or with a program."""
    runtime = context.facts.cli()
    if (
        runtime is None
        or "zip" in runtime.extensions
        or any(name in context.facts.tools for name in _UNPACKERS)
    ):
        return []
    return [
        explained(
            "unzip",
            Severity.BLOCKER,
            "composer can unpack nothing: PHP has no zip, and there is no unzip",
            (runtime.binary,),
            remedy=f"Install one of them (Debian, Ubuntu: unzip, or php{runtime.minor}-zip).",
        )
    ]


def memory(context: Context) -> list[Finding]:
    """Composer needs some memory besides the API's."""
    free = context.facts.server.memory
    if free is None or free >= LEAST_MEMORY:
        return []
    return [
        explained(
            "memory-low",
            Severity.WARNING,
            f"{size_text(free)} of memory and swap are free, {size_text(LEAST_MEMORY)} are wanted",
        )
    ]


def inodes(context: Context) -> list[Finding]:
    """A filesystem may run out of files before it runs out of bytes."""
    free, files = context.facts.server.inodes, context.facts.tree.files
    needed = int(files * _SPARE_INODES)
    if free is None or free >= needed:
        return []
    return [
        explained(
            "disk-inodes",
            Severity.BLOCKER,
            f"The instance's filesystem takes {free} more files, {needed} are needed",
            (f"{context.facts.path} has {files}",),
        )
    ]


def clock(context: Context) -> list[Finding]:
    """The server's clock against that of the machine dfwizard runs on."""
    offset = context.facts.server.clock_offset
    if offset is None or abs(offset) <= MOST_SKEW:
        return []
    return [
        explained(
            "clock-differs",
            Severity.WARNING,
            f"The server's clock is {abs(offset)} s {'ahead of' if offset > 0 else 'behind'} this machine's",
        )
    ]


def selinux(context: Context) -> list[Finding]:
    """Where SELinux is enforcing, what PHP writes needs the type that it may write."""
    facts = context.facts
    wrong = [
        f"{name}: {label}"
        for name, label in facts.server.contexts.items()
        if f":{_WRITABLE_TYPE}:" not in f"{label}:"
    ]
    if facts.server.selinux != "enforcing" or not wrong:
        return []
    places = [posixpath.join(facts.path, name) for name in ("storage", "bootstrap/cache")]
    pattern = re.sub(r"([.+*?()\[\]{}|^$\\])", r"\\\1", facts.path) + "/(storage|bootstrap/cache)(/.*)?"
    return [
        explained(
            "selinux",
            Severity.WARNING,
            "SELinux is enforcing, and does not let PHP write where it must",
            wrong,
            command=f"semanage fcontext -a -t {_WRITABLE_TYPE} {shlex.quote(pattern)} && "
            f"restorecon -RF {' '.join(shlex.quote(place) for place in places)}",
        )
    ]


def writable(context: Context) -> list[Finding]:
    """What an upgrade writes must be the owner's to write, what the application writes PHP's."""
    facts = context.facts
    findings = []
    if facts.server.unwritable:
        findings.append(
            explained(
                "tree-not-writable",
                Severity.BLOCKER,
                f"{facts.tree.owner} cannot write what the upgrade writes",
                shown(
                    [posixpath.normpath(posixpath.join(facts.path, name)) for name in facts.server.unwritable]
                ),
            )
        )
    if facts.server.web_unwritable:
        findings.append(
            explained(
                "storage-not-writable",
                Severity.WARNING,
                f"{facts.web.user}, which PHP runs as in the web server, cannot write in storage or bootstrap/cache",
                shown([posixpath.join(facts.path, name) for name in facts.server.web_unwritable]),
            )
        )
    return findings


def workers(context: Context) -> list[Finding]:
    """Programs that go on with the code that they were started with."""
    server = context.facts.server
    of_mcp = [line for line in (*server.processes, *server.units) if "mcp" in line.lower()]
    others = [line for line in (*server.processes, *server.units) if line not in of_mcp]
    findings = []
    if others:
        findings.append(
            explained(
                "workers",
                Severity.WARNING,
                "Workers or services of their own hold the code of now",
                shown(others),
            )
        )
    if of_mcp:
        daemon = posixpath.join(context.facts.path, "vendor/dreamfactory/df-mcp-server/daemon")
        findings.append(
            explained(
                "mcp-daemon",
                Severity.WARNING,
                "The MCP daemon runs out of vendor/, which composer replaces",
                shown(of_mcp),
                remedy=f"After the upgrade, as {context.facts.tree.owner}: cd {shlex.quote(daemon)} && npm install --include=dev && "
                "npm run build; then restart its service (Node 20).",
            )
        )
    return findings


def cron_as_root(context: Context) -> list[Finding]:
    """A job of root's that boots the application leaves files that PHP cannot write."""
    facts = context.facts
    lines = [line for line in facts.tree.crontabs if _ROOTS_CRONTAB.match(line) and "artisan" in line]
    if not lines or facts.tree.owner == "root":
        return []
    return [
        explained(
            "cron-as-root",
            Severity.WARNING,
            "root's crontab runs artisan of this instance",
            shown(lines),
            remedy=f"Move the line into the crontab of {facts.tree.owner}: crontab -u {facts.tree.owner} -e",
        )
    ]


SERVER_CHECKS: tuple[Check, ...] = (
    container,
    bitnami,
    functions,
    memory_limit,
    opcache,
    display_errors,
    extensions_differ,
    unpacking,
    memory,
    inodes,
    clock,
    selinux,
    writable,
    workers,
    cron_as_root,
)
