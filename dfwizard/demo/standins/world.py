"""The sandbox as the stand-ins see it: where things are, how fast time goes, which faults are wanted."""

from __future__ import annotations

import json
import os
import re
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INSTANCE = os.path.join(ROOT, "opt", "dreamfactory")
SETTINGS = os.path.join(ROOT, "sandbox.json")
FAULTS = os.path.join(ROOT, "faults.json")
USED = os.path.join(ROOT, "faults-used.json")

PHP_VERSION = "8.3.14"
FOLLOWS = "follows"
"""The version of a PHP that is a switch, as phpenv is: it runs what the code in its directory asks for."""
_FOLLOWING = (((5,), "7.4.33"), ((7, 0, 1), "8.1.31"), ((99,), PHP_VERSION))


def document(path: str) -> dict[str, object]:
    """Read a JSON object; a missing file is an empty one."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return {}
    return found if isinstance(found, dict) else {}


def write_document(path: str, value: object) -> None:
    """Write JSON so that a reader sees the old or the new whole."""
    new = f"{path}.{os.getpid()}"
    with open(new, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, sort_keys=True)
    os.replace(new, path)


def pause(seconds: float) -> None:
    """Take as long as the real program would, divided by the sandbox's speed (0: no waits)."""
    speed = document(SETTINGS).get("speed", 0)
    if isinstance(speed, (int, float)) and speed > 0:
        sys.stdout.flush()
        sys.stderr.flush()
        time.sleep(seconds / speed)


def setting(program: str, name: str, default: str) -> str:
    """Give what the faults say of a program, such as its version, else `default`."""
    found = _faults_of(program).get(name, default)
    return found if isinstance(found, str) else default


def fault(program: str, name: str) -> dict[str, object] | None:
    """Give the fault `name` of a program where it is wanted, and count its use; one with `times` is over after so many."""
    found = _faults_of(program).get(name)
    if not isinstance(found, dict):
        return None
    key = f"{program}.{name}"
    used = document(USED)
    count = used.get(key, 0)
    number = count if isinstance(count, int) else 0
    limit = found.get("times")
    if isinstance(limit, int) and number >= limit:
        return None
    write_document(USED, {**used, key: number + 1})
    return found


def _faults_of(program: str) -> dict[str, object]:
    found = document(FAULTS).get(program)
    return found if isinstance(found, dict) else {}


def php_version() -> str:
    """Give the version that this sandbox's PHP says it has; one that follows is the one that the checked-out release asks for."""
    wanted = setting("php", "version", PHP_VERSION)
    if wanted != FOLLOWS:
        return wanted
    release = numbers(code_version())
    return next(version for until, version in _FOLLOWING if release < until)


def fpm_names(version: str) -> tuple[str, str]:
    """Give the unit of php-fpm and the directory of its configuration, as Debian names them by the PHP's minor."""
    if version == FOLLOWS:
        return "php-fpm", "php/fpm"
    return f"php{minor(version)}-fpm", f"php/{minor(version)}/fpm"


def minor(version: str) -> str:
    """Give the first two numbers of a version, which name a PHP's directories and units."""
    return ".".join(version.split(".")[:2])


def read(*parts: str) -> str:
    """Read a text file below the instance; "" where there is none."""
    try:
        with open(os.path.join(INSTANCE, *parts), encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def write(text: str, *parts: str) -> None:
    """Write a text file below the instance, with its directories."""
    path = os.path.join(INSTANCE, *parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def code_version() -> str:
    """Give what the instance's config/app.php says."""
    found = re.search(r"'version'\s*=>\s*'([^']+)'", read("config", "app.php"))
    return found[1] if found else ""


def numbers(version: str) -> tuple[int, ...]:
    """Give the numbers of a version for comparing."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def installed() -> dict[str, str]:
    """Give the packages in vendor by name with their versions, as installed.json has them."""
    text = read("vendor", "composer", "installed.json")
    packages = json.loads(text)["packages"] if text else []
    return {package["name"]: package["version"] for package in packages}


def laravel() -> str:
    """Give the version of Laravel in vendor, "" where there is none."""
    return installed().get("laravel/framework", "").removeprefix("v")


def dotenv() -> dict[str, str]:
    """Read the instance's .env: bare, single- and double-quoted values of one line."""
    found = {}
    for line in read(".env").splitlines():
        match = re.match(r"\s*([A-Z][A-Z0-9_]*)=(?:\"((?:\\.|[^\"\\])*)\"|'([^']*)'|([^#]*))", line)
        if match:
            name, double, single, bare = match.groups()
            escaped = re.sub(r"\\(.)", r"\1", double) if double is not None else None
            found[name] = next(
                one for one in (escaped, single, bare.strip() if bare else "") if one is not None
            )
    return found


def database() -> str:
    """Give the path of the SQLite system database."""
    return dotenv().get("DB_DATABASE", "") or os.path.join(INSTANCE, "database", "database.sqlite")


def unknown(program: str, words: list[str]) -> int:
    """Refuse what the stand-in does not know: never a silent success."""
    asked = " ".join(word if len(word) < 80 else word[:77] + "..." for word in words)
    print(f"{program} (demo stand-in): this is not known here: {program} {asked}".rstrip(), file=sys.stderr)
    return 1
