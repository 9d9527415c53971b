"""The steps' part in comparing answers: asking the API before the first change and after the opening, with a login where one was wished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard import codec
from dfwizard.errors import DfwizardError, UsageError
from dfwizard.hosts.prompts import Question
from dfwizard.instance.answers import Answers, Credentials, Door, Login, ask_answers
from dfwizard.instance.probe import probe_rows
from dfwizard.verification.answers import answer_checks, login_hindrance

if TYPE_CHECKING:
    from dfwizard.access import Access
    from dfwizard.execution.store import Run
    from dfwizard.instance.facts import Facts
    from dfwizard.planning.answers import RecordAnswers
    from dfwizard.rules import Rules
    from dfwizard.verification.result import Check

ANSWERS_BEFORE = "answers-before.json"

UNKNOWN = "its password was not given"


def login_question(login: str, place: str) -> Question:
    """Give the question for the password of an account of the DreamFactory at `place`."""
    return Question(
        "password", place, f"Password of {login} in the DreamFactory at {place}:", f"login:{login} at {place}"
    )


def asked_answers(
    access: Access, facts: Facts, rules: Rules, wish: RecordAnswers, password: str | None
) -> tuple[Answers, tuple[bytes, ...]]:
    """Ask the instance as `facts` describe it now, and give the answers and what must not be written anywhere.

    Raises:
        UsageError: nobody knows where it answers.
        DfwizardError: it cannot be asked.
    """
    if not facts.web.url:
        raise UsageError(
            "nobody knows where this instance answers",
            where=facts.path,
            remedy="Name it: --url http://127.0.0.1:8080",
        )
    door = Door(access.host, facts.web.url, facts.web.host_header)
    return ask_answers(door, wish.paths, _login(access, facts, rules, wish.login, password))


def _login(
    access: Access, facts: Facts, rules: Rules, email: str, password: str | None
) -> Credentials | Login | None:
    """Give who logs in, or why nobody does."""
    if not email:
        return None
    if not password:
        return Login(email, "untried", UNKNOWN)
    release = rules.by_tag(facts.version.release) if facts.version.release else None
    why = login_hindrance(
        release,
        facts.dotenv.values if facts.dotenv else {},
        facts.database.password_costs if facts.database else (),
        config_cached=facts.artisan.config_cached,
    )
    if why:
        return Login(email, "untried", why)
    admin = _is_admin(access, email)
    if admin is None:
        return Login(email, "refused", "that no account has this e-mail")
    return Credentials(email, password, admin)


def _is_admin(access: Access, email: str) -> bool | None:
    """Tell whether the account is an administrator of the system; None where there is none."""
    for found, admin in probe_rows(access.probe(), "user", ("email", "is_sys_admin"), limit=1_000_000):
        if found is not None and found.decode("utf-8", "replace").lower() == email.lower():
            return admin not in (None, b"", b"0", b"f", b"false")
    return None


def answers_before(run: Run) -> Answers | None:
    """Give what the run recorded, None where it recorded nothing.

    Raises:
        CodecError: it is damaged.
    """
    path = run.directory / ANSWERS_BEFORE
    return codec.loads(Answers, path.read_bytes(), where=str(path)) if path.exists() else None


def compared_answers(
    access: Access,
    facts: Facts,
    rules: Rules,
    wish: RecordAnswers,
    *,
    before: Answers | None,
    password: str | None,
) -> tuple[Check, ...]:
    """Ask again and compare. Errors as `asked_answers`."""
    return answer_checks(before, asked_answers(access, facts, rules, wish, password)[0])


def require_login(answers: Answers) -> None:
    """See that a login that was tried before the run was accepted: else nothing can be told from it afterwards.

    Raises:
        DfwizardError: it was refused.
    """
    login = answers.login
    if login is not None and login.state == "refused":
        raise DfwizardError(
            f"the login of {login.email} was refused: it answers {login.said}",
            remedy="Nothing was changed. Begin again with the right password, or without --login-email.",
        )
