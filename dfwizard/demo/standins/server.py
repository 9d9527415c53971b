"""What a server has beside PHP: systemctl, nginx, php-fpm and ps that show them, curl that asks them, df, getent.

The machine that a demo runs on has none of these services, or others: what dfwizard finds must be the sandbox's own.
"""

from __future__ import annotations

import fnmatch
import json
import os
import pwd
import sqlite3
import sys

from . import mishaps, php, world

FPM, FPM_DIRECTORY = world.fpm_names(world.setting("php", "version", world.PHP_VERSION))
UNITS = {
    "cron": "Regular background program processing daemon",
    "nginx": "A high performance web server and a reverse proxy server",
    FPM: "The PHP FastCGI Process Manager",
    "ssh": "OpenBSD Secure Shell server",
}
STATES = os.path.join(world.ROOT, "services.json")
END = "\x1e"
TOTAL, FREE = 41_151_808, 19_131_712
"""Kilobytes of the one disk that the sandbox's server has."""


def main(program: str, arguments: list[str]) -> int:
    """Run one of these programs."""
    programs = {
        "systemctl": _systemctl,
        "ps": _ps,
        "nginx": _nginx,
        "php-fpm": _fpm,
        "curl": _curl,
        "df": _df,
        "getent": _getent,
        "free": _free,
        "getenforce": _getenforce,
        "sudo": _sudo,
    }
    if program == "systemd-run":
        print("systemd-run: a demo's run is no unit of this machine's systemd", file=sys.stderr)
        return 1
    if program not in programs:
        return world.unknown(program, arguments)
    return programs[program](arguments)


def _states() -> dict[str, bool]:
    return {unit: world.document(STATES).get(unit) is not False for unit in UNITS}


def _systemctl(arguments: list[str]) -> int:
    words = [word for word in arguments if not word.startswith("-")]
    states = _states()
    command, units = (words[0], _units(words[1:])) if words else ("", [])
    if command == "try-restart" and not units:
        return 0  # patterns that no unit fits
    if command == "list-units":
        for unit, description in UNITS.items():
            state = "active   running" if states[unit] else "inactive dead"
            print(f"{unit + '.service':<20} loaded {state} {description}")
        return 0
    unknown = [unit for unit in units if unit not in UNITS]
    if command == "is-active":
        active = bool(units) and not unknown and all(states[unit] for unit in units)
        if "--quiet" not in arguments:
            print("active" if active else "inactive")
        return 0 if active else 3
    if command not in ("start", "stop", "restart", "try-restart", "reload") or not units:
        return world.unknown("systemctl", arguments)
    if unknown:
        print(
            f"Failed to {command} {unknown[0]}.service: Unit {unknown[0]}.service not found.", file=sys.stderr
        )
        return 5
    world.pause(0.6)
    world.write_document(STATES, {**states, **dict.fromkeys(units, command != "stop")})
    return 0


def _units(words: list[str]) -> list[str]:
    """Give the units that are named; a pattern stands for those that fit it."""
    found: list[str] = []
    for word in words:
        fitting = [unit for unit in UNITS if fnmatch.fnmatchcase(f"{unit}.service", word)]
        found += fitting if "*" in word else [word.removesuffix(".service")]
    return found


def _ps(arguments: list[str]) -> int:
    """Show the sandbox's server processes; their numbers are beyond what Linux gives, so that none is a real one."""
    if arguments != ["-ww", "-eo", "pid=,args="]:
        return world.unknown("ps", arguments)
    states = _states()
    etc = os.path.join(world.ROOT, "etc")
    if states["nginx"]:
        print(
            f"5000101 nginx: master process /usr/sbin/nginx -c {etc}/nginx/nginx.conf\n5000102 nginx: worker process"
        )
    if states[FPM]:
        print(
            f"5000201 php-fpm: master process ({etc}/{FPM_DIRECTORY}/php-fpm.conf)\n5000202 php-fpm: pool www"
        )
    return 0


def _nginx(arguments: list[str]) -> int:
    if "-T" not in arguments:
        return world.unknown("nginx", arguments)
    for name in ("nginx.conf", "sites-enabled/dreamfactory.conf"):
        path = os.path.join(world.ROOT, "etc", "nginx", name)
        with open(path, encoding="utf-8") as file:
            print(f"# configuration file {path}:\n{file.read()}")
    return 0


def _fpm(arguments: list[str]) -> int:
    if arguments == ["-v"]:
        print(php.version_text("fpm-fcgi"))
        return 0
    if arguments == ["-m"]:
        print(php.modules_text())
        return 0
    return world.unknown("php-fpm", arguments)


def _df(arguments: list[str]) -> int:
    if arguments[:3] != ["-P", "-k", "--"]:
        return world.unknown("df", arguments)
    wanted = world.document(mishaps.DISK).get("free_kilobytes")
    free = wanted if isinstance(wanted, int) else FREE
    print("Filesystem     1024-blocks     Used Available Capacity Mounted on")
    print(f"/dev/vda1      {TOTAL} {TOTAL - free} {free} {100 - 100 * free // TOTAL}% /")
    return 0


