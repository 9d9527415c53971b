"""`.env` against the real phpdotenv, and the edits and redactions that people rely on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from dfwizard.errors import DotenvError
from dfwizard.instance.dotenv import (
    ADDED_COMMENT,
    DotenvFile,
    DotenvSyntaxError,
    edit,
    laravel_value,
    parse,
    quote,
    second_opinion,
)
from dfwizard.instance.dotenv_secrets import diff, secret_values
from dfwizard.instance.secret_names import is_secret
from tests.unit.phpdotenv_oracle import PhpDotenv


@pytest.fixture(scope="module")
def php(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhpDotenv]:
    if not PhpDotenv.available():
        pytest.skip("needs php and php-vlucas-phpdotenv")
    oracle = PhpDotenv(tmp_path_factory.mktemp("phpdotenv"))
    yield oracle
    oracle.close()


def examples(count: int) -> settings:
    return settings(max_examples=count, deadline=None, suppress_health_check=[HealthCheck.too_slow])


# Text as it stands in .env files, biased to what the grammar treats specially.

NAMES = st.sampled_from(["A", "B", "FOO", "DB_PASSWORD", "x.y", "9"])
WRITTEN_NAMES = st.one_of(
    NAMES,
    st.sampled_from(
        [
            "export A",
            "export FOO",
            "export\tB.C",
            '"FOO"',
            "'B'",
            " A ",
            "\fA",
            "A\0",
            "",
            "A B",
            "é",
            '"',
            "#A",
            "# B",
            "##FOO",
        ]
    ),
)
PIECES = st.sampled_from(
    [
        *"abnrtfv019#$'\"\\= \t\f\v\0é€\ufeff\ufffd\x85\xa0}\n\r",
        *("  ", "${A}", "${B}", "${FOO}", "${", "$A", '="', '\\"', "\\\\", "\\n", "\\$", " #", "null", "\r\n"),
        "x" * 1001,
    ]
)  # fmt: skip
BODIES = st.lists(PIECES, max_size=6).map("".join)
VALUES = st.one_of(
    BODIES,
    st.builds(
        "{0}{1}{0}{2}".format,
        st.sampled_from("'\""),
        BODIES,
        st.sampled_from(["", " ", " # note", "#x", " \f", "\0"]),
    ),
    st.sampled_from(
        ["", "abc", "base64:Zm9v=", "${A}", "${A}${B}", '"${A} ${FOO}"', " a", "a ", "S3cret pa$$"]
    ),
)
LINES = st.one_of(
    st.builds(
        "{}{}{}".format, WRITTEN_NAMES, st.sampled_from(["=", "=", "=", " = ", "= ", "=\v", ""]), VALUES
    ),
    st.builds("{}={}".format, NAMES, VALUES),
    st.builds("# {}".format, VALUES),
    st.sampled_from(["", " ", '"', '#FOO="', "A"]),
)
TEXTS = st.builds(
    lambda bom, lines: (bom + "".join(lines)).encode(),
    st.sampled_from(["", "", "", "\ufeff"]),
    st.lists(st.builds("{}{}".format, LINES, st.sampled_from(["\n", "\n", "\r\n", "\r", ""])), max_size=7),
)
# Mostly readable files: a single bad line in a file hides everything else in it.
GOOD_LINES = st.one_of(
    st.builds(
        "{}{}={}{}".format,
        st.sampled_from(["", "", "export "]),
        st.sampled_from(["AA", "FOO", "DB_PASSWORD", "x.y"]),
        st.one_of(
            st.sampled_from(
                [
                    "",
                    "abc",
                    "${AA}",
                    '"two\nlines"',
                    '"a\r\nb\\n\\"c\\\\"',
                    "'it is # \"so\"'",
                    '"p\\$w ${FOO}"',
                    "a${FOO}",
                ]
            ),
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).map(quote),
        ),
        st.sampled_from(["", "", " # note", "#note", '  # x="y"', "  ", " # it's \""]),
    ),
    st.sampled_from(
        [
            "",
            "  ",
            "# a comment",
            "#FOO=default",
            "# NEW=1",
            "##DB_PASSWORD=",
            "AA",
            "FOO",
            '# x="y\nz"',
            'FOO="a" # x="y',
            "DB_PASSWORD='a' # x=\"y\"",
        ]
    ),
)
GOOD_TEXTS = st.builds(
    lambda bom, lines, end, last: (bom + end.join(lines) + (end if last else "")).encode(),
    st.sampled_from(["", "", "\ufeff"]),
    st.lists(GOOD_LINES, max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
).filter(lambda data: parse(data).unclosed_line is None)
STORABLE = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    st.lists(PIECES, max_size=8).map(lambda pieces: "".join(pieces).replace("\0", "")),
)


def agree(php: PhpDotenv, data: bytes, environment: dict[str, str] | None = None) -> None:
    theirs = php.read(data, environment)
    event("refused" if theirs.error else "read")
    if theirs.error is not None:
        with pytest.raises(DotenvSyntaxError) as caught:
            parse(data, environment)
        assert caught.value.laravel_message == theirs.error
        return
    ours = parse(data, environment)
    seen = {**(environment or {}), **ours.values}
    assert {entry.name for entry in ours.entries} == set(theirs.values)
    for name, value in theirs.values.items():
        assert seen.get(name) == value, name
        assert laravel_value(seen.get(name)) == theirs.laravel[name], name


@pytest.mark.lab
class TestAgainstPhpdotenv:
    @examples(600)
    @given(data=TEXTS)
    def test_reads_the_same_in_awkward_text(self, php: PhpDotenv, data: bytes) -> None:
        agree(php, data)

    @examples(300)
    @given(data=st.one_of(st.binary(max_size=40), st.lists(st.sampled_from(
        [b"A", b"=", b'"', b"'", b"\\", b"#", b"\n", b"\r", b" ", b"\xe2\x82", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80", b"$", b"{A}"]
    ), max_size=25).map(b"".join)))  # fmt: skip
    def test_reads_the_same_in_raw_bytes(self, php: PhpDotenv, data: bytes) -> None:
        agree(php, data)

    @examples(200)
    @given(
        data=GOOD_TEXTS,
        environment=st.dictionaries(
            st.sampled_from(["FOO", "AA", "x.y", "OTHER"]), st.sampled_from(["", "outer", "true"])
        ),
    )
    def test_reads_the_same_inside_an_environment(
        self, php: PhpDotenv, data: bytes, environment: dict[str, str]
    ) -> None:
        agree(php, data, environment)

    @examples(150)
    @given(raw=st.one_of(
        st.sampled_from(["true", "(TRUE)", "False", "(false)", "Empty", "(empty)", "NULL", "(null)", "((null))", "'x'", '"a\'', "'", "''"]),
        st.text(st.sampled_from("'\"()nul\nK"), max_size=8),
    ))  # fmt: skip
    def test_env_maps_words_the_same(self, php: PhpDotenv, raw: str) -> None:
        assert laravel_value(raw) == php.read(f"KEY={quote(raw)}".encode()).laravel["KEY"]

    @examples(500)
    @given(value=STORABLE)
    def test_a_quoted_value_is_read_back_exactly(self, php: PhpDotenv, value: str) -> None:
        data = f"BEFORE=1\nKEY={quote(value)}\nAFTER=2\n".encode()
        assert php.read(data).values == {"BEFORE": "1", "KEY": value, "AFTER": "2"}
        assert parse(data).values["KEY"] == value
        assert "\n" not in quote(value)

    @examples(500)
    @given(
        data=GOOD_TEXTS,
        changes=st.dictionaries(
            st.sampled_from(["AA", "FOO", "DB_PASSWORD", "NEW", "NEWER", "x.y"]),
            st.none() | STORABLE,
            max_size=4,
        ),
    )
    def test_an_edit_reads_as_intended_and_leaves_the_rest(
        self, php: PhpDotenv, data: bytes, changes: dict[str, str | None]
    ) -> None:
        before = php.read(data)
        assert before.error is None
        result = edit(data, changes)
        after = php.read(result)
        assert after.error is None
        for key, value in changes.items():
            assert after.values.get(key) == value
            assert value is not None or key not in after.values
        if b"${" not in data:
            untouched = set(before.values) - set(changes)
            assert {key: after.values[key] for key in untouched} == {
                key: before.values[key] for key in untouched
            }
        assert untouched_lines(data, changes) == untouched_lines(result, changes)
        kept = {key for key, value in changes.items() if value is not None and key in before.values}
        assert surroundings(parse(data), kept) == surroundings(parse(result), kept)
        assert edit(result, changes) == result
        assert result.startswith(b"\xef\xbb\xbf") == data.startswith(b"\xef\xbb\xbf")
        if None not in changes.values() and data.removeprefix(b"\xef\xbb\xbf"):
            assert result.endswith(b"\n") == data.endswith(b"\n")

    @examples(300)
    @given(data=TEXTS, changes=st.dictionaries(NAMES, st.none() | STORABLE, min_size=1, max_size=2))
    def test_an_edit_of_awkward_text_is_right_or_refused(
        self, php: PhpDotenv, data: bytes, changes: dict[str, str | None]
    ) -> None:
        try:
            result = edit(data, changes)
        except DotenvSyntaxError:
            event("unreadable")
            return
        except DotenvError:
            event("refused")
            file = parse(data)
            # A quote that opens in the wrong place ties lines together (and a NUL is no space inside a line):
            # an edit may then have nowhere to go.
            tied = file.unclosed_line is not None or any(e.last_line > e.line for e in file.entries)
            assert tied or b"\0" in data
            return
        event("edited")
        after = php.read(result)
        assert {key: after.values.get(key) for key in changes} == changes


def untouched_lines(data: bytes, changes: dict[str, str | None]) -> list[bytes]:
    """The lines that are neither part of a changed key nor dfwizard's comment."""
    touched: set[int] = set()
    for entry in parse(data).entries:
        if entry.name in changes:
            touched.update(range(entry.line, entry.last_line + 1))
    lines = [
        line
        for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), 1)
        if number not in touched
    ]
    return [line for line in lines if line != ADDED_COMMENT.encode()]


