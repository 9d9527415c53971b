"""What is found out of the server around an instance: asked of this machine, and read from what other machines have printed."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfwizard import codec
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.asking import Asker
from dfwizard.instance.facts import Facts, ServerFacts
from dfwizard.instance.php import cli_php, parse_pools, parse_settings
from dfwizard.instance.server import parse_server, server_facts
from tests.unit import samples

from .real_host import as_root

HOST = LocalHost()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "dream factory"
    for name in ("storage/logs", "bootstrap/cache", "vendor", ".git"):
        (made / name).mkdir(parents=True)
    (made / "artisan").touch()
    return made


def around(tree: Path, owner: str = HOST.user, web: str | None = None) -> ServerFacts:
    return server_facts(Asker(HOST, str(tree), owner), lambda: web)


@contextmanager
def program(name: str, directory: Path) -> Iterator[int]:
    """Run a program whose command line says `name`."""
    with subprocess.Popen(["bash", "-c", f'exec -a "{name}" sleep 60'], cwd=directory) as running:
        line = Path(f"/proc/{running.pid}/cmdline")
        while name.encode() not in line.read_bytes():
            os.sched_yield()
        yield running.pid
        running.kill()


def test_a_machine_tells_of_itself(tree: Path) -> None:
    found = around(tree)
    assert found.memory is not None
    assert found.memory > 1 << 20
    assert found.clock_offset is not None
    assert abs(found.clock_offset) <= 2
    assert found.inodes is None or found.inodes > 0
    assert (found.container, found.processes, found.units) == ("", (), ())
    assert (found.leftovers, found.copies, found.unwritable, found.web_unwritable) == ((), (), (), ())


def test_what_lies_beside_and_inside_is_named(tree: Path) -> None:
    (tree.parent / ".dream factory.dfwizard-aside-7").mkdir()
    (tree / ".dfwizard-restore-7").mkdir()
    for copy in (tree.parent / "dream factory.backup", tree / "dream factory"):
        copy.mkdir()
        (copy / "artisan").touch()
    (tree / "dream factory.backup").mkdir()  # without an artisan it is no copy
    found = around(tree)
    assert set(found.leftovers) == {
        str(tree.parent / ".dream factory.dfwizard-aside-7"),
        str(tree / ".dfwizard-restore-7"),
    }
    assert set(found.copies) == {str(tree.parent / "dream factory.backup"), str(tree / "dream factory")}


@pytest.mark.parametrize(
    "name", ["php artisan queue:work", "php artisan schedule:work", "node df-mcp-server/dist"]
)
def test_a_worker_in_the_tree_is_found_and_one_elsewhere_is_not(tree: Path, name: str) -> None:
    with program(name, tree) as inside, program(name, tree.parent):
        (line,) = around(tree).processes
    assert line.startswith(f"{inside} {name}")
    with program("php artisan migrate", tree):
        assert around(tree).processes == ()


@as_root
def test_each_account_is_asked_what_it_cannot_write(tree: Path) -> None:
    for path in (tree.parent.parent.parent, tree.parent.parent, tree.parent):
        path.chmod(0o755)
    found = around(tree, owner="nobody", web="daemon")
    assert set(found.unwritable) == {".", ".git", "vendor", "bootstrap/cache", "storage"}
    assert set(found.web_unwritable) == {"storage", "storage/logs", "bootstrap/cache"}
    for path in (tree, *tree.rglob("*")):
        os.chown(path, 65534, -1)
        path.chmod(0o777)
    found = around(tree, owner="nobody", web="daemon")
    assert (found.unwritable, found.web_unwritable) == ((), ())


FREE = """              total        used        free      shared  buff/cache   available
Mem:     8000000000  6000000000   100000000      900000  1900000000   300000000
Swap:    2000000000  1500000000   500000000
"""
RHEL = "\0".join(
    (
        "clock\t1000400",
        f"memory\t{FREE}",
        "inodes\t/dev/mapper/rhel-root 26214400 160000 26054400    1% /",
        "selinux\tEnforcing",
        "context\tstorage unconfined_u:object_r:usr_t:s0",
        "context\tbootstrap/cache system_u:object_r:httpd_sys_rw_content_t:s0",
        "container\tdocker",
        "unit\t/etc/systemd/system/df-mcp.service",
        "",
    )
)


def test_what_a_red_hat_server_prints_is_read() -> None:
    found = parse_server(RHEL.encode(), 1_000_000.4)
    assert (found.clock_offset, found.memory, found.inodes) == (400, 800_000_000, 26_054_400)
    assert found.selinux == "enforcing"
    assert found.contexts == {
        "storage": "unconfined_u:object_r:usr_t:s0",
        "bootstrap/cache": "system_u:object_r:httpd_sys_rw_content_t:s0",
    }
    assert found.container == "docker"
    assert found.units == ("/etc/systemd/system/df-mcp.service",)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("inodes\t/dev/sda1 0 0 0 - /", None),  # btrfs
        ("inodes\t/dev/sda1 100 40 60 40% /mnt/100% full", 60),
        ("inodes\tnonsense", None),
        ("memory\tMem: 1 2", None),
    ],
)
def test_what_is_not_told_is_not_known(printed: str, expected: int | None) -> None:
    found = parse_server(f"{printed}\0".encode(), time.time())
    assert (found.inodes, found.memory, found.clock_offset) == (expected, None, None)


@given(st.binary(max_size=200))
def test_nothing_that_is_printed_breaks_it(data: bytes) -> None:
    for key in (b"", b"clock\t", b"memory\tMem: ", b"inodes\t", b"context\t", b"process\t"):
        parse_server(key + data + b"\0", 0.0)


def test_facts_of_before_are_read() -> None:
    """Those that an earlier run has kept know nothing of the server, of PHP's settings and of who else uses the database."""
    facts = samples.facts()
    data = codec.to_data(facts)
    del data["server"], data["dotenv"]["signing_bytes"]
    for name in ("other_engines", "row_format", "oldest_transaction", "clients"):
        del data["database"][name]
    for php in data["php"]:
        del php["settings"]
    assert codec.from_data(Facts, data) == facts


def test_settings_of_a_php_and_of_its_pool() -> None:
    text = (
        "memory_limit => 128M => 256M\nopen_basedir => no value => no value\ndisplay_errors => Off => Off\n"
        "opcache.validate_timestamps => Off => Off\nupload_max_filesize => 2M => 2M\nDirective => Local Value => Master Value\n"
    )
    assert parse_settings(text) == {
        "memory_limit": "128M",
        "open_basedir": "",
        "display_errors": "Off",
        "opcache.validate_timestamps": "Off",
    }
    pools = "[www]\nlisten = /x.sock\nphp_admin_value[memory_limit] = 64M ; more\nphp_flag[display_errors] = on\nphp_value = 1\n"
    (pool,) = parse_pools(pools, "www.conf")
    assert pool.settings == {"memory_limit": "64M", "display_errors": "on"}


def test_the_command_lines_php_tells_its_settings(tree: Path) -> None:
    program = HOST.which("php")
    if program is None:
        pytest.skip("there is no PHP here")
    found = cli_php(Asker(HOST, str(tree), HOST.user), program)
    assert found.settings["memory_limit"]
    assert "disable_functions" in found.settings
