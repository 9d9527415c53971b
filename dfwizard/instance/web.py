"""Who serves the instance: nginx or Apache, the PHP behind it, their services, and an address to ask."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from dfwizard.errors import HostError
from dfwizard.hosts.foresight import foreseen
from dfwizard.instance import nginx
from dfwizard.instance.asking import Asker, Problems, is_running, program_of
from dfwizard.instance.facts import PhpFacts, WebFacts
from dfwizard.instance.php import Master, Pool, fpm_masters, fpm_php, pool_for
from dfwizard.instance.units import fpm_unit, group_of, named_unit, services, unit_of

_NGINX_MASTER = re.compile(r"\s*(\d+)\s+nginx: master process (.*)$")
_APACHE_PROCESS = re.compile(r"\s*(\d+)\s+(\S*/)?(apache2|httpd)(\s|$)")
_NGINX_CONF = "/etc/nginx/nginx.conf"
_MOST_FILES = 500
_APACHE_SITES = ("/etc/apache2/sites-enabled", "/etc/httpd/conf.d")


@dataclass(frozen=True)
class _Site:
    """A site that serves the instance: which server, in which process, on which addresses."""

    server: str
    pid: int
    files: tuple[str, ...]
    listens: tuple[nginx.Listen, ...]
    names: tuple[str, ...]
    passes: tuple[str, ...]


def web_facts(ask: Asker, problems: Problems) -> tuple[WebFacts, PhpFacts | None]:
    """Find the site whose root is the instance's `public`, and the php-fpm that it sends requests to."""
    processes = ask.as_me("ps", "-ww", "-eo", "pid=,args=").text
    with ThreadPoolExecutor(2, "web") as pool:
        asked_known = pool.submit(services, ask, problems)
        asked_masters = pool.submit(fpm_masters, ask, processes, problems)
        site = _nginx_site(ask, processes, problems) or _apache_site(ask, processes, problems)
        if site is None:
            problems.add(f"no running nginx or Apache was found that serves {ask.path}/public")
        found = _pool(ask, asked_masters.result(), site, problems)
        pids = {one.pid for one in (site, found[0] if found else None) if one is not None}
        asked_groups = pool.submit(foreseen, ask.host, lambda there: [group_of(there, pid) for pid in pids])
        php = _fpm_facts(ask, *found, problems) if found else None
        known, ask = asked_known.result(), replace(ask, host=asked_groups.result())
    facts = _facts(ask, site, found, php, known)
    if site and not facts.server_service and known:
        problems.add(f"the service of {site.server} is not known to systemctl")
    if found and not facts.fpm_service and known:
        problems.add("the service of php-fpm is not known to systemctl")
    return facts, php


def _facts(
    ask: Asker,
    site: _Site | None,
    found: tuple[Master, Pool | None] | None,
    php: PhpFacts | None,
    known: Mapping[str, bool],
) -> WebFacts:
    server_unit = fpm_service = None
    user = group = None
    files: list[str] = list(site.files) if site else []
    if site is not None:
        usual = {"nginx": ("nginx",), "apache": ("apache2", "httpd")}[site.server]
        server_unit = unit_of(ask, site.pid, known) or named_unit(known, usual)
    if found is not None:
        master, pool = found
        fpm_service = unit_of(ask, master.pid, known) or fpm_unit(known, php.minor if php else "")
        if pool is not None:
            user, group = pool.user, pool.group
            files.append(pool.file)
    elif site is not None and site.server == "apache":
        user, group = _worker(ask, site.pid)
    url, header = _address(site)
    return WebFacts(
        server=site.server if site else None,
        server_service=server_unit,
        server_active=known.get(server_unit) if server_unit else None,
        fpm_service=fpm_service,
        fpm_active=known.get(fpm_service) if fpm_service else None,
        user=user,
        group=group,
        url=url,
        host_header=header,
        sites=tuple(dict.fromkeys(files)),
    )


def _pool(
    ask: Asker, masters: Sequence[Master], site: _Site | None, problems: Problems
) -> tuple[Master, Pool | None] | None:
    found = pool_for(masters, site.passes) if site else None
    if found is not None:
        return found
    if site is not None and site.passes:
        problems.add(
            f"no running php-fpm listens at {', '.join(site.passes)}, where {site.server} sends PHP requests"
        )
        return None
    pools = [(master, pool) for master in masters for pool in master.pools if pool.user == ask.owner]
    return pools[0] if site is None and len(pools) == 1 else None


def _fpm_facts(ask: Asker, master: Master, pool: Pool | None, problems: Problems) -> PhpFacts | None:
    try:
        return fpm_php(ask, master, pool)
    except HostError as error:
        problems.add(f"php-fpm could not be asked: {error.what}")
        return None


