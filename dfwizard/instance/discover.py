"""The installations on a host: in the usual places, and where its web servers' configuration leads. Read-only, and quick."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dfwizard.errors import DfwizardError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command
from dfwizard.instance import nginx
from dfwizard.instance.paths import is_instance
from dfwizard.instance.tree import home_of
from dfwizard.instance.version import config_version

USUAL = (
    "/opt/dreamfactory",
    "/opt/bitnami/dreamfactory",
    "/opt/bitnami/apps/dreamfactory/htdocs",
    "/var/www/dreamfactory",
    "/var/www/html",
    "/var/www/html/dreamfactory",
    "/srv/dreamfactory",
    "/usr/share/dreamfactory",
)
"""Where installers, images and guides put DreamFactory."""

NGINX = "/etc/nginx/nginx.conf"
APACHE = ("/etc/apache2/sites-enabled", "/etc/httpd/conf.d")

_MOST_FILES = 200
_LARGEST = 1 << 20
_ROOT = re.compile(r"^[ \t]*DocumentRoot[ \t]+(?:\"([^\"\n]+)\"|'([^'\n]+)'|([^\s\"']+))", re.M | re.I)


@dataclass(frozen=True)
class Found:
    """An installation: its real `path`, `because` of what it was found, and the `version` that its config/app.php names."""

    path: str
    because: str
    version: str | None


def discover(
    host: Host,
    *,
    usual: tuple[str, ...] = USUAL,
    nginx_file: str = NGINX,
    apache: tuple[str, ...] = APACHE,
) -> tuple[Found, ...]:
    """Give the installations on the host, each once, symlinks resolved; unreadable places are left out. Never raises.

    Besides the `usual` places the home of dfwizard's account and the current directory are looked at, and the roots that
    nginx's and Apache's configuration files name.
    """
    places: dict[str, str] = {}
    for path, because in (
        *_places(host, usual),
        *_nginx_roots(host, nginx_file),
        *_apache_roots(host, apache),
    ):
        places.setdefault(path, because)
    found: dict[str, Found] = {}
    for path, real in _resolved(host, tuple(places)).items():
        if real not in found and _accepted(host, real):
            found[real] = Found(real, places[path], _version(host, real))
    return tuple(found.values())


def _places(host: Host, usual: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for path in usual:
        yield path, "a usual place"
    try:
        home = home_of(host, host.user)
    except DfwizardError:
        home = None
    if home is not None:
        yield posixpath.join(home, "dreamfactory"), "your home directory"
    yield ".", "the current directory"


def _resolved(host: Host, paths: tuple[str, ...]) -> dict[str, str]:
    """Give the real path of each place that exists: one question for all of them."""
    existing = [path for path in paths if "\0" not in path and _exists(host, path)]
    if not existing:
        return {}
    try:
        answer = host.run(Command(("realpath", "-mz", "--", *existing), timeout=10), check=False)
    except DfwizardError:
        return {}
    real = answer.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
    return dict(zip(existing, real, strict=False)) if len(real) == len(existing) else {}


def _exists(host: Host, path: str) -> bool:
    try:
        found = host.stat(path, follow=True)
    except DfwizardError:
        return False
    return found is not None and found.kind == "directory"


def _accepted(host: Host, path: str) -> bool:
    try:
        return is_instance(host, path)
    except DfwizardError:
        return False


def _version(host: Host, path: str) -> str | None:
    try:
        text = host.read(posixpath.join(path, "config/app.php"), limit=_LARGEST)
    except DfwizardError:
        return None
    return config_version(text.decode("utf-8", "replace"))


def _text(host: Host, file: str) -> str:
    """Give the text of a file; "" when it cannot be read."""
    try:
        return host.read(file, limit=_LARGEST).decode("utf-8", "surrogateescape")
    except DfwizardError:
        return ""


def _nginx_roots(host: Host, main: str) -> Iterator[tuple[str, str]]:
    """Give what the directory above each `root` of a configuration and its includes is: the root is the tree's `public`."""
    seen: set[str] = set()
    waiting = [main]
    while waiting and len(seen) < _MOST_FILES:
        file = waiting.pop(0)
        if file in seen:
            continue
        seen.add(file)
        block = nginx.Directive("file", block=nginx.parse(_text(host, file), file))
        for one in block.deep("include"):
            if one.args:
                waiting += _matching(host, posixpath.join(posixpath.dirname(main), one.args[0]))
        for one in block.deep("root"):
            yield from _trees(one.args[:1], f"nginx serves it ({file})")


def _matching(host: Host, pattern: str) -> list[str]:
    directory, name = posixpath.split(pattern)
    if not any(sign in pattern for sign in "*?["):
        return [pattern]
    try:
        names = host.listdir(directory)
    except DfwizardError:
        return []
    return [posixpath.join(directory, one) for one in names if fnmatchcase(one, name)]


def _apache_roots(host: Host, directories: Iterable[str]) -> Iterator[tuple[str, str]]:
    for directory in directories:
        for file in _matching(host, posixpath.join(directory, "*.conf"))[:_MOST_FILES]:
            for match in _ROOT.finditer(_text(host, file)):
                yield from _trees([one for one in match.groups() if one], f"Apache serves it ({file})")


def _trees(roots: Iterable[str], because: str) -> Iterator[tuple[str, str]]:
    for root in roots:
        if root.startswith("/") and "$" not in root:
            path = posixpath.normpath(root)
            yield posixpath.dirname(path) if posixpath.basename(path) == "public" else path, because
