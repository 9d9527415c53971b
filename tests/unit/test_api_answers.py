"""Asking the API before and after: shapes without values, sessions closed, no login that destroys a password, secrets unseen."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfwizard import codec
from dfwizard.answer_actions import login_question
from dfwizard.cli.login import VARIABLE, answer_arguments, given_password, wished
from dfwizard.cli.parser import make_parser
from dfwizard.errors import DfwizardError, UsageError
from dfwizard.hosts.base import OnOutput
from dfwizard.hosts.command import Command, Pipeline, Result
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.answers import Answer, Answers, Credentials, Door, Login, ask_answers
from dfwizard.instance.shape import Shape, shape_change, shape_of
from dfwizard.planning.answering import with_answers
from dfwizard.planning.answers import RecordAnswers, wished_answers
from dfwizard.planning.plan import Plan
from dfwizard.verification.answers import answer_checks, login_hindrance
from dfwizard.verification.result import Verdict
from tests.unit.samples import RULES, facts, plan

PASSWORD = 'p "quoted" \\ $x\u00e9\n'
TOKEN = "eyJ0eXAiOiJKV1Qi.e30.sig-nature"
OK, EXPECTED, WARNING, FAILED = Verdict.OK, Verdict.EXPECTED, Verdict.WARNING, Verdict.FAILED


@dataclass
class Api:
    """A server that answers as DreamFactory's API does; `said` has every request's method, path and token."""

    url: str = ""
    said: list[tuple[str, str, str]] = field(default_factory=list)
    logins: list[object] = field(default_factory=list)
    rows: list[object] = field(default_factory=lambda: [{"id": 1, "name": "db"}])
    login_code: int = 200
    second: int = 200

    def answer(self, method: str, path: str, token: str, body: bytes) -> tuple[int, object]:
        again = (method, path, token) in self.said
        self.said.append((method, path, token))
        if path.endswith("/session") and method == "POST":
            self.logins.append(json.loads(body))
            return self.login_code, {"session_token": TOKEN} if self.login_code == 200 else {
                "error": {"message": "No (SQL: x)"}
            }
        if path.endswith("/session"):
            return (200, {"success": True}) if token == TOKEN else (401, {})
        if token != TOKEN:
            return 400, {"error": {"code": 400, "message": "No session token"}}
        return (self.second if again else 200), {"resource": self.rows}


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.headers.get("X-DreamFactory-Session-Token") or ""
            code, value = made.answer(self.command, self.path, token, body)
            data = json.dumps(value).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


class Watched(LocalHost):
    """This machine, with what is shown of each command to whoever looks at the list of processes."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def run(
        self,
        work: Command | Pipeline,
        *,
        on_output: OnOutput | None = None,
        keep: int = 1 << 20,
        check: bool = True,
        mark: str | None = None,
    ) -> Result:
        assert isinstance(work, Command)
        self.shown.append(repr(work))
        return super().run(work, on_output=on_output, keep=keep, check=check, mark=mark)


def test_each_path_is_asked_twice_without_and_in_a_session_that_is_closed(api: Api) -> None:
    host = Watched()
    paths = ("/api/v2/a?limit=1", "/api/v2/b")
    found, secrets = ask_answers(Door(host, api.url), paths, Credentials("ada@example.com", PASSWORD))
    assert [(one.path, one.session, one.codes) for one in found.answers] == [
        *((path, False, (400, 400)) for path in paths),
        *((path, True, (200, 200)) for path in paths),
    ]
    assert found.login == Login("ada@example.com", "done")
    assert api.logins == [{"email": "ada@example.com", "password": PASSWORD}]
    assert api.said[-1] == ("DELETE", "/api/v2/system/admin/session", TOKEN)
    assert secrets == (TOKEN.encode(),)
    shown = " ".join(host.shown) + codec.dumps(found) + repr(Credentials("a", PASSWORD))
    assert TOKEN not in shown
    assert "quoted" not in shown
    assert codec.loads(Answers, codec.dumps(found)) == found


def test_a_user_logs_in_elsewhere_and_a_refusal_is_told_without_the_statement(api: Api) -> None:
    api.login_code = 500
    found, secrets = ask_answers(
        Door(LocalHost(), api.url), ("/api/v2/a",), Credentials("bob@example.com", PASSWORD, admin=False)
    )
    assert api.said[-1][:2] == ("POST", "/api/v2/user/session")
    assert (found.login, secrets) == (Login("bob@example.com", "refused", "500, No"), ())
    (login, *_) = answer_checks(Answers((), Login("bob@example.com", "done")), found)
    assert (login.verdict, login.id) == (FAILED, "login")
    assert "the same password was accepted" in login.explanation


