"""What the screen of the keys says of each: whose value goes over, and never a secret that was not asked for."""

from __future__ import annotations

from rich.cells import cell_len

from dfwizard.instance import dotenv
from dfwizard.planning.env_carry import CarriedKey, carry, with_choices
from dfwizard.planning.extras import ExtraFiles
from dfwizard.rules import load
from dfwizard.tui.carrying import Carrying
from dfwizard.tui.screens.carry_rows import KEY, SAME, Carried, details, rows, summary

SOURCE = (
    b"APP_KEY=base64:c291cmNlLWtleQ==\nDB_HOST=10.0.0.1\nDB_PASSWORD=pass-of-source\nCACHE_DRIVER=redis\n"
    b"MAIL_PASSWORD=pass-of-both\nGITHUB_TOKEN=token-of-source\nAPP_NAME=x\nMY_OWN=1\n"
)
TARGET = (
    b"APP_KEY=base64:dGFyZ2V0LWtleQ==\nDB_HOST=10.0.0.2\nDB_PASSWORD=pass-of-target\nCACHE_STORE=file\n"
    b"MAIL_PASSWORD=pass-of-both\nAPP_NAME=x\n"
)
SECRETS = (
    "c291cmNlLWtleQ",
    "dGFyZ2V0LWtleQ",
    "pass-of-source",
    "pass-of-target",
    "pass-of-both",
    "token-of-source",
)


def proposed(source: bytes = SOURCE, target: bytes = TARGET) -> tuple[CarriedKey, ...]:
    files = dotenv.parse(source), dotenv.parse(target)
    return carry(*files, source_release="6.3.0", target_release="7.1.0", rules=load(None))


def told(carried: Carried, *, width: int = 76, revealed: bool = False) -> str:
    """Give all that the screen says of all keys."""
    made = rows(carried, width=width, unfolded=True)
    lines = [line for row in made for line in row.lines]
    for one in carried.keys:
        lines += details(carried, f"{KEY}{one.key}", revealed=revealed, width=width)
    return "\n".join(line.plain for line in [*lines, *summary(carried, width)])


def test_no_secret_is_told_unless_it_was_asked_for() -> None:
    keys = with_choices(proposed(), carry=["DB_PASSWORD"], edited={"GITHUB_TOKEN": "token-of-mine"})
    carried = Carried(keys, frozenset(("DB_PASSWORD", "GITHUB_TOKEN")))

    text = told(carried)

    assert not [one for one in (*SECRETS, "token-of-mine") if one in text]
    assert "token-of-mine" in told(carried, revealed=True)


def test_of_a_secret_it_is_told_whose_it_is() -> None:
    keys = with_choices(
        proposed(), edited={"GITHUB_TOKEN": "token-of-mine"}, keep=["MY_OWN"], carry=["DB_PASSWORD"]
    )
    lines = {
        row.id: row.lines[0].plain
        for row in rows(Carried(keys, frozenset(("DB_PASSWORD", "GITHUB_TOKEN"))), width=100, unfolded=True)
    }

    assert "the source's secret" in lines["key:APP_KEY"]
    assert "locked" in lines["key:APP_KEY"]
    assert lines["key:DB_PASSWORD"].startswith("* DB_PASSWORD")
    assert "the source's secret" in lines["key:DB_PASSWORD"]
    assert "a secret of your own" in lines["key:GITHUB_TOKEN"]
    assert "the same secret" in lines["key:MAIL_PASSWORD"]
    assert "keep" in lines["key:MY_OWN"]


def test_what_agrees_is_one_row_of_its_group_and_counted() -> None:
    carried = Carried(proposed())

    made = {row.id: row.lines[0].plain for row in rows(carried, width=76, unfolded=False)}

    assert "MAIL_PASSWORD, APP_NAME" in made[f"{SAME}environment settings"]
    assert "key:MAIL_PASSWORD" not in made
    assert " 2 are the same." in " ".join(line.plain for line in summary(carried, 76))
    names = [line.plain for line in details(carried, f"{SAME}environment settings", revealed=False, width=70)]
    assert any(line.startswith("MAIL_PASSWORD  the same secret") for line in names)


def test_a_hundred_and_twenty_keys_with_hostile_names_keep_to_the_width() -> None:
    source = b"".join(b"KEY_%d_%s=%s\n" % (number, b"X" * (number % 60), b"v" * 200) for number in range(120))
    source += b'ODD="a\tb\x1b[31mred"\n'
    keys = proposed(source)
    carried = Carried(keys, frozenset())

    for width in (56, 76, 60):
        for row in rows(carried, width=width, unfolded=True):
            assert all(cell_len(line.plain) <= width for line in row.lines), row
        for one in keys:
            lines = details(carried, f"{KEY}{one.key}", revealed=False, width=width)
            assert all(cell_len(line.plain) <= width and "\x1b" not in line.plain for line in lines)
    assert len(rows(carried, width=76, unfolded=True)) > 120


def test_files_go_over_as_they_are_proposed_or_chosen_and_those_elsewhere_never() -> None:
    app = ExtraFiles("storage/app", "It holds uploads.", 2_000_000, 12, default=True)
    wsdl = ExtraFiles("storage/wsdl", "It holds WSDL files.", 1000, 1, default=False)
    there = ExtraFiles("/etc/ssl/db.pem", "It is named by a service.", 1000, 1, default=False)
    carrying = Carrying(extras=(app, wsdl, there))

    assert [carrying.is_ticked(one) for one in carrying.extras] == [True, False, False]
    carrying.tick(app, wanted=False)
    carrying.tick(wsdl, wanted=True)
    wishes = carrying.wishes(backup_dir=None, php=None)
    assert (wishes.files, wishes.without) == (("storage/wsdl",), ("storage/app",))
    carrying.tick(app, wanted=True)
    carrying.tick(wsdl, wanted=False)
    wishes = carrying.wishes(backup_dir=None, php=None)
    assert (wishes.files, wishes.without) == ((), ())

    carried = Carried(proposed(), frozenset(), carrying.extras, frozenset(("storage/app",)))
    made = {row.id: row.lines[0].plain for row in rows(carried, width=76, unfolded=False)}
    assert made["file:storage/app"].startswith("[x] storage/app")
    assert made["file:storage/wsdl"].startswith("[ ]")
    assert made["file:/etc/ssl/db.pem"].startswith(" - ")
    assert "by hand" in made["file:/etc/ssl/db.pem"]
    assert "Files: 1 of 2 (2.0 MB)." in " ".join(line.plain for line in summary(carried, 76))


def test_what_was_chosen_is_dropped_with_its_key() -> None:
    carrying = Carrying(source="/old")
    carrying.propose(proposed())
    carrying.carry.add("MY_OWN")
    carrying.edited["APP_NAME"] = "mine"
    carrying.keep.add("GITHUB_TOKEN")

    carrying.propose(proposed(source=b"APP_KEY=base64:c291cmNlLWtleQ==\nAPP_NAME=x\n"))

    assert carrying.chosen == {"APP_NAME"}
    assert next(one for one in carrying.as_chosen() if one.key == "APP_NAME").value == "mine"
    carrying.begin_from("/other")
    assert not carrying.chosen
    assert not carrying.as_chosen()