def surroundings(file: DotenvFile, keys: set[str]) -> list[tuple[bytes, bytes]]:
    """What stands before and after the written value of these keys (`export`, inline comment)."""
    parts = []
    for entry in file.entries:
        if entry.name in keys:
            head = file.data[entry.span[0] : entry.value_span[0]].rstrip(b"=")
            parts.append((head, file.data[entry.value_span[1] : entry.span[1]].strip()))
    return parts


AWKWARD = [
    ("A=abc#123", "abc"),
    ("A=abc #123", "abc"),
    ("A='abc #123' # note", "abc #123"),
    ("A=", ""),
    ("A=''", ""),
    ("A=   # only a note", ""),
    ("A= spaced ", "spaced"),
    (" A = spaced ", "spaced"),
    ("export\tAB = 1\nA=${AB}", "1"),
    ('"A"=1', "1"),
    ("A=a=b==", "a=b=="),
    ("A=it's", "it's"),
    (r'A="p\$w \"q\" \\"', 'p$w "q" \\'),
    (r"A='a\nb'", r"a\nb"),
    (r'A="a\nb"', "a\nb"),
    ('A="two\r\nlines"', "two\nlines"),
    ("A=1\nA=2", "2"),
    ("A=1\nA", None),
    ("B=x\nA=${B}/${C}", "x/${C}"),
    ("B=x\nA='${B}'", "${B}"),
    ("A=${B}\nB=x", "${B}"),
    ("B=long\nC=z\nA=${B}-${C}", "long-z"),
    ("B=}\nA=${B${B}", "}"),
    ("B=1\nB\nA=${B}", "${B}"),
    ("B=1\nA=${B}\nB=2", "1"),
    ("\ufeffA=1\r\n", "1"),
    ("# A=2\nA=1\r# A=3", "1"),
    ('B="never closed\nA=1', None),
    ('# B="never closed\nA=1', None),
]


