"""Small readers of what programs print: df, systemctl, php-fpm's pools, crontabs, migrate:status, /status."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfwizard.hosts.command import Result
from dfwizard.instance.artisan import explain, parse_migrations
from dfwizard.instance.crontabs import masked, mentions
from dfwizard.instance.php import Master, Pool, parse_pools, pool_for
from dfwizard.instance.space import parse_df
from dfwizard.instance.status import parse_status
from dfwizard.instance.units import fpm_unit, parse_units


@pytest.mark.parametrize(
    ("line", "mount"),
    [
        ("/dev/sda1 1000 400 600 40% /", "/"),
        ("some host:/export dir 1000 400 600 40% /mnt/with blank", "/mnt/with blank"),
        ("tmpfs 1000 400 600 40% /mnt/100% full", "/mnt/100% full"),
    ],
)
def test_df(line: str, mount: str) -> None:
    found = parse_df(f"Filesystem 1024-blocks Used Available Capacity Mounted on\n{line}\n", "/x", "instance")
    assert found is not None
    assert (found.mount, found.total, found.free, found.purpose) == (mount, 1024000, 614400, ("instance",))


@given(st.text(max_size=80))
def test_df_never_breaks(text: str) -> None:
    parse_df(text, "/", "x")
    parse_df(f"head\n{text}", "/", "x")


UNITS = """nginx.service loaded active running A high performance web server
php8.1-fpm.service loaded inactive dead The PHP 8.1 FastCGI Process Manager
php8.2-fpm.service loaded active running The PHP 8.2 FastCGI Process Manager
gone.service not-found inactive dead gone.service
"""


def test_units() -> None:
    known = parse_units(UNITS)
    assert known == {"nginx": True, "php8.1-fpm": False, "php8.2-fpm": True}
    assert fpm_unit(known, "8.1") == "php8.1-fpm"
    assert fpm_unit(known, "8.2") == "php8.2-fpm"
    assert fpm_unit(known, "8.3") == "php8.2-fpm"
    assert fpm_unit({"php-fpm": True}, "8.3") == "php-fpm"
    assert fpm_unit({"php83-php-fpm": True, "php82-php-fpm": True}, "8.3") == "php83-php-fpm"
    assert fpm_unit({"php8.1-fpm": True, "php8.2-fpm": True}, "") is None


def test_pools() -> None:
    text = (
        "; comment\n[global]\npid = x\n[www]\nuser = df ; who\nlisten = /run/php/$pool.sock\n"
        "[two]\nuser=a\ngroup=b\nlisten=9001\n[off]\n"
    )
    one, two = parse_pools(text, "/etc/pool.conf")
    assert (one.user, one.group, one.listen) == ("df", "df", "/run/php/www.sock")
    assert (two.user, two.group, two.listen) == ("a", "b", "9001")


@pytest.mark.parametrize(
    ("passes", "listen", "same"),
    [
        ("unix:/var/run/php/a.sock", "/run/php/a.sock", True),
        ("127.0.0.1:9000", "9000", True),
        ("localhost:9000", "127.0.0.1:9000", True),
        ("127.0.0.1:9000", "9001", False),
        ("unix:/run/php/b.sock", "/run/php/a.sock", False),
    ],
)
def test_the_pool_that_nginx_sends_to(passes: str, listen: str, same: bool) -> None:
    pool = Pool("www", "f", "df", "df", listen)
    assert (pool_for((Master(1, "c", "b", (pool,)),), (passes,)) is not None) == same


@pytest.mark.parametrize(
    ("line", "yes"),
    [
        ("* * * * * cd /opt/df/ && php artisan schedule:run", True),
        ("* * * * * php /opt/df/artisan x", True),
        ("# cd /opt/df", False),
        ("* * * * * cd /opt/df-copy && php artisan", False),
        ("* * * * * cd /srv/opt/df && php artisan", False),
    ],
)
def test_crontab_lines(line: str, yes: bool) -> None:
    assert mentions(line, "/opt/df") == yes


def test_crontab_secrets() -> None:
    line = (
        "0 1 * * * DB_PASSWORD='a b' mysqldump --password=geheim https://u:geheim@h/ --token geheim2 /opt/df"
    )
    assert "geheim" not in masked(line)
    assert "a b" not in masked(line)
    assert masked(line).endswith("/opt/df")


def test_migrations_of_both_laravels() -> None:
    table = """+------+----------------------------+-------+
| Ran? | Migration                  | Batch |
+------+----------------------------+-------+
| Yes  | 2015_01_27_create_a        | 1     |
| No   | 2016_01_27_create_b        |       |
+------+----------------------------+-------+
"""
    dotted = """
  Migration name ......... Batch / Status
  2015_01_27_create_a ....... [1] Ran
  2016_01_27_create_b ....... Pending
"""
    expected = (("2015_01_27_create_a",), ("2016_01_27_create_b",))
    assert parse_migrations(table) == expected
    assert parse_migrations(dotted) == expected
    assert parse_migrations("Migration table not found.") == ((), ())


def test_the_line_that_says_most() -> None:
    result = Result(
        255,
        b"",
        b"PHP Warning:  x\nPHP Fatal error:  Uncaught Error: Class y\nStack trace:\n#0 {main}\n",
        0.1,
    )
    assert explain(result).startswith("PHP Fatal error")
    assert explain(Result(1, b"one\ntwo\n", b"", 0.1)) == "two"
    assert "exit code 3" in explain(Result(3, b"", b"", 0.1))


def test_status() -> None:
    body = {"version": "7.1.0", "license": "GOLD", "resources": {"app": 5, "odd": "x", "flag": True}}
    assert parse_status(json.dumps(body).encode()) == ("7.1.0", "GOLD", {"app": 5})
    assert parse_status(b"<html>") == (None, None, {})
    assert parse_status(b"[]") == (None, None, {})
