"""Finding installations and completing paths through the controller, on real files."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfwizard.controller import Controller
from dfwizard.instance.discover import Found, discover
from tests.unit.real_host import HOST, NASTY, ROOT, as_account, as_root


def make_instance(path: Path, version: str = "6.3.0") -> Path:
    (path / "config").mkdir(parents=True)
    (path / "public").mkdir()
    (path / "artisan").write_text("<?php\n")
    (path / "composer.json").write_text('{"name": "dreamfactory/dreamfactory"}')
    (path / "config/app.php").write_text(f"<?php return ['name' => 'x', 'version' => '{version}'];")
    return path


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> partial[tuple[Found, ...]]:
    """Discovery in nothing but a temporary directory."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "sites").mkdir()
    return partial(
        discover,
        HOST,
        usual=(),
        nginx_file=str(tmp_path / "nginx.conf"),
        apache=(str(tmp_path / "sites"), str(tmp_path / "no such directory")),
    )


def paths(found: tuple[Found, ...]) -> list[str]:
    return [one.path for one in found]


def test_nothing_is_found_in_nothing(look: partial[tuple[Found, ...]]) -> None:
    assert look() == ()


def test_usual_places_once_each_with_their_version(look: partial[tuple[Found, ...]], tmp_path: Path) -> None:
    one, two = make_instance(tmp_path / "one"), make_instance(tmp_path / "two", "7.1.0")
    (tmp_path / "link").symlink_to(one)
    (tmp_path / "laravel").mkdir()
    (tmp_path / "laravel/artisan").write_text("")
    usual = tuple(str(tmp_path / name) for name in ("link", "one", "two", "laravel", "here", "nowhere"))
    assert look(usual=usual) == (
        Found(str(one), "a usual place", "6.3.0"),
        Found(str(two), "a usual place", "7.1.0"),
    )


