"""The API asked before and after a real upgrade, in a session and without: what /status hides is found, no secret is left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.driving import Cli, Ended, independent_digest
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

ADMIN = "admin@dreamfactory.example"
PASSWORD = "correct horse battery staple"
WISHES = (
    "--probe",
    "/api/v2/system/service",
    "--probe",
    "/api/v2/system/environment",
    "--login-email",
    ADMIN,
)
SESSION = "answer:/api/v2/system/service:session"
API = "/api/v2/system/environment"


@dataclass(frozen=True)
class WithPassword(Cli):
    """dfwizard with the login's password in its environment."""

    password: str = PASSWORD

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "DFWIZARD_LOGIN_PASSWORD": self.password}


def checks(ended: Ended) -> dict[str, dict[str, str]]:
    """Give the checks of a verification by their ids."""
    return {check["id"]: check for check in json.loads(ended.out)["checks"]}


def verdicts(found: dict[str, dict[str, str]], *ids: str) -> list[str]:
    return [found[identity]["verdict"] for identity in ids]


def hashes(lab: Lab) -> list[tuple[object, ...]]:
    return lab.query("select id, password from user order by id")


def set_key(lab: Lab, old: str, new: str) -> None:
    path = lab.instance / ".env"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_the_api_answers_is_the_same_after_the_upgrade_and_what_is_broken_is_found(
    start_lab: StartLab, tmp_path: Path
) -> None:
    lab = start_lab("sqlite", "6.3.0", web=True)
    cli = WithPassword(lab, tmp_path / "state")
    before, passwords, sessions = independent_digest(lab), hashes(lab), lab.query("select * from token_map")

    wrong = WithPassword(lab, tmp_path / "wrong", password="wrong horse").upgrade("7.1.0", *WISHES)
    assert f"the login of {ADMIN} was refused: it answers 401, Invalid credentials supplied." in wrong.err
    assert wrong.code in (1, 5)
    assert independent_digest(lab) == before

    cli.upgrade("7.1.0", *WISHES).expect(0)
    found = checks(Ended(0, (cli.newest_run() / "verification.json").read_text(), ""))
    assert {check["verdict"] for check in found.values()} <= {"ok", "expected"}
    assert (found["login"]["before"], found["login"]["after"]) == ("session opened and closed",) * 2
    assert found[SESSION]["after"].startswith("200, ")
    assert found["answer:/api/v2/system/service"]["after"].startswith("400, ")
    assert verdicts(found, "accounts", "apis", "scripts", "connections", "settings") == [
        "ok", "ok", "ok", "ok", "expected",
    ]  # fmt: skip
    assert (hashes(lab), lab.query("select * from token_map")) == (passwords, sessions)
    kept = b"".join(
        path.read_bytes() for path in cli.state.rglob("*") if path.is_file() and "backups" not in path.parts
    )
    assert PASSWORD.encode() not in kept
    assert b"session_token" not in kept

    nobody = Cli(lab, cli.state).run("verify", cli.place, "--login-email", ADMIN).expect(2)
    assert f"the password of {ADMIN} was not given" in nobody.err

    lab.fail_cached(True)
    set_key(lab, "BCRYPT_ROUNDS=10", "BCRYPT_ROUNDS=12")
    found = checks(cli.run("verify", cli.place, "--login-email", ADMIN, "--json").expect(1))
    assert (found[f"answers:{API}"]["after"], found["status"]["after"]) == ("200, then 500", "200")
    assert verdicts(found, f"answers:{API}", "status", "login", "log") == [
        "failed",
        "ok",
        "warning",
        "warning",
    ]
    assert "cost 10 and BCRYPT_ROUNDS is 12" in found["login"]["explanation"]
    assert SESSION not in found
    assert hashes(lab) == passwords
    set_key(lab, "BCRYPT_ROUNDS=12", "BCRYPT_ROUNDS=10")
    lab.fail_cached(False)

    set_key(lab, "CACHE_STORE=file", "CACHE_STORE=database")
    found = checks(cli.run("verify", cli.place, "--json").expect(1))
    assert (found["status"]["verdict"], found[f"answers:{API}"]["after"]) == ("ok", "500")
    assert "no login and no request works" in found[f"answers:{API}"]["explanation"]
    assert found["answer:/api/v2/system/environment"]["verdict"] == "failed"
    set_key(lab, "CACHE_STORE=database", "CACHE_STORE=file")