def _address(site: _Site | None) -> tuple[str | None, str | None]:
    if site is None or not site.listens:
        return None, None
    best = min(site.listens, key=lambda one: (one.tls, one.host.startswith("["), one.host != "127.0.0.1"))
    scheme, usual = ("https", 443) if best.tls else ("http", 80)
    name = next((one for one in site.names if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", one)), None)
    return f"{scheme}://{best.host}" + ("" if best.port == usual else f":{best.port}"), name


def _serves(ask: Asker, roots: Sequence[str]) -> set[str]:
    """Give those of `roots` that are the instance's public directory, symlinks resolved."""
    plain = sorted({root for root in roots if root.startswith("/") and "$" not in root})
    if not plain:
        return set()
    result = ask.as_me("realpath", "-mz", "--", posixpath.join(ask.path, "public"), *plain)
    real = result.stdout.decode("utf-8", "surrogateescape").split("\0")
    return {root for root, resolved in zip(plain, real[1:], strict=False) if resolved == real[0]}


def _nginx_site(ask: Asker, processes: str, problems: Problems) -> _Site | None:
    for line in processes.splitlines():
        match = _NGINX_MASTER.match(line)
        if match is None:
            continue
        pid, title = int(match[1]), match[2].split()
        try:
            main = _nginx_configuration(ask, pid, title)
        except HostError as error:
            if is_running(ask, pid):  # one that has ended meanwhile is nobody's problem
                problems.add(f"nginx does not tell its configuration: {error.what}")
            continue
        blocks = nginx.servers(main)
        here = _serves(ask, [root for block in blocks for root in block.roots])
        found = [block for block in blocks if here.intersection(block.roots)]
        if found:
            return _Site(
                "nginx",
                pid,
                tuple(dict.fromkeys(block.file for block in found)),
                tuple(listen for block in found for listen in block.listens),
                tuple(name for block in found for name in block.names),
                tuple(dict.fromkeys(one for block in found for one in block.passes)),
            )
    return None


def _nginx_configuration(ask: Asker, pid: int, title: Sequence[str]) -> nginx.Directive:
    """Give what the master process `pid` was started with; `title` is its command line.

    Raises:
        HostError: neither does it print its configuration nor can the files be read.
    """
    binary = program_of(ask, pid)
    options = [word for flag in ("-c", "-p", "-e") for word in _option(title, flag)]
    result = ask.as_me(binary or "nginx", "-T", "-q", *options)
    if result.code == 0:
        return nginx.parse_dump(result.stdout.decode("utf-8", "surrogateescape"))
    # Only root may test a configuration with certificates and logs; reading it needs less.
    return nginx.with_includes(_nginx_files(ask, (_option(title, "-c") or ("", _NGINX_CONF))[1]))


def _nginx_files(ask: Asker, main: str) -> dict[str, tuple[nginx.Directive, ...]]:
    """Read a configuration and what it includes, the main file first."""
    files: dict[str, tuple[nginx.Directive, ...]] = {}
    waiting = [main]
    while waiting and len(files) < _MOST_FILES:
        file = waiting.pop(0)
        if file in files:
            continue
        text = ask.host.read(file, limit=1 << 20).decode("utf-8", "surrogateescape")
        files[file] = nginx.parse(text, file)
        for one in nginx.Directive("file", block=files[file]).deep("include"):
            directory, pattern = posixpath.split(posixpath.join(posixpath.dirname(main), *one.args[:1]))
            if ask.host.stat(directory, follow=True) is not None:
                waiting += [
                    posixpath.join(directory, name)
                    for name in fnmatch.filter(ask.host.listdir(directory), pattern)
                ]
    return files


def _option(words: Sequence[str], flag: str) -> tuple[str, ...]:
    if flag in words[:-1]:
        return (flag, words[words.index(flag) + 1])
    return ()


def _apache_site(ask: Asker, processes: str, problems: Problems) -> _Site | None:
    """Look through the sites' files for the instance's DocumentRoot: enough for what the installers write."""
    match = next((found for found in map(_APACHE_PROCESS.match, processes.splitlines()) if found), None)
    if match is None:
        return None
    try:
        for directory in _APACHE_SITES:
            names = ask.host.listdir(directory) if ask.host.stat(directory, follow=True) else ()
            for name in (one for one in names if one.endswith(".conf")):
                file = posixpath.join(directory, name)
                text = ask.host.read(file, limit=1 << 20).decode("utf-8", "surrogateescape")
                site = _apache_host(ask, int(match[1]), file, text)
                if site:
                    return site
    except HostError as error:
        problems.add(f"Apache's configuration cannot be read: {error.what}")
    return None


def _apache_host(ask: Asker, pid: int, file: str, text: str) -> _Site | None:
    hosts = re.findall(
        r"^[ \t]*<VirtualHost[ \t]+([^>]*)>(.*?)^[ \t]*</VirtualHost>", text, re.M | re.S | re.I
    )
    for addresses, body in hosts or [("*:80", text)]:
        words = {
            key.lower(): value.strip().strip('"')
            for key, value in re.findall(r"^[ \t]*(DocumentRoot|ServerName)[ \t]+(.+)$", body, re.M | re.I)
        }
        root = words.get("documentroot", "")
        if not _serves(ask, [root]):
            continue
        tls = bool(re.search(r"^[ \t]*SSLEngine[ \t]+on", body, re.M | re.I))
        listens = [nginx.listen((one,), tls_everywhere=tls) for one in addresses.split()]
        passes = re.findall(r"proxy:(unix:[^|\"\s]+)|fcgi://([\w.]+:\d+)", body)
        return _Site(
            "apache",
            pid,
            (file,),
            tuple(one for one in listens if one),
            (words.get("servername", "_").rpartition("//")[2].partition(":")[0],),
            tuple(unix or tcp for unix, tcp in passes),
        )
    return None


def _worker(ask: Asker, pid: int) -> tuple[str | None, str | None]:
    """Give the account of a worker: a child of the process that does not run as root."""
    for parent in (pid, None):
        selection = ("--ppid", str(parent)) if parent else ("-C", "apache2,httpd")
        for line in ask.as_me("ps", "-o", "user:64=,group:64=", *selection).text.splitlines():
            words = line.split()
            if len(words) == 2 and words[0] != "root":
                return words[0], words[1]
    return None, None