def test_the_current_directory(
    look: partial[tuple[Found, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make_instance(tmp_path / "one")
    monkeypatch.chdir(one)
    assert look() == (Found(str(one), "the current directory", "6.3.0"),)


def test_roots_of_nginx_and_what_it_includes(look: partial[tuple[Found, ...]], tmp_path: Path) -> None:
    one, two, three = (make_instance(tmp_path / name) for name in ("one", "two words", "three"))
    (tmp_path / "nginx.conf").write_text(
        f"http {{ include conf.d/*.conf; include {tmp_path}/one-more; include nginx.conf;\n"
        f"server {{ root {one}/public; location / {{ root {three}/public/; }} }} root $somewhere; root relative; }}"
    )
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/site.conf").write_text(f'server {{ root "{two}/public"; }}')
    (tmp_path / "conf.d/ignored").write_text(f"server {{ root {tmp_path}/ignored/public; }}")
    make_instance(tmp_path / "ignored")
    found = look()
    assert sorted(paths(found)) == sorted(map(str, (one, two, three)))
    because = {one.path: one.because for one in found}
    assert because[str(two)] == f"nginx serves it ({tmp_path}/conf.d/site.conf)"


def test_document_roots_of_apache(look: partial[tuple[Found, ...]], tmp_path: Path) -> None:
    one, two = make_instance(tmp_path / "one"), make_instance(tmp_path / "two words")
    (tmp_path / "sites/a.conf").write_text(
        f"<VirtualHost *:80>\n\tDocumentRoot {one}/public\n</VirtualHost>\n"
    )
    (tmp_path / "sites/b.conf").write_text(f'# DocumentRoot /x\n documentroot "{two}/public/"\n')
    found = look()
    assert paths(found) == [str(one), str(two)]
    assert found[0].because == f"Apache serves it ({tmp_path}/sites/a.conf)"


def test_hostile_configuration_and_names_do_no_harm(look: partial[tuple[Found, ...]], tmp_path: Path) -> None:
    instances = [make_instance(tmp_path / name) for name in NASTY]
    (tmp_path / "nginx.conf").write_bytes(b'\xff{{{{ root "; include /\\0/*; include [; root }}}' * 100)
    (tmp_path / "sites/a.conf").write_bytes(b'DocumentRoot \xff\0\nDocumentRoot "unclosed\nDocumentRoot\n')
    (tmp_path / "sites/b.conf").mkdir()
    os.mkfifo(tmp_path / "sites/c.conf")
    (tmp_path / "sites/d.conf").symlink_to("d.conf")
    found = look(usual=("\0", "", "-rf", *map(str, instances)))
    assert sorted(paths(found)) == sorted(map(str, instances))


def test_an_instance_that_tells_no_version(look: partial[tuple[Found, ...]], tmp_path: Path) -> None:
    one = make_instance(tmp_path / "one")
    (one / "config/app.php").unlink()
    assert look(usual=(str(one),))[0].version is None


@as_root
def test_unreadable_places_are_left_out(open_directory: Path) -> None:
    closed, one = make_instance(open_directory / "closed/inside"), make_instance(open_directory / "one")
    closed.parent.chmod(0o700)
    look = partial(discover, HOST, usual=(str(closed), str(one)), nginx_file="/proc/1/mem", apache=("/root",))
    assert as_account("nobody", lambda: paths(look()), lambda: os.chdir(open_directory)) == str([str(one)])


def test_it_is_quick(controller_here: Controller) -> None:
    began = time.monotonic()
    controller_here.discover()
    assert time.monotonic() - began < 20  # half a second when nothing else runs


@pytest.fixture
def controller_here(tmp_path: Path) -> Controller:
    return Controller(state=tmp_path / "state")


def complete(typed: str) -> tuple[str, ...]:
    return Controller().complete(typed)


def test_completion_as_a_shell_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dream", "dreamfactory", "other", ".hidden", "with space", "new\nline"):
        (tmp_path / name).mkdir()
    (tmp_path / "dreamfile").write_text("")
    (tmp_path / "dreamlink").symlink_to("other")
    (tmp_path / "dreambroken").symlink_to("nowhere")
    here = f"{tmp_path}/"
    assert complete(f"{here}dream") == (f"{here}dream/", f"{here}dreamfactory/", f"{here}dreamlink/")
    assert complete(f"{here}w") == (f"{here}with space/",)
    assert complete(here) == tuple(
        f"{here}{name}/" for name in ("dream", "dreamfactory", "dreamlink", "other", "with space")
    )
    assert complete(f"{here}.") == (f"{here}.hidden/",)
    assert complete(f"{here}dreamfile/") == ()
    assert complete(f"{here}nowhere/x") == ()
    monkeypatch.chdir(tmp_path)
    assert complete("dreamf") == ("dreamfactory/",)
    assert complete("./oth") == ("./other/",)
    assert f"../{tmp_path.name}/" in complete(f"../{tmp_path.name[:-1]}")


def test_the_root_and_the_home() -> None:
    assert "/etc/" in complete("/")
    assert complete("/et") == ("/etc/",)
    assert complete("~") == ("~/",)
    home = Path("~").expanduser()
    wanted = sorted(one.name for one in home.iterdir() if one.is_dir() and not one.name.startswith("."))
    assert complete("~/") == tuple(f"~/{name}/" for name in wanted)[:50]


def test_at_most_fifty(tmp_path: Path) -> None:
    for number in range(70):
        (tmp_path / f"d{number:02}").mkdir()
    found = complete(f"{tmp_path}/d")
    assert len(found) == 50
    assert list(found) == sorted(found)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
@given(typed=st.text(st.sampled_from("ab/.~*\0\n'\"$é\udcff -"), max_size=12))
def test_whatever_is_typed_completions_begin_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    (tmp_path / "a/b").mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for path in complete(typed):
        assert path.startswith(typed)
        assert path.endswith("/")


def test_a_typed_home_is_understood_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dfwizard.errors import UsageError

    if not ROOT:
        pytest.skip("the home of this account may hold anything")
    controller = Controller(state=tmp_path / "state")
    with pytest.raises(UsageError) as caught:
        controller.inspect("~/")
    assert "~" not in caught.value.what