@pytest.mark.parametrize(("text", "value"), AWKWARD)
def test_awkward_lines(text: str, value: str | None) -> None:
    assert parse(text).values.get("A") == value


@pytest.mark.lab
@pytest.mark.parametrize(("text", "value"), AWKWARD)
def test_awkward_lines_in_php(php: PhpDotenv, text: str, value: str | None) -> None:
    assert php.read(text.encode()).values.get("A") == value


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("A=1\n\nDB_PASSWORD=S3cret pa$$\n", 3, "Encountered unexpected whitespace at [S3cret pa$$]."),
        ("A='it\\'s'", 1, "Encountered unexpected whitespace at ['it\\'s']."),
        ('A="a\\b"', 1, 'Encountered an unexpected escape sequence at ["a\\b"].'),
        ("A='open", 1, "Encountered a missing closing quote at ['open]."),
        ("=1", 1, "Encountered an unexpected equals at [=1]."),
        ("A B=1", 1, "Encountered an invalid name at [A B]."),
        ("export A=1", 1, "Encountered an invalid name at [export A]."),
    ],
)
def test_refusals_are_phpdotenvs_own(text: str, line: int, message: str) -> None:
    with pytest.raises(DotenvSyntaxError) as caught:
        parse(text)
    assert caught.value.laravel_message == f"Failed to parse dotenv file. {message}"
    assert caught.value.line == line
    assert f".env line {line}" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["DB_PASSWORD=S3cret pa$$", "x\nMIIEpAIB+S3cret/=\n", "DB_URL=mysql://u:S3cret pa@h/d"]
)
def test_a_refusal_does_not_show_secrets(text: str) -> None:
    with pytest.raises(DotenvSyntaxError) as caught:
        parse(text)
    assert "S3cret" not in str(caught.value)


