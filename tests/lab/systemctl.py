"""A stand-in for systemctl: it knows the lab's nginx and php-fpm, really starts and stops them, and records every call.

Answers, wording and exit codes are systemd's (252), as far as a caller can tell.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.lab.lab import Lab
from tests.lab.processes import LabError, servers_in
from tests.lab.web import Service, services

_SUFFIXES = (".service", ".socket", ".timer", ".target")
_WITH_VALUE = ("-p", "--property", "-t", "--type", "--state", "-n", "--lines", "-o", "--output")
_CHANGING = ("start", "stop", "restart", "reload", "try-restart", "reload-or-restart")


def main(directory: str, arguments: Sequence[str]) -> int:
    """Answer one call; the exit code is systemctl's."""
    lab = Lab.attach(Path(directory))
    with (lab.directory / "systemctl.log").open("a") as log:
        log.write(shlex.join(arguments) + "\n")
    words, options = _split(arguments)
    command, units = (words[0], words[1:]) if words else ("list-units", [])
    known = services(lab.directory, lab.web_port) if lab.web_port else {}
    if command in ("list-units", "list-unit-files"):
        return _list(lab, known, units, files=command == "list-unit-files")
    if command in _CHANGING:
        return max((_change(lab, known, command, unit) for unit in units), default=1)
    answers: dict[str, Callable[[Service | None, str], int]] = {
        "is-active": lambda service, _: _is_active(lab, service, quiet=bool({"-q", "--quiet"} & {*options})),
        "is-enabled": _is_enabled,
        "show": lambda service, unit: _show(lab, service, unit, options),
        "status": lambda service, unit: _status(lab, service, unit),
        "cat": _cat,
    }
    if command == "daemon-reload":
        return 0
    if command not in answers:
        print(f"Unknown command verb {command}.", file=sys.stderr)
        return 1
    return max((answers[command](known.get(_plain(unit)), unit) for unit in units), default=1)


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Words and options; an option whose value is a word of its own takes it along as `--option=value`."""
    words: list[str] = []
    options: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if not word.startswith("-"):
            words.append(word)
        elif word in _WITH_VALUE:
            options.append(f"{word}={next(rest, '')}")
        else:
            options.append(word)
    return words, options


def _plain(unit: str) -> str:
    return unit.removesuffix(".service")


def _full(unit: str) -> str:
    return unit if unit.endswith(_SUFFIXES) else f"{unit}.service"


def _main_pid(lab: Lab, service: Service) -> int:
    running = servers_in(lab.directory, [service.program])
    pids = {server.pid for server in running}
    return next((server.pid for server in running if server.parent not in pids), 0)


def _change(lab: Lab, known: dict[str, Service], command: str, unit: str) -> int:
    service = known.get(_plain(unit))
    if os.geteuid() != 0:
        print(f"Failed to {command} {_full(unit)}: Interactive authentication required.", file=sys.stderr)
        return 1
    if service is None:
        print(f"Failed to {command} {_full(unit)}: Unit {_full(unit)} not found.", file=sys.stderr)
        return 5
    running = service.running(lab.directory)
    if command == "try-restart" and not running:
        return 0
    if command in ("reload", "reload-or-restart") and running:
        os.kill(_main_pid(lab, service), signal.Signals[service.reload_signal])
        return 0
    if command == "reload":
        print(f"{_full(unit)} is not active, cannot reload.", file=sys.stderr)
        return 1
    try:
        if command != "start":
            service.stop(lab.directory)
        if command != "stop":
            service.start(lab.directory)
    except LabError:
        print(
            f"Job for {_full(unit)} failed because the control process exited with error code.\n"
            f'See "systemctl status {_full(unit)}" and "journalctl -xeu {_full(unit)}" for details.',
            file=sys.stderr,
        )
        return 1
    return 0


def _is_active(lab: Lab, service: Service | None, *, quiet: bool) -> int:
    active = service is not None and service.running(lab.directory)
    if not quiet:
        print("active" if active else "inactive")
    return 0 if active else 3


def _is_enabled(service: Service | None, unit: str) -> int:
    if service is None:
        print(f"Failed to get unit file state for {_full(unit)}: No such file or directory", file=sys.stderr)
        return 1
    print("enabled")
    return 0


def _show(lab: Lab, service: Service | None, unit: str, options: Sequence[str]) -> int:
    active = service is not None and service.running(lab.directory)
    properties = {
        "Id": _full(unit),
        "Description": service.description if service else _full(unit),
        "LoadState": "loaded" if service else "not-found",
        "ActiveState": "active" if active else "inactive",
        "SubState": "running" if active else "dead",
        "UnitFileState": "enabled" if service else "",
        "MainPID": str(_main_pid(lab, service)) if service and active else "0",
        "FragmentPath": f"/lib/systemd/system/{_full(unit)}" if service else "",
    }
    wanted = [
        name for option in options if option.startswith(("-p", "--property")) for name in _names(option)
    ]
    for name in wanted or properties:
        if name in properties:
            print(properties[name] if "--value" in options else f"{name}={properties[name]}")
    return 0


def _names(option: str) -> list[str]:
    return option.removeprefix("--property").removeprefix("-p").removeprefix("=").split(",")


def _status(lab: Lab, service: Service | None, unit: str) -> int:
    if service is None:
        print(f"Unit {_full(unit)} could not be found.", file=sys.stderr)
        return 4
    active = service.running(lab.directory)
    print(f"{'●' if active else '○'} {_full(unit)} - {service.description}")
    print(f"     Loaded: loaded (/lib/systemd/system/{_full(unit)}; enabled; preset: enabled)")
    print(f"     Active: {'active (running)' if active else 'inactive (dead)'}")
    if active:
        print(f"   Main PID: {_main_pid(lab, service)} ({service.program})")
    return 0 if active else 3


def _cat(service: Service | None, unit: str) -> int:
    if service is None:
        print(f"No files found for {_full(unit)}.", file=sys.stderr)
        return 1
    print(f"# /lib/systemd/system/{_full(unit)}\n[Unit]\nDescription={service.description}\n")
    print(f"[Service]\nExecStart={shlex.join(service.argv)}")
    return 0


def _list(lab: Lab, known: dict[str, Service], patterns: Sequence[str], *, files: bool) -> int:
    for service in known.values():
        unit = _full(service.unit)
        if patterns and not any(Path(unit).match(pattern) for pattern in patterns):
            continue
        if files:
            print(f"{unit} enabled enabled")
            continue
        state = "active   running" if service.running(lab.directory) else "inactive dead"
        print(f"{unit:<20} loaded {state} {service.description}")
    return 0
