"""Inspection: every question to one instance, put at the same time where they are independent, answered as Facts. Read-only."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import reduce
from typing import TypeVar

from dfwizard.errors import DfwizardError, HostError
from dfwizard.hosts.base import Host
from dfwizard.hosts.foresight import expect_many, foreseen
from dfwizard.instance.artisan import artisan_facts
from dfwizard.instance.asking import NOWHERE, Asker, Problems
from dfwizard.instance.crontabs import crontab_lines
from dfwizard.instance.database import DatabaseSettings, settings
from dfwizard.instance.dotenv import DotenvFile
from dfwizard.instance.dotenv_secrets import secret_values
from dfwizard.instance.environment import read_dotenv
from dfwizard.instance.facts import (
    ArtisanFacts,
    DatabaseFacts,
    DotenvFacts,
    Facts,
    GitFacts,
    KeyProof,
    PhpFacts,
    ServerFacts,
    Space,
    StatusFacts,
    TreeFacts,
    WebFacts,
)
from dfwizard.instance.git import git_facts
from dfwizard.instance.key import key_fingerprint, prove_key
from dfwizard.instance.paths import located
from dfwizard.instance.php import cli_php
from dfwizard.instance.probe import DatabaseUnreachable, EncryptedValue, Probe, probe_facts
from dfwizard.instance.server import server_facts
from dfwizard.instance.space import DATABASE_SERVER, server_directory, spaces
from dfwizard.instance.status import status_facts
from dfwizard.instance.tools import composer_version, tool_paths
from dfwizard.instance.tree import home_of, licence, tree_facts
from dfwizard.instance.version import Releases, Signs, config_version, decide, read_packages
from dfwizard.instance.web import web_facts

T = TypeVar("T")
OnFact = Callable[[str, object], None]

_THREADS = 16
_LOCK_LIMIT = 16 << 20

_NO_TOOLS: Mapping[str, str] = {}
_NO_WEB: tuple[WebFacts, PhpFacts | None] = (WebFacts(), None)
_NO_SPACE: tuple[Space, ...] = ()
_NO_TEXT: tuple[str, ...] = ()


def inspect(
    host: Host,
    path: str,
    rules: Releases | None,
    *,
    php: str | None = None,
    url: str | None = None,
    space: Mapping[str, str] | None = None,
    http: bool = True,
    on_fact: OnFact | None = None,
) -> Facts:
    """Find out all there is to know of the instance at `path`, without changing anything.

    `php` is the command line's PHP (None: the owner's own `php`), `url` where the instance answers (None: found
    from the web
    server's configuration), `space` further paths to measure with what they are for, `http` false to send the
    instance no request. `on_fact` is called, in this thread, with the
    name of each field of Facts and its value as they come.

    Raises:
        UsageError: `path` is no DreamFactory installation. Nothing else fails the whole: what could not be
        found out is in
            `problems`.
    """
    began, taken_at = time.monotonic(), datetime.now(timezone.utc).isoformat(timespec="seconds")
    expect_many(host)
    real, stat = located(host, path)
    with ThreadPoolExecutor(_THREADS, "inspect") as pool:
        at_once = Asker(host, real, stat.owner)
        home = pool.submit(home_of, host, stat.owner)
        ahead = pool.submit(foreseen, host, lambda there: _look_ahead(there, at_once, rules, space or {}))
        askers = _Askers(
            at_once=at_once,
            at_home=lambda: replace(at_once, home=home.result() or NOWHERE),
            ahead=lambda: replace(at_once, home=home.result() or NOWHERE, host=ahead.result()),
        )
        answers = _Inspection(askers, pool, Problems(), on_fact or _nobody).answer(
            rules, php, url, space or {}, http
        )
    return replace(
        answers,
        taken_at=taken_at,
        seconds=round(time.monotonic() - began, 3),
        owner_home=home.result() or f"/var/cache/dfwizard/home-{stat.owner}",
    )


def _look_ahead(host: Host, ask: Asker, rules: Releases | None, space: Mapping[str, str]) -> None:
    """Ask about files what the inspection will ask."""
    ask = replace(ask, host=host)
    askers = _Askers(ask, lambda: ask, lambda: ask)
    with ThreadPoolExecutor(_THREADS, "ahead") as pool:
        _Inspection(askers, pool, Problems(), _nobody).answer(rules, None, None, space, http=False)
    artisan_facts(ask, "php", Problems(), database_file=None, database_answers=lambda: False)


def _nobody(_name: str, _value: object) -> None:
    """Hear nothing: for callers that wait for the whole."""


@dataclass(frozen=True)
class _Askers:
    """Ways of asking: `at_once`; `at_home`, as soon as the owner's home is known; `ahead`, as soon as the answers about files are.

    What asks about files first takes the last, what runs programs as the owner the second, everything else the first.
    """

    at_once: Asker
    at_home: Callable[[], Asker]
    ahead: Callable[[], Asker]


@dataclass(frozen=True)
class _DatabaseAnswer:
    facts: DatabaseFacts | None = None
    encrypted: tuple[EncryptedValue, ...] = ()
    directory: str | None = None


@dataclass
class _Inspection:
    ask: _Askers
    pool: ThreadPoolExecutor
    problems: Problems
    on_fact: OnFact

    def answer(
        self, rules: Releases | None, php: str | None, url: str | None, space: Mapping[str, str], http: bool
    ) -> Facts:
        ask, home, ahead, problems = self.ask.at_once, self.ask.at_home, self.ask.ahead, self.problems
        web = self._put("web server", _NO_WEB, lambda: web_facts(ask, problems))
        cli = self._put("PHP", None, lambda: self._cli(php))
        git = self._put("git", None, lambda: git_facts(home(), problems))
        env = self._put(".env", None, lambda: read_dotenv(ahead().host, ask.path))
        tools = self._put("tools", _NO_TOOLS, lambda: tool_paths(ahead().host))
        tree = self._put("directory", _no_tree(ask), lambda: tree_facts(home(), problems))
        signs = self._put("version", Signs(), self._read_signs)
        licensed = self._put("licence files", (_NO_TEXT, _NO_TEXT), lambda: licence(ahead(), git.result()))
        crontabs = self._put("crontabs", _NO_TEXT, lambda: self._crontabs(web))
        composer = self._put("composer", None, lambda: self._composer(cli, tools))
        server = self._put(
            "server", ServerFacts(), lambda: server_facts(home(), lambda: web.result()[0].user)
        )

        env_found = env.result()
        dotenv, file = env_found if env_found is not None else (None, None)
        self.on_fact("dotenv", dotenv)
        if dotenv is not None and dotenv.error:
            problems.add(f".env: Laravel refuses it, {dotenv.error}")
        wanted = self._settings(file)
        cli_found = cli.result()
        program = cli_found.binary if cli_found else None
        database = self._put("database", _DatabaseAnswer(), lambda: self._database(wanted, program))
        sqlite = wanted.file if wanted is not None else None
        artisan = self._put(
            "artisan", ArtisanFacts(), lambda: self._artisan(program, sqlite, database, dotenv, file)
        )
        status = self._put("HTTP", None, lambda: self._status(url, web, dotenv) if http else None)
        paths = {ask.path: "instance", **({sqlite: "database"} if sqlite else {}), **space}
        free = self._put("free space", _NO_SPACE, lambda: self._spaces(paths, wanted, database))

        web_found, fpm = web.result()
        self.on_fact("web", web_found)
        php_found = tuple(one for one in (cli_found, fpm) if one is not None)
        self.on_fact("php", php_found)
        git_found = self._tell("git", git)
        key = self._prove(file, self._tell("database", database).encrypted)
        found = _signs_with(
            signs.result(), git_found, self._tell("artisan", artisan), self._tell("status", status)
        )
        version = decide(found, rules)
        self.on_fact("version", version)
        files, packages = licensed.result()
        described = replace(
            tree.result(), licensed=files, licensed_packages=packages, crontabs=crontabs.result()
        )
        self.on_fact("tree", described)
        return Facts(
            host=ask.host.name,
            path=ask.path,
            taken_at="",
            seconds=0.0,
            me=ask.host.user,
            tree=described,
            version=version,
            git=git_found,
            php=php_found,
            composer=self._tell("composer", composer),
            composer_path=tools.result().get("composer"),
            web=web_found,
            dotenv=dotenv,
            database=database.result().facts,
            artisan=artisan.result(),
            key=key,
            status=status.result(),
            space=self._tell("space", free),
            owner_home="",
            tools=self._tell("tools", tools),
            server=self._tell("server", server),
            problems=tuple(sorted(problems.lines)),
        )

    def _put(self, name: str, default: T, question: Callable[[], T]) -> Future[T]:
        """Ask in a thread; a question that fails gives `default` and a problem in words."""

        def guarded() -> T:
            try:
                return question()
            except DfwizardError as error:
                where = f" ({error.where})" if error.where else ""
                self.problems.add(f"{name}: {error.what}{where}")
            except (OSError, ValueError, LookupError, TypeError) as error:
                self.problems.add(f"{name}: the answer could not be read ({type(error).__name__})")
            return default

        return self.pool.submit(guarded)

    def _tell(self, name: str, future: Future[T]) -> T:
        value = future.result()
        self.on_fact(name, value.facts if isinstance(value, _DatabaseAnswer) else value)
        return value

    def _cli(self, php: str | None) -> PhpFacts:
        ask = self.ask.at_once
        program = php or ask.host.which("php", user=ask.owner) or ask.host.which("php")
        if program is None:
            raise HostError("there is no php on the PATH", remedy="Install PHP's command line, or name it.")
        found = cli_php(self.ask.at_home(), program)
        return replace(found, binary=program)

    def _settings(self, file: DotenvFile | None) -> DatabaseSettings | None:
        if file is None:
            return None
        try:
            config = self._read("config/database.php")
            text = config.decode("utf-8", "replace") if config is not None else None
            return settings(file.values, self.ask.at_once.path, config=text)
        except DfwizardError as error:
            self.problems.add(f"database: {error.what}")
            return None

    def _database(self, wanted: DatabaseSettings | None, php: str | None) -> _DatabaseAnswer:
        if wanted is None:
            return _DatabaseAnswer()
        facts = DatabaseFacts(
            wanted.driver, wanted.address, wanted.name, wanted.user, reachable=False, notes=wanted.notes
        )
        if php is None:
            return _DatabaseAnswer(replace(facts, error="there is no PHP to ask it with"))
        try:
            ask = self.ask.at_once
            found = probe_facts(Probe(ask.host, php, wanted, ask.owner))
        except DatabaseUnreachable as error:
            self.problems.add(f"database: {error.what} ({error.where})")
            return _DatabaseAnswer(replace(facts, error=error.what))
        except HostError as error:
            self.problems.add(f"database: {error.what}")
            return _DatabaseAnswer(replace(facts, error=error.what))
        facts = replace(
            facts,
            reachable=True,
            server=found.server,
            size=found.size,
            tables=found.tables,
            writable=found.writable,
            service_types=found.service_types,
            active_types=found.active_types,
            password_costs=found.password_costs,
            other_engines=found.other_engines,
            row_format=found.row_format,
            oldest_transaction=found.oldest_transaction,
            clients=found.clients,
        )
        return _DatabaseAnswer(facts, found.encrypted, found.directory)

    def _spaces(
        self,
        paths: Mapping[str, str],
        wanted: DatabaseSettings | None,
        database: Future[_DatabaseAnswer],
    ) -> tuple[Space, ...]:
        told = database.result().directory
        ask = self.ask.ahead()
        directory = server_directory(ask, wanted, told) if wanted is not None else None
        return spaces(ask, {**paths, **({directory: DATABASE_SERVER} if directory else {})})

    def _artisan(
        self,
        php: str | None,
        database_file: str | None,
        database: Future[_DatabaseAnswer],
        dotenv: DotenvFacts | None,
        file: DotenvFile | None,
    ) -> ArtisanFacts:
        if php is None:
            raise HostError("it cannot be asked without PHP")
        problems = Problems()
        refused = None if file is not None else "there is no .env that can be read"
        if dotenv is not None and dotenv.error:
            refused = f"Laravel refuses .env, {dotenv.error}"

        def database_answers() -> bool:
            facts = database.result().facts
            return facts is not None and facts.reachable

        found = artisan_facts(
            self.ask.ahead(),
            php,
            problems,
            database_file=database_file,
            database_answers=database_answers,
            dotenv_error=refused,
        )
        secrets = sorted(secret_values(file), key=len, reverse=True) if file is not None else []

        def cleaned(text: str) -> str:
            return reduce(lambda shown, secret: shown.replace(secret, "***"), secrets, text)

        for line in problems.lines:
            self.problems.add(cleaned(line))
        return replace(
            found,
            error=cleaned(found.error) if found.error else None,
            df_version=cleaned(found.df_version) if found.df_version else None,
        )

    def _crontabs(self, asked_web: Future[tuple[WebFacts, PhpFacts | None]]) -> tuple[str, ...]:
        ask, web = self.ask.ahead(), asked_web.result()[0]
        users = {ask.owner, "root", ask.host.user, *([web.user] if web.user else [])}
        return crontab_lines(ask, users, self.problems)

    def _status(
        self,
        url: str | None,
        asked_web: Future[tuple[WebFacts, PhpFacts | None]],
        dotenv: DotenvFacts | None,
    ) -> StatusFacts | None:
        web = asked_web.result()[0]
        address = url or web.url
        if address is None:
            self.problems.add("HTTP: no address is known to ask the instance at; name one with --url")
            return None
        prefix = dotenv.values.get("DF_STATUS_ROUTE_PREFIX", "") if dotenv else ""
        prefix = f"/{prefix.strip('/')}" if prefix.strip("/") else ""
        # An address that was named is asked as it is; the one found in the site's configuration needs the site's name.
        header = web.host_header if address == web.url else None
        found = status_facts(self.ask.at_once, address, header, prefix=prefix)
        if found.code == 0:
            self.problems.add(f"HTTP: {address} does not answer: {found.error}")
        return found

    def _composer(self, cli: Future[PhpFacts | None], tools: Future[Mapping[str, str]]) -> str | None:
        found, path = cli.result(), tools.result().get("composer")
        php = found.binary if found is not None else None
        if path is None or php is None:
            self.problems.add("composer: it is not on the PATH" if path is None else "composer: it needs PHP")
            return None
        return composer_version(self.ask.at_home(), php, path)

    def _prove(self, file: DotenvFile | None, encrypted: tuple[EncryptedValue, ...]) -> KeyProof:
        values = file.values if file is not None else {}
        key = values.get("APP_KEY") or ""
        previous = [one for one in (values.get("APP_PREVIOUS_KEYS") or "").split(",") if one]
        proof = prove_key(key, encrypted, previous=previous) if file is not None else KeyProof("no-key")
        proof = replace(proof, fingerprint=key_fingerprint(key))
        self.on_fact("key", proof)
        return proof

    def _read(self, name: str) -> bytes | None:
        """Give a file of the tree; None when it is not there."""
        ask = self.ask.ahead()
        file = posixpath.join(ask.path, name)
        if ask.host.stat(file, follow=True) is None:
            return None
        return ask.host.read(file, limit=_LOCK_LIMIT)

    def _read_signs(self) -> Signs:
        config = self._read("config/app.php")
        lock, installed = self._read("composer.lock"), self._read("vendor/composer/installed.json")
        return Signs(
            config=config_version(config.decode("utf-8", "replace")) if config is not None else None,
            lock=read_packages(lock) if lock is not None else None,
            installed=read_packages(installed) if installed is not None else None,
            vendor_missing=installed is None,
        )


def _signs_with(
    signs: Signs, git: GitFacts | None, artisan: ArtisanFacts, status: StatusFacts | None
) -> Signs:
    return replace(
        signs,
        git=git,
        df_version=artisan.df_version,
        artisan=artisan.version_line,
        status=status.version if status else None,
        config_cached=artisan.config_cached,
    )


def _no_tree(ask: Asker) -> TreeFacts:
    return TreeFacts(ask.owner, "", 0, 0, 0, mount_point=False, parent_writable=False)
