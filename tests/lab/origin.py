"""The bare repository that the instances are cloned from, and the licence files that go over a clone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.lab.cache import built, home_directory
from tests.lab.catalogue import Release, releases, write_overlays
from tests.lab.packages import write_archives, write_repository
from tests.lab.processes import OWNER, run

_AUTHOR = ("DreamFactory Releases", "releases@dreamfactory.example")
_BRANCH_MESSAGE = "Prepare release {tag}"


def archives() -> Path:
    """The directory of package archives."""
    return built("archives", write_archives)


def composer_files() -> Path:
    """A directory `TAG/open` and `TAG/licensed` for each release, with its composer.json, composer.lock and composer.json-dist."""

    def build(partial: Path) -> None:
        for release in releases().values():
            for bundle in ("open", "licensed"):
                _lock(partial / release.tag / bundle, release, licensed=bundle == "licensed")

    return built("composer", build)


def repository(release: Release) -> Path:
    """The composer repository of one release."""
    return built(
        f"repositories/{release.tag}", lambda partial: write_repository(partial, release, archives())
    )


def root_composer_json(release: Release, *, licensed: bool) -> dict[str, Any]:
    """The application's own composer.json in one release."""
    direct = {**release.locked, **(release.licensed if licensed else {})}
    require = {"php": release.php, **release.require}
    for name, version in direct.items():
        if name.startswith("dreamfactory/") and name != "dreamfactory/installer":
            require[name] = f"~{version}"
    config: dict[str, Any] = {"preferred-install": "dist", "sort-packages": True}
    if "dreamfactory/installer" in direct:
        config["allow-plugins"] = {"dreamfactory/installer": True}
    config["platform"] = {"php": release.platform}
    return {
        "name": "dreamfactory/dreamfactory",
        "description": "The DreamFactory(tm) Platform",
        "type": "project",
        "license": "Apache-2.0",
        "repositories": [
            {"type": "composer", "url": f"file://{repository(release)}"},
            {"packagist.org": False},
        ],
        "require": dict(sorted(require.items())),
        "require-dev": {"mockery/mockery": f"~{release.locked['mockery/mockery']}"},
        "autoload": {"classmap": ["database/seeds"], "psr-4": {"DreamFactory\\": "app/"}},
        "scripts": {
            "post-autoload-dump": [
                "Illuminate\\Foundation\\ComposerScripts::postAutoloadDump",
                "@php artisan package:discover --ansi",
            ]
        },
        "config": config,
        "minimum-stability": "stable",
    }


def _lock(directory: Path, release: Release, *, licensed: bool) -> None:
    directory.mkdir(parents=True)
    content = json.dumps(root_composer_json(release, licensed=licensed), indent=4) + "\n"
    (directory / "composer.json").write_text(content)
    (directory / "composer.json-dist").write_text(content)
    run(
        ["composer", "update", "--no-install", "--no-interaction", "--no-progress", "--no-plugins"],
        cwd=directory,
        home=home_directory(),
        environment={"COMPOSER_ALLOW_SUPERUSER": "1", "COMPOSER_HOME": "/nonexistent"},
    )


def origin() -> Path:
    """The bare repository, owned by the owner of the trees, with every release as a lightweight tag."""
    return built("origin.git", write_origin)


def _git(repository: Path, *arguments: str, date: str = "2023-11-17T12:00:00+00:00") -> str:
    name, mail = _AUTHOR
    environment = {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": mail,
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": mail,
        "GIT_COMMITTER_DATE": date,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    result = run(
        ["git", "-c", "safe.directory=*", "-c", "advice.detachedHead=false", *arguments],
        cwd=repository,
        home=repository,
        environment=environment,
    )
    return result.stdout.strip()


def write_origin(partial: Path) -> None:
    """Make the repository in an empty directory: the same commits every time, as long as the cache is in the same place."""
    work = partial / "work"
    work.mkdir()
    _git(work, "init", "--quiet", "--initial-branch=master")
    for release in releases().values():
        _commit(work, release)
    _git(partial, "clone", "--quiet", "--bare", str(work), "bare")
    _git(partial / "bare", "remote", "remove", "origin")
    shutil.rmtree(work)
    for path in list((partial / "bare").iterdir()):
        path.rename(partial / path.name)
    (partial / "bare").rmdir()
    run(["chown", "-R", f"{OWNER}:{OWNER}", str(partial)], cwd=partial, home=partial)


def _commit(work: Path, release: Release) -> None:
    for path in work.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    write_overlays(release.overlays, work, {"VERSION": release.config_version})
    for path in (composer_files() / release.tag / "open").iterdir():
        shutil.copy(path, work / path.name)
    _git(work, "add", "--all", "--force")
    if release.branch:
        # As the real ones: the branch was merged, so the tag's commit is another one with the same tree.
        tree = _git(work, "write-tree")
        parent = _git(work, "rev-parse", "HEAD")
        message = _BRANCH_MESSAGE.format(tag=release.tag)
        branch = _git(work, "commit-tree", "-p", parent, "-m", message, tree, date=release.date)
        message = f"Merge branch '{release.tag}'"
        merge = _git(work, "commit-tree", "-p", parent, "-p", branch, "-m", message, tree, date=release.date)
        _git(work, "update-ref", f"refs/heads/{release.tag}", branch)
        _git(work, "reset", "--quiet", "--hard", merge)
    else:
        _git(work, "commit", "--quiet", "-m", f"v{release.tag} release", date=release.date)
    for tag in release.tags:
        _git(work, "update-ref", f"refs/tags/{tag}", "HEAD")


def commits(repository: Path) -> dict[str, str]:
    """The commit of every release tag in a repository."""
    listing = _git(repository, "for-each-ref", "--format=%(refname:strip=2) %(objectname)", "refs/tags")
    return dict(line.split(" ") for line in listing.splitlines())


def set_back(repository: Path, release: Release) -> None:
    """Make a copy of the origin look as it did on the day of `release`: what an old clone was cloned from."""
    commit = _git(repository, "rev-parse", f"refs/tags/{release.tag}")
    _git(repository, "update-ref", "refs/heads/master", commit)
    for line in _git(repository, "for-each-ref", "--format=%(refname)").splitlines():
        merged = _git(repository, "for-each-ref", "--merged", commit, "--format=%(refname)", line)
        if not merged:
            _git(repository, "update-ref", "-d", line)
