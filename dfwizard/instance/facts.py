"""Facts: what was found out about an instance, as frozen data that goes to JSON and back.

Facts hold no secret: of `.env` only key names, non-secret values and fingerprints are kept. A fact that could not
be found out is
None (or empty) and `problems` says why: inspection never fails because one question had no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dfwizard.hosts.naming import located

SCHEMA = 1
"""Version of the facts' JSON form."""


@dataclass(frozen=True)
class Evidence:
    """One sign of the version: where it was read, what it said, which releases (tags) that fits.

    `source` is one of commit, tree, tag, config, composer.lock, installed.json, df:version, artisan, status. `fits`
    is empty when the
    sign fits no known release; `exact` tells whether the sign alone names a release (a commit does, Laravel's
    version does not).
    """

    source: str
    said: str
    fits: tuple[str, ...] = ()
    exact: bool = False
    note: str = ""


@dataclass(frozen=True)
class VersionFacts:
    """All evidence of the version, the release believed and why, and every disagreement in words.

    `release` is a tag of the rules or None when nothing is sure enough.
    """

    release: str | None
    because: str
    evidence: tuple[Evidence, ...]
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class DirtyFile:
    """A path that differs from the commit: `state` is git's two letters (` M`, ` D`, `??`)."""

    path: str
    state: str


@dataclass(frozen=True)
class GitFacts:
    """The checkout: `commit` and `tree` 40 hex digits, `branch` None when detached, `tags` pointing at the commit.

    `dirty` are tracked files that differ, `untracked` those git does not know (ignored ones left out); `remote` is
    the URL of origin with any password masked; `refspecs` origin's fetch refspecs; `operation` a merge/rebase/bisect
    in progress; `locks` git's lock files that stand; `stashes` the number of stashes.
    """

    commit: str
    tree: str
    branch: str | None
    tags: tuple[str, ...]
    describe: str
    remote: str | None
    refspecs: tuple[str, ...]
    dirty: tuple[DirtyFile, ...]
    untracked: tuple[str, ...]
    stashes: int = 0
    operation: str | None = None
    locks: tuple[str, ...] = ()
    shallow: bool = False


@dataclass(frozen=True)
class PhpFacts:
    """One PHP: `sapi` is cli or fpm, `version` such as 8.2.36, `minor` 8.2, `extensions` in lower case.

    `settings` are those of its php.ini (and pool) that matter to an upgrade, by name; empty: not known.
    """

    sapi: str
    binary: str
    version: str
    minor: str
    extensions: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WebFacts:
    """Who serves the instance.

    `server` is nginx, apache or None; `server_service` and `fpm_service` the units to restart; `user`/`group` the
    account PHP runs as;
    `url` where this host answers for the instance (`http://127.0.0.1:8080`), `host_header` what to send with it.
    """

    server: str | None = None
    server_service: str | None = None
    server_active: bool | None = None
    fpm_service: str | None = None
    fpm_active: bool | None = None
    user: str | None = None
    group: str | None = None
    url: str | None = None
    host_header: str | None = None
    sites: tuple[str, ...] = ()


@dataclass(frozen=True)
class DatabaseFacts:
    """The system database as the application reaches it.

    `driver` is mysql, pgsql, sqlite or sqlsrv; `server` the server's own version text (`10.11.19-MariaDB`);
    `address` host:port, socket or file;
    `size` bytes; `tables` row counts by table; `error` the reason when it could not be reached. `service_types` are
    services by type, `active_types` the active ones of them; `password_costs` users by the bcrypt cost of their password; `notes`
    peculiarities of the settings. `other_engines` are MySQL tables that are not InnoDB's (`name: engine`), `row_format` the one of
    new tables there, `oldest_transaction` the age in seconds of the oldest one of others (None: not told), `clients` other hosts that
    are connected to it.
    """

    driver: str
    address: str
    name: str
    user: str | None
    reachable: bool
    server: str | None = None
    size: int | None = None
    tables: Mapping[str, int] = field(default_factory=dict)
    writable: bool | None = None
    error: str | None = None
    service_types: Mapping[str, int] = field(default_factory=dict)
    active_types: Mapping[str, int] = field(default_factory=dict)
    password_costs: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    other_engines: tuple[str, ...] = ()
    row_format: str | None = None
    oldest_transaction: int | None = None
    clients: tuple[str, ...] = ()


@dataclass(frozen=True)
class DotenvFacts:
    """`.env` as Laravel reads it, without its secrets.

    `values` holds keys whose values are not secret, `secret_keys` the others that are set, `sha256` of the bytes,
    `odd` lines that Laravel and python-dotenv read differently, `error` phpdotenv's own message when Laravel could
    not read it. `signing_bytes` is how long the secret is that signs sessions (JWT_SECRET, else APP_KEY); None: not known.
    """

    path: str
    sha256: str
    mode: int
    owner: str
    group: str
    values: Mapping[str, str]
    secret_keys: tuple[str, ...]
    odd: tuple[str, ...] = ()
    error: str | None = None
    signing_bytes: int | None = None


