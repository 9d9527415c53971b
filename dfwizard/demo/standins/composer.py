"""`composer`: its version, and `install`, which makes vendor what composer.lock says."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from contextlib import redirect_stdout
from typing import Any, NamedTuple

from . import artisan, mishaps, vendor, world

VERSION = "2.8.12"
INSTALL_SECONDS = "20"
"""How long an install takes where the scenario does not say."""
NETWORK_LOST = 14
"""Index of the download during which the network goes, where the scenario wants it."""
INSTALLER = "dreamfactory/installer"
KNOWN = re.compile(
    r"--(no-dev|no-interaction|no-progress|no-ansi|no-plugins|ignore-platform-reqs|ignore-platform-req=.*|version)|-[nV]"
)
ABANDONED = {
    "jenssegers/mongodb": "mongodb/laravel-mongodb",
    "php-http/message-factory": "psr/http-factory",
    "fideloper/proxy": "",
}

Package = dict[str, Any]


class Operation(NamedTuple):
    """One package to remove, install or change: `old` is the version that is there, "" for none."""

    kind: str
    package: Package
    old: str = ""


def main(arguments: list[str]) -> int:
    """Run `composer ARGUMENT...`."""
    words = [word for word in arguments if not word.startswith("-")]
    if not all(KNOWN.fullmatch(word) for word in arguments if word.startswith("-")):
        return world.unknown("composer", arguments)
    if "--version" in arguments or "-V" in arguments:
        print(f"Composer version {world.setting('composer', 'version', VERSION)} 2025-09-19 13:41:59")
        print(f"PHP version {world.php_version()} (/usr/bin/php)")
        return 0
    if words != ["install"]:
        return world.unknown("composer", arguments)
    return _install(set(arguments))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _install(options: set[str]) -> int:
    plugins = "--no-plugins" not in options
    if os.geteuid() == 0 and os.environ.get("COMPOSER_ALLOW_SUPERUSER") != "1":
        plugins = False
        _say(
            "Composer plugins have been disabled for safety in this non-interactive session. Set COMPOSER_ALLOW_SUPERUSER=1 if "
            "you want to allow plugins to run as root/super user.\n"
            "Do not run Composer as root/super user! See https://getcomposer.org/root for details"
        )
    lock = json.loads(world.read("composer.lock"))
    here = world.installed()
    if plugins and INSTALLER in here and INSTALLER not in _allowed():
        return _blocked()
    world.pause(0.8)
    _say(
        "Installing dependencies from lock file\nVerifying lock file contents can be installed on current platform."
    )
    operations = _operations(lock["packages"], here)
    if not operations:
        _say("Nothing to install, update or remove")
    elif (code := _carry_out(operations)) != 0:
        return code
    vendor.finish(lock["packages"])
    if plugins:
        _admin_ui(lock["packages"])
    return _after(lock["packages"])


def _allowed() -> dict[str, bool]:
    config = json.loads(world.read("composer.json")).get("config", {})
    found = config.get("allow-plugins", {})
    return found if isinstance(found, dict) else {}


def _blocked() -> int:
    text = (
        f"{INSTALLER} contains a Composer plugin which is blocked by your allow-plugins config. You may add it to the list if "
        "you consider it safe."
    )
    _say(f"\nIn PluginManager.php line 762:\n\n  {text}\n")
    return 1


def _operations(packages: list[Package], here: dict[str, str]) -> list[Operation]:
    wanted = {package["name"]: package for package in packages}
    found = [Operation("Removing", {"name": name}, here[name]) for name in sorted(here) if name not in wanted]
    plugins_first = sorted(packages, key=lambda one: one.get("type") != "composer-plugin")
    for package in plugins_first:
        old = here.get(package["name"], "")
        if not old:
            found.append(Operation("Installing", package))
        elif old != package["version"]:
            found.append(Operation(_direction(old, package["version"]), package, old))
    return found


def _direction(old: str, new: str) -> str:
    return "Upgrading" if world.numbers(old) <= world.numbers(new) else "Downgrading"


def _carry_out(operations: list[Operation]) -> int:
    kinds = [operation.kind for operation in operations]
    installs, removals = kinds.count("Installing"), kinds.count("Removing")
    updates = len(kinds) - installs - removals
    _say(
        f"Package operations: {_counted(installs, 'install')}, {_counted(updates, 'update')}, {_counted(removals, 'removal')}"
    )
    each = float(world.setting("composer", "seconds", INSTALL_SECONDS)) / len(operations) / 2
    if not _download([one.package for one in operations if one.kind != "Removing"], each):
        return 1
    lost = world.fault("composer", "hangup")
    for number, operation in enumerate(operations):
        world.pause(each)
        _carry_out_one(operation)
        if lost is not None and number == len(operations) // 2:
            mishaps.hang_up()
    return 0


def _download(packages: list[Package], each: float) -> bool:
    network, disk = world.fault("composer", "network"), world.fault("composer", "disk")
    mishaps.free_disk()
    for number, package in enumerate(packages):
        _say(f"  - Downloading {package['name']} ({package['version']})")
        world.pause(each)
        if network is not None and number == NETWORK_LOST:
            for text in mishaps.no_network([_known(one) for one in packages[number - 2 : number + 1]]):
                _say(text)
                mishaps.try_on()
            return False
        if disk is not None and number == len(packages) // 2:
            _say(mishaps.fill_disk())
            return False
    return True


def _known(package: Package) -> tuple[str, str, str]:
    return package["name"], package["version"], package["source"]["reference"]


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _carry_out_one(operation: Operation) -> None:
    name = operation.package["name"]
    place = os.path.join(world.INSTANCE, "vendor", *name.split("/"))
    if os.path.isdir(place):
        shutil.rmtree(place)
    if operation.kind == "Removing":
        _say(f"  - Removing {name} ({operation.old})")
        return
    version = operation.package["version"]
    change = f"{operation.old} => {version}" if operation.old else version
    _say(f"  - {operation.kind} {name} ({change}): Extracting archive")
    vendor.write_package(operation.package)


def _admin_ui(packages: list[Package]) -> None:
    """Do what the plugin dreamfactory/installer does: put the admin UI into public/dreamfactory."""
    names = {package["name"] for package in packages}
    ui = next(
        (name for name in ("df-admin-interface", "df-admin-app") if f"dreamfactory/{name}" in names), ""
    )
    source = os.path.join(world.INSTANCE, "vendor", "dreamfactory", ui, "dist")
    if INSTALLER in names and ui and os.path.isdir(source):
        target = os.path.join(world.INSTANCE, "public", "dreamfactory", "dist")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)


def _after(packages: list[Package]) -> int:
    names = {package["name"] for package in packages}
    for name, instead in ABANDONED.items():
        if name in names:
            advice = f"Use {instead} instead." if instead else "No replacement was suggested."
            _say(f"Package {name} is abandoned, you should avoid using it. {advice}")
    _say("Generating optimized autoload files")
    world.pause(1.2)
    _say(
        "> Illuminate\\Foundation\\ComposerScripts::postAutoloadDump\n> @php artisan package:discover --ansi"
    )
    # The real one leaves this on stdout; two streams would reach a reader in another order each time.
    with redirect_stdout(sys.stderr):
        code = artisan.main(["package:discover", "--ansi"])
    if code != 0:
        _say(
            f"Script @php artisan package:discover --ansi handling the post-autoload-dump event returned with error code {code}"
        )
        return code
    _say(
        f"{len(packages) // 2} packages you are using are looking for funding.\nUse the `composer fund` command to find out more!"
    )
    return 0
