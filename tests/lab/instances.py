"""The application's tree as an installer leaves it, one per release and variant, without `.env` and database."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

from tests.lab.cache import built, copy, home_directory
from tests.lab.catalogue import Release
from tests.lab.origin import composer_files, origin, set_back
from tests.lab.processes import OWNER, run

Variant = Literal["installer", "tag-clone", "licensed"]

_DELETED = (
    "public/css/app.css",
    "public/css/df-create-first-user.css",
    "public/css/df.login.css",
    "public/css/df.main.css",
    "public/css/df.tree.css",
    "public/css/df.ui.css",
    "public/js/app.js",
)
_OLD_LOG = """[2024-02-28T21:14:09.114731+00:00] local.ERROR: Service 'weather' is not active. {"exception":"[object] (Exception)
[stacktrace]
#0 {main}
"}
[2024-02-29T07:00:00.000102+00:00] local.WARNING: Slow query
"""
_UI_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>DreamFactory Admin Interface</title></head><body><df-root></df-root></body></html>
"""


def tree(release: Release, variant: Variant) -> Path:
    """The cached tree: a clone with vendor installed, admin UI in place, a few local changes, the owner's rights."""
    return built(f"instances/{release.tag}-{variant}", lambda partial: _build(partial, release, variant))


def _build(partial: Path, release: Release, variant: Variant) -> None:
    past = partial.with_name(f"{partial.name}.origin")
    shutil.rmtree(past, ignore_errors=True)
    copy(origin(), past)
    set_back(past, release)
    run(["chown", "-R", f"{OWNER}:{OWNER}", str(past), str(partial)], cwd=partial, home=partial)
    branch = release.tag if variant == "tag-clone" else "master"
    _as_owner(partial, "git", "clone", "--quiet", "-b", branch, "--single-branch", f"file://{past}", ".")
    shutil.rmtree(past)
    if variant == "licensed":
        for path in (composer_files() / release.tag / "licensed").iterdir():
            shutil.copy(path, partial / path.name)
    (partial / ".env").write_text("APP_ENV=local\n")
    _as_owner(
        partial,
        "composer",
        "install",
        "--no-dev",
        "--ignore-platform-reqs",
        "--no-interaction",
        "--no-progress",
    )
    (partial / ".env").unlink()
    _local_changes(partial)
    if release.tag.startswith("6."):
        _add_admin_interface(partial)
    (partial / "storage/logs/dreamfactory.log").write_text(_OLD_LOG)
    take_possession(partial)


def _as_owner(tree: Path, *argv: str) -> None:
    run(argv, cwd=tree, home=home_directory(), user=OWNER)


def _local_changes(tree: Path) -> None:
    for name in _DELETED:
        (tree / name).unlink(missing_ok=True)
    (tree / "public/favicon.ico").write_bytes(b"\0\0\1\0\1\0\x10\x10favicon of the customer\n")


def _add_admin_interface(tree: Path) -> None:
    """The 6.x line has its admin UI outside of composer: index.blade.php and some fifty untracked files in public/."""
    (tree / "resources/views/index.blade.php").write_text(_UI_PAGE)
    assets = tree / "public/assets/i18n"
    assets.mkdir(parents=True)
    (assets / "en.json").write_text('{"title": "DreamFactory"}\n')
    (tree / "public/Inter-VariableFont_slnt,wght.1cccc37b0c8d2802.ttf").write_bytes(b"\0\1\0\0font")
    for number in range(47):
        name = f"{1000 + number * 173}.{number * 0x9E3779B97F4A7C15 % 2**64:016x}.js"
        (tree / "public" / name).write_text(f'"use strict";self.chunk({number});\n')


def take_possession(tree: Path) -> None:
    """Owner and modes as the installer sets them: group of the owner, setgid directories, nothing for others."""
    run(["chown", "-R", f"{OWNER}:{OWNER}", "."], cwd=tree, home=tree)
    run(["chmod", "-R", "u=rwX,g=rX,o=", "."], cwd=tree, home=tree)
    run(["chmod", "-R", "g+rwX", "storage", "bootstrap/cache"], cwd=tree, home=tree)
    run(["find", ".", "-type", "d", "-exec", "chmod", "g+s", "{}", "+"], cwd=tree, home=tree)
