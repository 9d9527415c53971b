"""The three-way `.env` of a migration: what is proposed and why, and that the target's file then says exactly that."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfwizard.errors import UsageError
from dfwizard.instance.dotenv import DotenvFile, edit, parse, quote
from dfwizard.planning.env_carry import GROUPS, CarriedKey, carry, changes, groups, with_choices
from dfwizard.rules import load

RULES = load()
KEY = "base64:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SOURCE = f"""\
APP_ENV=production
APP_KEY={KEY}
APP_URL=https://old.example.com
DB_CONNECTION=mysql
DB_HOST=db.old.example.com
DB_DATABASE=dreamfactory
DB_USERNAME=df
DB_PASSWORD='old $ecret # 1'
CACHE_DRIVER=redis
CACHE_HOST=cache.old.example.com
CACHE_DEFAULT_TTL=600
QUEUE_DRIVER=redis
AWS_ACCESS_KEY_ID=AKIAEXAMPLE
DF_LANDING_PAGE=/start
DF_NODEJS_PATH=/opt/node/bin/node
APP_TIMEZONE=Europe/Vienna
OWN_SCRIPT=/srv/own/script.sh
OWN_WORD=plain
"""
TARGET = """\
APP_ENV=local
APP_KEY=base64:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
DB_CONNECTION=mysql
DB_HOST=127.0.0.1
DB_DATABASE=dreamfactory
DB_USERNAME=df
DB_PASSWORD=new-secret
#CACHE_STORE=file
BCRYPT_ROUNDS=12
"""


def made(
    source: str = SOURCE, target: str = TARGET, frm: str = "6.3.0", to: str = "7.1.0"
) -> dict[str, CarriedKey]:
    found = carry(parse(source), parse(target), source_release=frm, target_release=to, rules=RULES)
    return {item.key: item for item in found}


def chosen(keys: Mapping[str, CarriedKey], *names: str) -> dict[str, tuple[str, str | None]]:
    return {name: (keys[name].choice, keys[name].value) for name in names}


def test_the_key_goes_over_and_cannot_be_chosen_otherwise() -> None:
    keys = made()
    assert keys["APP_KEY"].choice == "carry"
    assert keys["APP_KEY"].value == KEY
    assert keys["APP_KEY"].locked
    assert "guide" in keys["APP_KEY"].reason
    with pytest.raises(UsageError, match="cannot be chosen otherwise"):
        with_choices(keys.values(), keep=["APP_KEY"])


@pytest.mark.parametrize("line", ["", "APP_KEY=", "APP_KEY=null", "APP_KEY"])
def test_a_source_without_key_leaves_the_target_its_own(line: str) -> None:
    assert chosen(made(line + "\n", "APP_KEY=abc\n"), "APP_KEY") == {"APP_KEY": ("keep", "abc")}


def test_the_databases_own_names_are_kept_and_the_reason_says_what_carrying_means() -> None:
    keys = made()
    for name in ("DB_CONNECTION", "DB_HOST", "DB_DATABASE", "DB_USERNAME", "DB_PASSWORD"):
        assert (keys[name].choice, keys[name].value) == ("keep", keys[name].target)
        assert not keys[name].locked
    assert keys["DB_DATABASE"].reason == "Both servers say the same."
    assert "the source's" in keys["DB_HOST"].reason
    assert with_choices(keys.values(), carry=["DB_HOST"])
    for name in ("DATABASE_URL", "DB_URL", "DB_SOCKET", "DB_READ_HOST", "MYSQL_ATTR_SSL_CA"):
        assert made(f"{name}=x\n")[name].choice in ("keep", "drop")
    both = made("DATABASE_URL=pgsql://u:p4ssword@old/db\n")
    assert chosen(both, "DB_URL", "DATABASE_URL") == {
        "DB_URL": ("keep", None),
        "DATABASE_URL": ("drop", None),
    }
    assert both["DB_URL"].secret


def test_a_prefix_and_a_cipher_must_be_the_sources_own() -> None:
    keys = made("DB_PREFIX=df_\n", "APP_CIPHER=AES-128-CBC\n")
    assert chosen(keys, "DB_PREFIX", "APP_CIPHER") == {
        "DB_PREFIX": ("carry", "df_"),
        "APP_CIPHER": ("drop", None),
    }
    assert keys["DB_PREFIX"].locked
    assert keys["APP_CIPHER"].locked


def test_a_collation_of_one_product_alone_is_not_carried() -> None:
    assert made("DB_COLLATION=utf8mb4_0900_ai_ci\n", "")["DB_COLLATION"].choice == "keep"
    assert made("DB_COLLATION=utf8mb4_unicode_ci\n", "")["DB_COLLATION"].choice == "carry"


def test_renamed_keys_are_offered_under_their_new_names() -> None:
    keys = made()
    assert keys["CACHE_STORE"].source == "redis"
    assert "CACHE_DRIVER" in keys["CACHE_STORE"].reason
    # A store of the source's surroundings is for a person to choose.
    assert chosen(keys, "CACHE_STORE", "CACHE_DRIVER", "CACHE_HOST") == {
        "CACHE_STORE": ("keep", None),
        "CACHE_DRIVER": ("drop", None),
        "CACHE_HOST": ("keep", None),
    }
    assert chosen(made("CACHE_DRIVER=file\n"), "CACHE_STORE") == {"CACHE_STORE": ("carry", "file")}
    assert chosen(made("BROADCAST_DRIVER=log\n"), "BROADCAST_CONNECTION") == {
        "BROADCAST_CONNECTION": ("carry", "log")
    }


def test_a_rename_with_a_condition_waits_for_it() -> None:
    redis = made("CACHE_STORE=redis\nCACHE_HOST=c\n", "", "7.1.0", "7.7.0")
    assert "MEMCACHED_HOST" not in redis
    assert redis["CACHE_HOST"].choice == "keep"
    memcached = made("CACHE_DRIVER=memcached\nCACHE_HOST=c\n", "", "6.3.0", "7.7.0")
    assert memcached["MEMCACHED_HOST"].source == "c"
    assert "MEMCACHED_HOST" in memcached["CACHE_HOST"].reason


def test_what_must_become_explicit_does_and_says_so() -> None:
    keys = made()
    assert chosen(keys, "QUEUE_CONNECTION", "BCRYPT_ROUNDS") == {
        "QUEUE_CONNECTION": ("edit", "sync"),
        "BCRYPT_ROUNDS": ("edit", "10"),
    }
    assert keys["QUEUE_CONNECTION"].source is None
    assert keys["QUEUE_DRIVER"].choice == "drop"
    assert chosen(made("", ""), "CACHE_STORE") == {"CACHE_STORE": ("edit", "file")}
    assert chosen(made("", "CACHE_STORE=redis\n"), "CACHE_STORE") == {"CACHE_STORE": ("keep", "redis")}
    # Of one line there is nothing to make explicit.
    assert "CACHE_STORE" not in made("", "", "7.1.0", "7.1.0")
    assert made("BCRYPT_ROUNDS=10\n")["BCRYPT_ROUNDS"].choice == "carry"
    # Passwords of cost 12 do not bear a target that sets 10.
    assert chosen(made("", "BCRYPT_ROUNDS=10\n", "7.1.0", "7.3.0"), "BCRYPT_ROUNDS") == {
        "BCRYPT_ROUNDS": ("drop", None)
    }


def test_what_the_targets_release_does_not_read_is_dropped_with_the_reason() -> None:
    dropped = made(to="7.7.0")["APP_TIMEZONE"]
    assert (dropped.choice, dropped.value) == ("drop", None)
    assert "UTC" in dropped.reason
    assert chosen(made(), "APP_TIMEZONE") == {"APP_TIMEZONE": ("carry", "Europe/Vienna")}


def test_a_value_that_an_older_release_meant_otherwise_is_not_carried() -> None:
    old = "DF_CONFIRM_RESET_URL=/dreamfactory/dist/#/reset-password\n"
    assert made(old, "", "7.1.0", "7.7.0")["DF_CONFIRM_RESET_URL"].choice == "keep"
    assert made(old, "", "7.3.0", "7.7.0")["DF_CONFIRM_RESET_URL"].choice == "carry"


def test_what_belongs_to_the_machine_stays_and_the_rest_goes_over() -> None:
    keys = made()
    kept = ("APP_ENV", "APP_URL", "DF_NODEJS_PATH", "OWN_SCRIPT")
    assert {keys[name].choice for name in kept} == {"keep"}
    carried = ("CACHE_DEFAULT_TTL", "AWS_ACCESS_KEY_ID", "DF_LANDING_PAGE", "OWN_WORD")
    assert {keys[name].choice for name in carried} == {"carry"}
    assert made("MAIL_HOST=old\n", "MAIL_HOST=new\n")["MAIL_HOST"].choice == "keep"
    assert made("MAIL_HOST=old\n", "")["MAIL_HOST"].choice == "carry"
    assert made("DF_LICENSE_KEY=a\n", "DF_LICENSE_KEY=b\n")["DF_LICENSE_KEY"].choice == "keep"
    assert made("DF_LICENSE_KEY=a\n", "")["DF_LICENSE_KEY"].choice == "carry"


def test_groups_are_the_guides_in_its_order() -> None:
    keys = tuple(made().values())
    assert [name for name, _ in groups(keys)] == list(GROUPS.values())
    assert [item for _, found in groups(keys) for item in found] == list(keys)
    assert all(item.reason for item in keys)


def test_choices_are_checked() -> None:
    keys = tuple(made().values())
    for wrong in (
        {"carry": ["NOT_THERE"]},
        {"carry": ["OWN_WORD"], "keep": ["OWN_WORD"]},
        {"carry": ["QUEUE_CONNECTION"]},
        {"edited": {"OWN_WORD": "a\0b"}},
        {"edited": {"APP_KEY": "other"}},
    ):
        with pytest.raises(UsageError):
            with_choices(keys, **wrong)
    better = with_choices(keys, carry=["CACHE_STORE"], keep=["OWN_WORD"], edited={"APP_URL": "https://new"})
    assert chosen({item.key: item for item in better}, "CACHE_STORE", "OWN_WORD", "APP_URL") == {
        "CACHE_STORE": ("carry", "redis"),
        "OWN_WORD": ("keep", None),
        "APP_URL": ("edit", "https://new"),
    }


def test_no_secret_is_in_any_text() -> None:
    keys = tuple(
        made(SOURCE + "REDIS_URL=redis://:p4ssw0rd@cache\nNOTE='uses old $ecret # 1 too'\n").values()
    )
    text = " ".join([repr(keys), str(keys), *(item.reason for item in keys)])
    text += " ".join(item.shown(value) for item in keys for value in (item.source, item.target, item.value))
    for secret in (KEY, "old $ecret # 1", "new-secret", "AKIAEXAMPLE", "p4ssw0rd"):
        assert secret not in text


def test_bytes_that_cannot_be_written_stay_where_they_are() -> None:
    keys = made("OWN_WORD='a\0b'\nMAIL_HOST='a\0b'\n", "MAIL_HOST=new\n")
    assert chosen(keys, "OWN_WORD", "MAIL_HOST") == {"OWN_WORD": ("keep", None), "MAIL_HOST": ("keep", "new")}
    with pytest.raises(UsageError, match="cannot be written"):
        with_choices(keys.values(), carry=["OWN_WORD"])


# -- the target's file says what was chosen ------------------------------------------------------------------

NAMES = st.sampled_from(
    ["APP_KEY", "APP_URL", "DB_HOST", "DB_PREFIX", "CACHE_DRIVER", "CACHE_STORE", "DF_X", "OWN", "MAIL_HOST"]
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
PIECES = st.sampled_from(
    ["$", "#", '"', "'", "\\", "\n", "\r\n", " ", "=", "${OWN}", "${DF_X}", "${NEW}", '="', "\xff", "é", "a"]
)
VALUES = st.one_of(TEXT, st.lists(PIECES, max_size=5).map("".join))
ASSIGNED = st.builds(lambda name, value: f"{name}={quote(value)}".encode(), NAMES, VALUES)
ODD = st.sampled_from(
    [
        *(
            b"OWN=${DF_X}/sub",
            b'DF_X="${APP_URL} ${OWN}"',
            b"OWN=${NEW}",
            b"MAIL_HOST",
            b"export OWN=1 # note",
        ),
        *(b"#CACHE_STORE=file", b"", b"APP_URL=\xff\xfe", b"DF_X='\xe9'"),
    ]
)
FILES = st.builds(
    lambda lines, end: end.join([*lines, b""]),
    st.lists(st.one_of(ASSIGNED, ODD), max_size=7),
    st.sampled_from([b"\n", b"\r\n"]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FILES, FILES, st.data())
def test_the_edited_target_reads_exactly_as_chosen(before: bytes, after: bytes, data: st.DataObject) -> None:
    source, target = parse(before), parse(after)
    keys = carry(source, target, source_release="6.3.0", target_release="7.7.0", rules=RULES)
    free = [item.key for item in keys if not item.locked]
    picked = data.draw(st.lists(st.sampled_from(free), unique=True)) if free else []
    third = len(picked) // 3
    can = {item.key for item in keys if item.source is not None}
    keys = with_choices(
        keys,
        carry=[key for key in picked[:third] if key in can],
        keep=picked[third : 2 * third],
        edited={key: data.draw(st.none() | TEXT) for key in picked[2 * third :]},
    )
    written = parse(edit(target.data, changes(keys)))
    assert reading(written) == {item.key: item.value for item in keys if item.value is not None}
    for item in keys:
        wanted = {"carry": item.source, "keep": item.target, "drop": None}
        assert item.choice == "edit" or item.value == wanted[item.choice]


def reading(file: DotenvFile) -> dict[str, str]:
    return {key: value for key, value in file.values.items() if value is not None}