def test_a_refusal_shows_what_is_not_secret() -> None:
    with pytest.raises(DotenvSyntaxError, match=r"at \[My App\\x1b\]"):
        parse("APP_NAME=My App\x1b")


def test_entries_say_where_they_stand() -> None:
    data = b'\xef\xbb\xbf# top\r\nexport FOO = "a\r\nBAR="x\r\ny" # n\r\nBAZ\r\n'
    with pytest.raises(DotenvSyntaxError):
        parse(data)
    file = parse(data.replace(b'"a', b"a"))
    foo, bar, baz = file.entries
    assert [(entry.name, entry.line, entry.last_line) for entry in file.entries] == [
        ("FOO", 2, 2),
        ("BAR", 3, 4),
        ("BAZ", 5, 5),
    ]
    assert file.data[slice(*foo.span)] == b"export FOO = a"
    assert file.data[slice(*bar.value_span)] == b'"x\r\ny"'
    assert (foo.quote, bar.quote, bar.value, baz.value) == ("", '"', "x\ny", None)


def test_an_unclosed_quote_is_reported() -> None:
    assert parse('A=1\nB="open\nC=3\n').unclosed_line == 2
    assert parse('A=1\nB="closed"\n').unclosed_line is None


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        (b"A=1 # why\nB=2\n", {"A": "x y"}, b"A='x y' # why\nB=2\n"),
        (b"A=1#why\n", {"A": "2"}, b"A=2 #why\n"),
        (b"A=#why\n", {"A": "2"}, b"A=2 #why\n"),
        (b'export AA = "1"\r\nB=2', {"AA": 'it"s'}, b'export AA = "it\\"s"\r\nB=2'),
        (b"A=1\nA=2\n", {"A": "3"}, b"A=3\nA=3\n"),
        (b"A=1\nA\n", {"A": "3"}, b"A=3\nA=3\n"),
        (b"A=1\nB=2\nA=3", {"A": None}, b"B=2"),
        (b'A="x\ny" # z\nB=2\n', {"A": "1"}, b'A="1" # z\nB=2\n'),
        (
            b"#CACHE_STORE=file\r\nB=2\r\n",
            {"CACHE_STORE": "redis"},
            b"#CACHE_STORE=file\r\nCACHE_STORE=redis\r\nB=2\r\n",
        ),
        (
            b"B=2\n##  CACHE_STORE = file",
            {"CACHE_STORE": "redis"},
            b"B=2\n##  CACHE_STORE = file\nCACHE_STORE=redis",
        ),
        (b"B=2", {"C": "3", "D": "\n"}, b'B=2\n# Added by dfwizard\nC=3\nD="\\n"'),
        (b"B=2\n# Added by dfwizard\nC=3\n", {"D": ""}, b"B=2\n# Added by dfwizard\nC=3\nD=''\n"),
        (b"", {"A": "1"}, b"# Added by dfwizard\nA=1\n"),
        (b"\xef\xbb\xbf", {"A": "1"}, b"\xef\xbb\xbf# Added by dfwizard\nA=1\n"),
        (b"A=caf\xe9 # caf\xe9\nB=\xff\n", {"A": "1"}, b"A=1 # caf\xe9\nB=\xff\n"),
        (b"A=${B}\n", {"A": "${B}"}, b"A=${B}\n"),
        (b"A=\nA=a${A}\n", {"A": "a"}, b"A=a\nA=a\n"),
        (b"\xef\xbb\xbf\nA=", {"A": None}, b"\xef\xbb\xbf\n"),
        (b"B=1\nA=${B}\n", {"A": "${B}"}, b"B=1\nA='${B}'\n"),
        (b"A=1\n", {"NOT_THERE": None}, b"A=1\n"),
    ],
)
def test_edits(before: bytes, changes: dict[str, str | None], after: bytes) -> None:
    assert edit(before, changes) == after


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        (b"A=1\n", {"A B": "1"}),
        (b"A=1\n", {"": "1"}),
        (b"A=1\n", {"A\nB": None}),
        (b"A=1\n", {"\udcff": "1"}),
        (b"A=1\n", {"A": "nul\0"}),
        (b"A=1\n", {"A": "\udcff'"}),
        (b'A="open\n', {"B": "1"}),
        (b"A=a b\n", {"B": "1"}),
        (b'A= # x="y\nB="two\nlines"\n', {"A": "1"}),
    ],
)
def test_edits_that_are_refused(data: bytes, changes: dict[str, str | None]) -> None:
    with pytest.raises(DotenvError):
        edit(data, changes)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("base64:ab+/=", "base64:ab+/="),
        ("", "''"),
        ("a b", "'a b'"),
        ('pa$$#"', "'pa$$#\"'"),
        ("it's ${A}", '"it\'s \\${A}"'),
        ('x="y', '"x=\\"y"'),
        ("back\\slash", '"back\\\\slash"'),
        ("a\r\nb", '"a\\r\\nb"'),
    ],
)
def test_quotes(value: str, written: str) -> None:
    assert quote(value) == written


