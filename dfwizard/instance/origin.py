"""What the origin of the checkout offers: its tags, and what each target release asks for, read out of git.

Nothing is written to the instance: a release that the checkout does not have yet is fetched, one commit deep, into a temporary
bare repository of the owner's. The URL of the remote is never given on a command line, for it may hold a password: the
temporary repository gets a copy of the checkout's own git configuration.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dfwizard.errors import CommandTimeout, HostError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command

NETWORK_TIMEOUT = 120.0
LOCAL_TIMEOUT = 30.0
_LARGEST = 64 << 20
_NO_READ = "Could not read from remote repository"
_PLUGIN_TYPES = ("composer-plugin", "composer-installer")


@dataclass(frozen=True)
class TargetFacts:
    """What one release asks for: read from its `composer.json`, `composer.lock` and `config/app.php` at `commit`.

    `php` maps each package that has a requirement on PHP to it (`(root)` is composer.json itself, only production packages
    count), `extensions` maps `ext-…` names to the packages that need them, `composer_runtime` is the requirement on composer
    itself; `plugins` are the packages that plug into composer. `paths` are the tracked paths.
    """

    tag: str
    commit: str
    config_version: str | None
    php: Mapping[str, str]
    extensions: Mapping[str, tuple[str, ...]]
    composer_runtime: tuple[str, ...]
    packages: Mapping[str, str]
    plugins: tuple[str, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True)
class OriginFacts:
    """The remote `origin` as seen now: `refs` maps full ref names to commits; `error` says why it could not be asked."""

    refs: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[TargetFacts, ...] = ()
    error: str | None = None

    def tags(self) -> tuple[str, ...]:
        """Give the names of the tags that the origin has."""
        return tuple(ref.removeprefix("refs/tags/") for ref in self.refs if ref.startswith("refs/tags/"))

    def commit(self, tag: str) -> str | None:
        """Give the commit that a tag stands for, never a branch of the same name."""
        return self.refs.get(f"refs/tags/{tag}")

    def target(self, tag: str) -> TargetFacts | None:
        """Give what a release asks for, None when it could not be read."""
        return next((target for target in self.targets if target.tag == tag), None)


class _Repository:
    """Read-only questions to one repository on the host, as the owner of the tree."""

    def __init__(self, host: Host, directory: str, owner: str, home: str) -> None:
        self.host = host
        self.directory = directory
        self.owner = owner
        self.env = {
            "HOME": home,
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        }

    def command(self, *argv: str, timeout: float = LOCAL_TIMEOUT) -> Command:
        return Command(
            ("git", "-C", self.directory, *argv), env=self.env, user=self.owner, timeout=timeout, expect=(0,)
        )

    def text(self, *argv: str, timeout: float = LOCAL_TIMEOUT) -> str:
        return self.host.run(self.command(*argv, timeout=timeout), keep=_LARGEST).text

    def has(self, commit: str) -> bool:
        command = self.command("cat-file", "-e", f"{commit}^{{commit}}")
        return self.host.run(command, check=False).code == 0


def ask_tags(host: Host, path: str, *, owner: str, home: str) -> OriginFacts:
    """Ask the origin of the checkout at `path` for its tags and branches; nothing is fetched."""
    repository = _Repository(host, path, owner, home)
    try:
        listing = repository.text("ls-remote", "--heads", "--tags", "origin", timeout=NETWORK_TIMEOUT)
    except CommandTimeout:
        return OriginFacts(error=f"the remote `origin` did not answer within {NETWORK_TIMEOUT:.0f} s")
    except HostError as error:
        return OriginFacts(error=_last_line(error))
    refs: dict[str, str] = {}
    for line in listing.splitlines():
        commit, _, ref = line.partition("\t")
        # An annotated tag is followed by its peeled commit, `refs/tags/X^{}`: that is the one that counts.
        refs[ref.removesuffix("^{}")] = commit
    return OriginFacts(refs=refs)


def read_targets(
    host: Host, path: str, origin: OriginFacts, tags: tuple[str, ...], *, owner: str, home: str
) -> OriginFacts:
    """Read what each of `tags` asks for, fetching into a temporary repository what the checkout does not have."""
    repository = _Repository(host, path, owner, home)
    wanted = {tag: commit for tag in tags if (commit := origin.commit(tag))}
    missing = {tag for tag, commit in wanted.items() if not repository.has(commit)}
    scratch: _Repository | None = None
    try:
        if missing:
            scratch = _scratch(repository, path, missing)
        found = tuple(
            _read(scratch if scratch and tag in missing else repository, tag, commit)
            for tag, commit in wanted.items()
        )
    except HostError as error:
        return OriginFacts(refs=origin.refs, error=_last_line(error))
    finally:
        if scratch is not None:
            host.remove(scratch.directory)
    return OriginFacts(refs=origin.refs, targets=found, error=origin.error)


def _scratch(repository: _Repository, path: str, tags: set[str]) -> _Repository:
    host, env, owner = repository.host, repository.env, repository.owner
    made = host.run(
        Command(("mktemp", "-d", "-t", "dfwizard-origin.XXXXXXXX"), user=owner, timeout=LOCAL_TIMEOUT)
    ).text.strip()
    scratch = _Repository(host, made, owner, env["HOME"])
    config = posixpath.join(path, ".git", "config")
    try:
        host.run(Command(("git", "init", "-q", "--bare", made), env=env, user=owner, timeout=LOCAL_TIMEOUT))
        host.run(Command(("cp", "--", config, f"{made}/config"), user=owner, timeout=LOCAL_TIMEOUT))
        scratch.text("config", "core.bare", "true")
        refspecs = tuple(f"+refs/tags/{tag}:refs/tags/{tag}" for tag in sorted(tags))
        fetch = ("fetch", "-q", "--depth=1", "--no-tags", "origin", *refspecs)
        scratch.text(*fetch, timeout=NETWORK_TIMEOUT)
    except BaseException:
        host.remove(made)
        raise
    return scratch


def _read(repository: _Repository, tag: str, commit: str) -> TargetFacts:
    def document(name: str) -> dict[str, Any]:
        result = repository.host.run(
            repository.command("show", f"{commit}:{name}"), keep=_LARGEST, check=False
        )
        try:
            data = json.loads(result.stdout) if result.code == 0 else {}
        except ValueError:
            data = {}
        return data if isinstance(data, dict) else {}

    config = repository.host.run(repository.command("show", f"{commit}:config/app.php"), check=False)
    version = re.search(r"'version'\s*=>\s*'([^']+)'", config.text) if config.code == 0 else None
    listing = repository.host.run(
        repository.command("ls-tree", "-r", "-z", "--name-only", commit), keep=_LARGEST
    )
    return TargetFacts(
        tag=tag,
        commit=commit,
        config_version=version.group(1) if version else None,
        paths=tuple(item.decode("utf-8", "surrogateescape") for item in listing.stdout.split(b"\0") if item),
        **_requirements(document("composer.json"), document("composer.lock")),
    )


def with_packages(target: TargetFacts, manifest: Mapping[str, Any], lock: Mapping[str, Any]) -> TargetFacts:
    """Give what a release asks for where another composer.json and composer.lock take the place of its own: those of a licence."""
    return replace(target, **_requirements(manifest, lock))


def _requirements(manifest: Mapping[str, Any], lock: Mapping[str, Any]) -> dict[str, Any]:
    packages = [
        package
        for package in lock.get("packages") or ()
        if isinstance(package, dict) and isinstance(package.get("name"), str)
    ]
    php: dict[str, str] = {}
    extensions: dict[str, list[str]] = {}
    runtime: list[str] = []
    for name, requirements in [
        ("(root)", manifest.get("require")),
        *((package["name"], package.get("require")) for package in packages),
    ]:
        for requirement, constraint in (requirements or {}).items():
            if requirement in ("php", "php-64bit"):
                php[name] = str(constraint)
            elif requirement.startswith("ext-"):
                extensions.setdefault(requirement, []).append(name)
            elif requirement in ("composer-runtime-api", "composer-plugin-api"):
                runtime.append(f"{requirement} {constraint}")
    return {
        "php": php,
        "extensions": {name: tuple(users) for name, users in sorted(extensions.items())},
        "composer_runtime": tuple(sorted(set(runtime))),
        "packages": {package["name"]: str(package.get("version", "")) for package in packages},
        "plugins": tuple(package["name"] for package in packages if package.get("type") in _PLUGIN_TYPES),
    }


def _last_line(error: HostError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "ERROR:", "error:"))]
    told = [line for line in fatal if _NO_READ not in line]
    if not told and fatal:
        # git has only seen the connection end: why, is what ssh or the other side said before.
        told = [line for line in lines[: lines.index(fatal[0])] if ": " in line]
    return _mask((told or fatal or lines)[-1]) if lines else "no answer"


def _mask(text: str) -> str:
    return re.sub(r"(\w+://)[^/\s]*@", r"\1***@", text)