@dataclass(frozen=True)
class KeyProof:
    """Whether APP_KEY opens what the database holds: `proven`, `wrong`, `nothing-encrypted` or `no-key`; `tried` values looked at.

    `fingerprint` is a short one-way mark of the key, to compare keys without showing them.
    """

    state: str
    tried: int = 0
    where: str = ""
    fingerprint: str = ""


@dataclass(frozen=True)
class StatusFacts:
    """What `GET /status` answered: HTTP `code` (0: no answer), DreamFactory's `version`, `license` and counts.

    `codes` are those of paths that were asked more than once, in the order of the answers.
    """

    url: str
    code: int
    version: str | None = None
    license: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    front_code: int = 0
    front_location: str | None = None
    admin_code: int = 0
    error: str | None = None
    codes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ArtisanFacts:
    """What artisan says: `version_line` of --version, `df_version` output or why there is none, pending migrations, maintenance.

    `migrations` and `pending` are migration names; `config_cached` whether bootstrap/cache/config.php is there;
    `error` the last line when artisan does not start.
    """

    version_line: str | None = None
    df_version: str | None = None
    migrations: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    maintenance: bool = False
    config_cached: bool = False
    error: str | None = None


@dataclass(frozen=True)
class Space:
    """Free space of one mount point; `purpose` says for what it counts (instance, database, database server, backups, runs)."""

    path: str
    mount: str
    free: int
    total: int
    purpose: tuple[str, ...]


@dataclass(frozen=True)
class TreeFacts:
    """The directory: owner and group of the tree, `size` in bytes, whether its parent can be written and it is a mount point.

    `licensed` are the commercial files (composer.json, composer.lock, composer.json-dist) that differ from the
    commit and name licensed packages.
    `admin_ui` is `composer`, `release-zip` or `missing`. `foreign` are the first 20 paths (relative) that the owner's own account
    could not make as they are: of another owner, or of another group than that account's first one; logs and caches left out.
    """

    owner: str
    group: str
    mode: int
    size: int
    files: int
    mount_point: bool
    parent_writable: bool
    licensed: tuple[str, ...] = ()
    licensed_packages: tuple[str, ...] = ()
    admin_ui: str = "missing"
    crontabs: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServerFacts:
    """The server around the instance.

    `clock_offset` is by how many seconds its clock is ahead of dfwizard's own, `memory` the bytes that a program can still get (swap
    counted), `inodes` the free ones of the instance's filesystem; None: not told. `selinux` is enforcing, permissive, disabled or "",
    `contexts` the SELinux contexts of what PHP writes, where it is enforcing. `container` is docker or kubernetes where this is
    DreamFactory's own image. `processes` are workers and daemons that hold the instance's code, `units` the files of systemd and
    supervisor that name it, `leftovers` what an earlier rollback put aside, `copies` other trees that lie beside or in it.
    `unwritable` is what the tree's owner cannot write of what an upgrade writes, `web_unwritable` what PHP cannot write.
    """

    clock_offset: int | None = None
    memory: int | None = None
    inodes: int | None = None
    selinux: str = ""
    contexts: Mapping[str, str] = field(default_factory=dict)
    container: str = ""
    processes: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    unwritable: tuple[str, ...] = ()
    web_unwritable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Everything known of one instance at one moment (`taken_at`, ISO 8601 UTC; `seconds` it took)."""

    host: str
    path: str
    taken_at: str
    seconds: float
    me: str
    tree: TreeFacts
    version: VersionFacts
    git: GitFacts | None
    php: tuple[PhpFacts, ...]
    composer: str | None
    composer_path: str | None
    web: WebFacts
    dotenv: DotenvFacts | None
    database: DatabaseFacts | None
    artisan: ArtisanFacts
    key: KeyProof
    status: StatusFacts | None
    space: tuple[Space, ...]
    owner_home: str
    tools: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    server: ServerFacts = ServerFacts()
    schema: int = SCHEMA

    @property
    def place(self) -> str:
        """Give the instance as it is named on the command line, with its host unless that is this machine."""
        return located(self.host, self.path)

    def cli(self) -> PhpFacts | None:
        """Give the command line's PHP."""
        return next((php for php in self.php if php.sapi == "cli"), None)

    def fpm(self) -> PhpFacts | None:
        """Give the web server's PHP."""
        return next((php for php in self.php if php.sapi == "fpm"), None)