def test_nobody_answers() -> None:
    found, _ = ask_answers(Door(LocalHost(), "http://127.0.0.1:9"), ("/api/v2/a",), Credentials("a@b.c", "x"))
    assert found.answers[0].codes == (0, 0)
    assert found.login is not None
    assert found.login.state == "refused"


def test_what_the_second_answer_says_counts(api: Api) -> None:
    door, who = Door(LocalHost(), api.url), Credentials("ada@example.com", PASSWORD)
    before, _ = ask_answers(door, ("/api/v2/a",), who)
    api.said.clear()
    api.second = 500
    after, _ = ask_answers(door, ("/api/v2/a",), who)
    checks = {check.id: check for check in answer_checks(before, after)}
    assert checks["answer:/api/v2/a"].verdict is OK
    broken = checks["answer:/api/v2/a:session"]
    assert (broken.verdict, broken.after[:13]) == (FAILED, "200, then 500")


def answer(body: object, *codes: int) -> Answer:
    return Answer("/api/v2/a", False, codes or (200, 200), shape_of(json.dumps(body).encode()))


ROWS = {"resource": [{"id": 1, "name": "x", "at": None}], "meta": {"count": 1}}


@pytest.mark.parametrize(
    ("after", "verdict", "words"),
    [
        (answer({"resource": [{"id": 2, "name": "", "at": "now"}], "meta": {"count": 7}}), OK, ""),
        (answer({"resource": [], "meta": {"count": 0}}), OK, ""),
        (answer({**ROWS, "more": {"a": 1}}), EXPECTED, "New: more."),
        (answer({"resource": ROWS["resource"]}), WARNING, "Gone: meta."),
        (
            answer({**ROWS, "resource": [{"id": "1", "name": "x", "at": None}]}),
            WARNING,
            "resource[].id (number, now text)",
        ),
        (answer([]), WARNING, "Gone: meta, resource."),
        (Answer("/api/v2/a", False, (200, 200), None), FAILED, "JSON"),
        (answer(ROWS, 500, 500), FAILED, "status"),
        (answer(ROWS, 404, 404), FAILED, "status"),
        (answer(ROWS, 0, 0), FAILED, "status"),
        (answer(ROWS, 200, 500), FAILED, "cache"),
    ],
)
def test_a_golden_answer_is_compared_by_status_and_shape(after: Answer, verdict: Verdict, words: str) -> None:
    (found,) = answer_checks(Answers((answer(ROWS),)), Answers((after,)))
    assert (found.verdict, words in found.explanation) == (verdict, True), found


def test_an_error_that_was_one_before_is_the_same() -> None:
    before, after = answer({"error": {"code": 404}}, 404, 404), answer({"error": {"trace": []}}, 404, 404)
    assert answer_checks(Answers((before,)), Answers((after,)))[0].verdict is OK
    assert answer_checks(Answers((before,)), Answers((answer(ROWS),)))[0].verdict is WARNING
    assert answer_checks(None, Answers((answer(ROWS),)))[0].verdict is OK


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(values, st.text("secret", min_size=6, max_size=6))
def test_a_shape_is_its_own_and_holds_no_value(value: object, word: str) -> None:
    shape = shape_of(json.dumps({"k": [value, word, 12345]}).encode())
    assert shape is not None
    assert not shape_change(shape, shape)
    assert word not in str(shape)
    assert "12345" not in str(shape)


@given(values)
def test_what_a_new_key_adds_is_new_and_what_it_took_is_gone(value: object) -> None:
    less, more = (shape_of(json.dumps(one).encode()) for one in ({"a": 1}, {"a": 1, "zz": value}))
    assert less is not None
    assert more is not None
    assert shape_change(less, more).new == ("zz",)
    assert shape_change(more, less).gone == ("zz",)


def test_an_answer_as_large_as_a_book_is_not_compared() -> None:
    huge: Shape = {f"k{number}": ("text",) for number in range(5000)}
    before, after = (Answer("/a", False, (200, 200), one) for one in (huge, {"x": ("text",)}))
    found = answer_checks(Answers((before,)), Answers((after,)))[0]
    assert (found.verdict, "too large" in found.explanation) == (OK, True)
    assert shape_of(b"[" * 100_000) is None
    assert shape_of(b"<html>") is None


