"""What counts as an installation, and what is said of everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfwizard.errors import UsageError
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.paths import locate

HOST = LocalHost()


def _instance(directory: Path) -> Path:
    directory.mkdir(parents=True)
    (directory / "artisan").write_text("#!/usr/bin/env php\n")
    (directory / "composer.json").write_text('{"name": "dreamfactory/dreamfactory"}')
    (directory / "storage").mkdir()
    return directory


def _refused(path: str) -> str:
    with pytest.raises(UsageError) as caught:
        locate(HOST, path)
    assert caught.value.exit_code == 2
    assert caught.value.remedy
    return caught.value.what


def test_the_real_path_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = _instance(tmp_path / "dream factory\n'x'")
    (tmp_path / "link").symlink_to(real)
    monkeypatch.chdir(tmp_path)
    for path in (f"{real}", f"{real}/", f"{tmp_path}/link", f"{real}/storage/..", "link", "./link/"):
        assert locate(HOST, path) == str(real)


def test_what_is_there_instead_is_said(tmp_path: Path) -> None:
    real = _instance(tmp_path / "opt" / "df")
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    laravel = tmp_path / "laravel"
    laravel.mkdir()
    (laravel / "artisan").write_text("")
    (laravel / "composer.json").write_text("[" * 100_000)
    assert _refused(f"{tmp_path}/nothing") == "there is no such directory"
    assert _refused(f"{tmp_path}/dangling") == "there is no such directory"
    assert _refused(f"{tmp_path}/file").startswith("this is a file")
    assert _refused(f"{tmp_path}/empty") == "this is no DreamFactory installation: it has no artisan"
    assert "Laravel application, but not DreamFactory" in _refused(str(laravel))
    assert str(real) in _refused(f"{real}/storage")
    assert str(real) in _refused(f"{tmp_path}/opt")
    assert _refused("") == "no directory was given"
    assert "NUL" in _refused("/a\0b")
    assert _refused("-rf") == "there is no such directory"
