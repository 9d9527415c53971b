"""An instance compared, long after its upgrade, with what it was before it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from dfwizard import codec
from dfwizard.access import open_instance
from dfwizard.actions import RECORDED, Recorded, verify_instance
from dfwizard.answer_actions import answers_before, compared_answers
from dfwizard.errors import DfwizardError, UsageError
from dfwizard.execution.outcomes import WELL
from dfwizard.execution.redaction import Redactor
from dfwizard.guards import is_on
from dfwizard.hosts.naming import located
from dfwizard.instance.places import real_path
from dfwizard.migration_actions import as_migrated
from dfwizard.planning.answers import RecordAnswers
from dfwizard.planning.plan import Verify
from dfwizard.verification.result import in_use

if TYPE_CHECKING:
    from dfwizard.execution.store import Run, Store
    from dfwizard.hosts.base import Host
    from dfwizard.instance.facts import Facts
    from dfwizard.planning.plan import Plan
    from dfwizard.rules import Rules
    from dfwizard.verification.result import Check, Verification


def last_good(store: Store, host: Host, path: str) -> Run:
    """Give the newest run on the instance at `path` of the host that has ended well.

    Raises:
        UsageError: there is none.
    """
    wanted = real_path(host, path)
    for run in store.list():
        with suppress(DfwizardError):
            if is_on(run.record(), host.name, wanted) and run.state().outcome in WELL:
                return run
    raise UsageError(
        "no upgrade of this instance by dfwizard has ended well, so there is nothing to compare with",
        where=located(host.name, path),
        remedy="See `dfwizard runs`, and `dfwizard inspect` for what is installed.",
    )


def compare(
    host: Host,
    rules: Rules,
    run: Run,
    *,
    php: str | None,
    url: str | None,
    answers: RecordAnswers | None = None,
    password: str | None = None,
) -> Verification:
    """Compare the instance with what `run` recorded before its upgrade.

    The API is asked what it was asked then, and what `answers` names beside it, in a session where that names a login.

    Raises:
        DfwizardError: what it recorded, or `.env`, cannot be read.
    """
    before, plan = run.facts(), run.plan()
    if url is not None:
        before = replace(before, web=replace(before.web, url=url))
    access = open_instance(host, before)
    php = php or _switched(plan)
    access = replace(access, php=php) if php else access
    redactor = Redactor()
    redactor.add(*access.secrets)
    path = run.directory / RECORDED
    recorded = codec.loads(Recorded, path.read_bytes(), where=str(path))
    if plan.source:
        before, recorded = as_migrated(run, before, recorded)
    wish = _wish(plan.answers, answers)
    known = answers_before(run)

    def ask(now: Facts) -> tuple[Check, ...]:
        if wish is None:
            return ()
        return compared_answers(access, now, rules, wish, before=known, password=password)

    if password:
        redactor.add(password.encode("utf-8", "surrogateescape"))
    verification, _ = verify_instance(
        access,
        before,
        recorded,
        rules,
        plan=plan,
        action=Verify(plan.to, php=php or ""),
        accepted=frozenset(run.record().accepted),
        redact=redactor.text,
        ask=ask,
    )
    return in_use(verification)


def _switched(plan: Plan) -> str:
    """Give the php that the run verified its end with, after a person had switched it; "" where it was the one of before."""
    return next(
        (step.action.php for step in plan.steps if isinstance(step.action, Verify) and step.action.final), ""
    )


def _wish(before: RecordAnswers | None, now: RecordAnswers | None) -> RecordAnswers | None:
    """Give all that is to be asked; a login only where it is wished now, for its password is kept nowhere."""
    paths = (*(before.paths if before else ()), *(now.paths if now else ()))
    return RecordAnswers(tuple(dict.fromkeys(paths)), now.login if now else "") if paths else None