@pytest.mark.parametrize(
    ("tag", "settings", "costs", "cached", "words"),
    [
        ("6.3.0", {}, {"10": 2}, True, ""),
        ("7.0.0", {}, {"10": 2}, False, ""),
        ("7.1.0", {"BCRYPT_ROUNDS": "10"}, {"10": 2}, False, ""),
        ("7.7.0", {}, {"12": 1}, False, ""),
        ("7.1.0", {}, {"10": 2}, False, "cost 10 and BCRYPT_ROUNDS is 12"),
        ("7.1.0", {"BCRYPT_ROUNDS": "12"}, {"10": 2, "12": 1}, False, "cost 10"),
        ("7.1.0", {"BCRYPT_ROUNDS": "10"}, {"10": 2, "12": 1}, False, "cost 12"),
        ("7.1.0", {"BCRYPT_ROUNDS": "10"}, {}, False, "unknown cost"),
        ("7.1.0", {"BCRYPT_ROUNDS": "10"}, {"10": 2}, True, "cached"),
        (None, {"BCRYPT_ROUNDS": "10"}, {"10": 2}, False, "not known"),
    ],
)
def test_no_login_is_tried_where_it_would_destroy_the_password(
    tag: str | None, settings: dict[str, str], costs: dict[str, int], cached: bool, words: str
) -> None:
    why = login_hindrance(RULES.by_tag(tag) if tag else None, settings, costs, config_cached=cached)
    assert words in why
    assert bool(why) is bool(words)


def test_a_login_that_is_not_tried_is_a_warning_and_asks_nothing(api: Api) -> None:
    found, secrets = ask_answers(
        Door(LocalHost(), api.url), ("/api/v2/a",), Login("a@b.c", "untried", "cost 10")
    )
    check = answer_checks(None, found)[0]
    assert (check.verdict, check.explanation, secrets) == (WARNING, "Not tried: cost 10.", ())
    assert {method for method, _, _ in api.said} == {"GET"}


@pytest.mark.parametrize(
    "path",
    [
        "api/v2", "//evil.example/x", "/setup", "/setup_db", "/%73etup", "/api/../setup", "/setup/x", "/a b", "/a\n", "/ü", "/a#b",
        "/api/v2/db?api_key=1", "/api/v2/db?x=1&session_token=2", "",
    ],
)  # fmt: skip
def test_a_path_that_acts_or_shows_a_secret_is_refused(path: str) -> None:
    with pytest.raises(UsageError):
        wished_answers((path,), None)


def test_wishes() -> None:
    assert wished_answers((), None) is None
    assert wished_answers(("/a", "/a", "/b"), None) == RecordAnswers(("/a", "/b"))
    alone = wished_answers((), "a@b.c")
    assert alone is not None
    assert alone.paths == ("/api/v2/system/service?fields=id,name,type,is_active",)
    for wrong in ("", "a", "a b@c", "@", "a@\n"):
        with pytest.raises(UsageError, match="no e-mail"):
            wished_answers((), wrong)


def test_the_step_comes_first_once_and_only_where_the_api_answers() -> None:
    found = facts("6.3.0", php="8.3.1")
    wish = RecordAnswers(("/a", "/b"), "ada@example.com")
    made = with_answers(with_answers(plan(found, "7.1.0"), found, wish), found, wish)
    assert (
        [step.id for step in made.steps if step.action.KIND == wish.KIND] == [made.steps[0].id] == ["answers"]
    )
    assert made.answers == wish
    assert codec.loads(Plan, codec.dumps(made)) == made
    assert with_answers(made, found, None) == plan(found, "7.1.0")
    closed = replace(found, artisan=replace(found.artisan, maintenance=True))
    with pytest.raises(UsageError, match="maintenance mode is on"):
        with_answers(made, closed, wish)


def options(*arguments: str) -> object:
    return make_parser().parse_args(["upgrade", "/opt/dreamfactory", "--to", "7.1.0", *arguments])


def test_the_command_line_names_questions() -> None:
    typed = ("--probe", "/a?b=1", "--probe", "/c", "--login-email", "ada@example.com")
    found = options(*typed)
    assert wished(found) == RecordAnswers(("/a?b=1", "/c"), "ada@example.com")  # type: ignore[arg-type]
    assert answer_arguments(found) == list(typed)  # type: ignore[arg-type]


def test_the_password_comes_from_a_private_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text("from a file\nsecond line\n")
    file.chmod(0o640)
    given = options("--login-password-file", str(file))
    with pytest.raises(UsageError, match="others may read"):
        given_password(given)  # type: ignore[arg-type]
    file.chmod(0o600)
    monkeypatch.setenv(VARIABLE, "from the environment")
    assert given_password(given) == "from a file"  # type: ignore[arg-type]
    assert VARIABLE not in os.environ
    monkeypatch.setenv(VARIABLE, "from the environment")
    assert given_password(options()) == "from the environment"  # type: ignore[arg-type]
    assert given_password(options()) is None  # type: ignore[arg-type]
    for wrong in (tmp_path, tmp_path / "none", Path("/dev/null")):
        with pytest.raises(DfwizardError):
            given_password(options("--login-password-file", str(wrong)))  # type: ignore[arg-type]


def test_the_question_is_fit_for_a_terminal() -> None:
    question = login_question("ada@example.com", "db1:/opt/dreamfactory")
    assert question.what == "Password of ada@example.com in the DreamFactory at db1:/opt/dreamfactory:"
    assert not question.echo