def _free(arguments: list[str]) -> int:
    if arguments != ["-b"]:
        return world.unknown("free", arguments)
    print("               total        used        free      shared  buff/cache   available")
    print(
        "Mem:      4110508032  1203982336   611635200    11079680  2294890496  2661863424\nSwap:              0           0           0"
    )
    return 0


def _getenforce(_arguments: list[str]) -> int:
    print("Disabled")
    return 0


def _getent(arguments: list[str]) -> int:
    """Give an account the sandbox's home: nobody's own files and settings play a part."""
    if len(arguments) != 3 or arguments[:2] != ["passwd", "--"]:
        return world.unknown("getent", arguments)
    try:
        found = pwd.getpwnam(arguments[2])
        uid, gid, home = found.pw_uid, found.pw_gid, found.pw_dir
    except KeyError:
        if arguments[2] != str(os.geteuid()):
            return 2
        uid, gid, home = os.geteuid(), os.getegid(), ""
    home = os.path.join(world.ROOT, "home") if uid == os.geteuid() else home
    print(f"{arguments[2]}:x:{uid}:{gid}::{home}:/bin/sh")
    return 0


def _sudo(_arguments: list[str]) -> int:
    """Refuse, whoever asks: no command of the demo becomes the machine's root."""
    host = os.path.basename(world.ROOT)
    print(f"admin is not allowed to run sudo on {host}.  This incident will be reported.", file=sys.stderr)
    return 1


def _curl(arguments: list[str]) -> int:
    """Answer GETs of the instance's address as its web server would, without one."""
    urls = arguments[arguments.index("--") + 1 :] if "--" in arguments else arguments[-1:]
    base = "http://127.0.0.1"
    code = 0
    for url in urls:
        if not url.startswith(f"{base}/"):
            print("curl: (7) Failed to connect: Connection refused", file=sys.stderr)
            print(f"{END}dfwizard 000 \x1f", end="")
            code = 7
            continue
        world.pause(0.1 / len(urls))
        status, body, location = _get(url.removeprefix(base))
        print(f"{body}{END}dfwizard {status:03d} {base + location if location else ''}\x1f", end="")
    return code


def _get(path: str) -> tuple[int, str, str]:
    states = _states()
    page = os.path.join(world.INSTANCE, "public", path.strip("/"))
    if not states["nginx"]:
        return 0, "", ""
    if path.endswith(".html"):
        found = os.path.isfile(page)
        return (200 if found else 404), (path if found else ""), ""
    if not states[FPM]:
        return 502, "", ""
    new = world.numbers(world.code_version()) >= (7, 0, 1)
    if not world.laravel() or (new and world.numbers(world.laravel()) < (11,)):
        return 500, "", ""
    if os.path.exists(os.path.join(world.INSTANCE, "storage", "framework", "down")):
        return 503, "<html><body>Be right back.</body></html>", ""
    if path == "/status":
        return _status(new=new)
    if path == "/api/v2/system/environment":
        code = _status(new=new)[0]
        return code, '{"authentication":{},"platform":{}}' if code == 200 else "", ""
    ui = os.path.isfile(os.path.join(world.INSTANCE, "public", "dreamfactory", "dist", "index.html"))
    if path == "/" and (new or ui):
        return 302, "", "/dreamfactory/dist/index.html"
    if path == "/":
        view = os.path.isfile(os.path.join(world.INSTANCE, "resources", "views", "index.blade.php"))
        return (200, "<html></html>", "") if view else (500, "View [index] not found.", "")
    return 404, "", ""


def _status(*, new: bool) -> tuple[int, str, str]:
    try:
        connection = sqlite3.connect(f"file:{world.database()}?mode=ro", uri=True)
        counts = {
            name: connection.execute(f"select count(*) from {table}").fetchone()[0]  # noqa: S608
            for name, table in (
                ("app", "app"),
                ("admin", "user where is_sys_admin = 1"),
                ("user", "user where is_sys_admin = 0"),
                ("service", "service"),
                ("role", "role"),
            )
        }
        connection.close()
    except sqlite3.Error:
        return 500, "", ""
    answer = {
        "uri": "http://127.0.0.1",
        "managed": False,
        "dist": "GitHub",
        "demo": False,
        "version": world.code_version(),
        "license": _license(new=new),
        "host_os": "Linux",
        "resources": counts,
    }
    return 200, json.dumps(answer, separators=(",", ":")), ""


def _license(*, new: bool) -> str:
    """Give the tier that DreamFactory derives from the packages that are there."""
    here = world.installed()
    if "dreamfactory/df-limits" in here or "dreamfactory/df-scheduler" in here:
        return "GOLD"
    return "SILVER" if new or "dreamfactory/df-script" in here else "OPEN SOURCE"