@pytest.mark.parametrize(
    "key",
    [
        "APP_KEY",
        "APP_PREVIOUS_KEYS",
        "DB_PASSWORD",
        "db_pass",
        "JWT_SECRET",
        "DF_LICENSE_KEY",
        "AWS_ACCESS_KEY_ID",
        "KEY2",
        "SQS_SECRET",
        "SENTRY_LARAVEL_DSN",
        "LOG_SLACK_WEBHOOK_URL",
        "GITHUB_TOKEN",
        "MYSQLPASSWORD",
    ],
)
def test_secret_keys(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize(
    "key",
    [
        "APP_NAME",
        "DB_HOST",
        "MONKEY",
        "APP_URL",
        "DF_JWT_TTL",
        "KEYBOARD",
        "PASSWORD_TIMEOUT",
        "BCRYPT_ROUNDS",
        "BYPASS",
    ],
)
def test_keys_that_are_not_secret(key: str) -> None:
    assert not is_secret(key)


def test_secret_values() -> None:
    file = parse(
        "APP_KEY=base64:abcdef=\nDB_PASSWORD=null\nA_KEY=abc\nJWT_SECRET=\"'wrapped'\"\nAPP_NAME=visible\n"
        "DB_URL=mysql://user:p%40ss@host/db\nREDIS_URL=redis://:pa@ss@host\nDB_PASSWORD=later\nPASS_KEY=${APP_NAME}\n"
        'TLS_KEY="-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\n-----END KEY-----"\n'
    )
    found = secret_values(file)
    assert {"base64:abcdef=", "abcdef=", "'wrapped'", "wrapped", "p%40ss", "p@ss", "pa@ss", "later"} < found
    assert {"visible", "${APP_NAME}", "MIIEpAIBAAKCAQEA"} < found
    assert not {"null", "abc", "", "host", "user"} & found


def test_diff_hides_secrets_and_shows_the_rest() -> None:
    before = (
        b"APP_NAME=one\nAPP_KEY=base64:first1\n#OLD_PASSWORD=second2\nMINE=third3\nURL=x://u:four4@h\n# x://u:five5@h\n"
        b'DB_PASSWORD=a#sixth6\nTLS_KEY="seven7\nA=eight8\n"\nCOPY="nine\\$9"\nX_KEY="nine\\$9"\n# once third3 and first1\n'
    )
    after = (
        before.replace(b"one\n", b"two\x1b\n").replace(b"64:first1", b"64:tenth10")
        + b"QUEUE_CONNECTION=sync\n"
    )
    shown = diff(before, after, {"MINE"}) + diff(b"", before, {"MINE"})
    secrets = "first1 second2 third3 four4 five5 sixth6 seven7 eight8 nine tenth10"
    assert [secret for secret in secrets.split() if secret in shown] == []
    assert "-APP_NAME=one\n-APP_KEY=***\n+APP_NAME=two\\x1b\n+APP_KEY=***\n" in shown
    assert "+QUEUE_CONNECTION=sync" in shown
    assert "+# once *** and ***" in shown
    assert diff(before, before) == ""


@pytest.mark.parametrize(
    "unread", [b"A=x y\nAPP_NAME=S3cret\nS3cret=\n\n# S3cret\n", b'A="S3cret\nS3cret/=\n']
)
def test_diff_masks_what_laravel_does_not_read(unread: bytes) -> None:
    shown = diff(unread, unread + b"B=1\n")
    assert "S3cret" not in shown
    assert "+B=***" in shown


@given(data=GOOD_TEXTS, secret=st.text("abcXYZ019$#'\"\\ é", min_size=4, max_size=12))
@settings(max_examples=100, deadline=None)
def test_diff_never_shows_a_secret(data: bytes, secret: str) -> None:
    secret = f"<{secret}>"
    before = edit(data, {"DB_PASSWORD": secret})
    after = edit(before, {"FOO": "1", "DB_PASSWORD": f"{secret}2", "COPY": secret})
    assert secret not in diff(before, after)
    assert secret in secret_values(parse(before))


def test_second_opinion_names_what_python_dotenv_reads_differently() -> None:
    text = (
        "SAME=1\nQUOTED='a b'\nREF=${SAME}\nHASH=abc#123\nESCAPE=\"p\\$w\"\nLITERAL='${SAME}'\nUNKNOWN=${HOME}\n"
        'BARE\nMULTI="two\r\nlines"\nOPEN="never closed\nLOST=1\n'
    )
    assert second_opinion(text) == ["ESCAPE", "HASH", "LITERAL", "LOST", "UNKNOWN"]
