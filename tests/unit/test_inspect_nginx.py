"""nginx's configuration as `nginx -T` prints it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfwizard.instance.nginx import Directive, Listen, listen, parse, parse_dump, servers

_NAMES = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


def _directives(children: st.SearchStrategy[Directive] | None = None) -> st.SearchStrategy[Directive]:
    plain = st.builds(Directive, _NAMES, st.lists(_WORDS, max_size=3).map(tuple))
    if children is None:
        return plain
    inside = st.lists(children, min_size=1, max_size=4).map(tuple)
    return st.builds(Directive, _NAMES, st.lists(_WORDS, max_size=2).map(tuple), inside) | plain


_TREES = st.lists(st.recursive(_directives(), _directives, max_leaves=12), max_size=5).map(tuple)
_BETWEEN = st.sampled_from([" ", "\n", "\t # a comment; with { marks }\n", " \r\n  "])


def _written(block: tuple[Directive, ...], gap: str) -> str:
    text = ""
    for one in block:
        text += gap + one.name
        for argument in one.args:
            quoted = argument.replace("\\", "\\\\").replace('"', '\\"')
            text += f'{gap}"{quoted}"'
        text += f"{gap}{{{_written(one.block, gap)}{gap}}}" if one.block else f"{gap};"
    return text + gap


@given(_TREES, _BETWEEN)
def test_what_is_written_is_read(tree: tuple[Directive, ...], gap: str) -> None:
    assert parse(_written(tree, gap)) == tree


@given(st.text(alphabet="ab {};\"'#\\$\n", max_size=200))
@settings(max_examples=500)
def test_no_text_breaks_it(text: str) -> None:
    servers(parse_dump(f"# configuration file /etc/nginx/nginx.conf:\n{text}"))


def test_a_very_deep_file_is_read_without_end_of_the_stack() -> None:
    text = "http { server { " + "location / { " * 5000 + "root /deep; " + "} " * 5000 + "} }"
    assert len(servers(Directive("main", block=parse(text)))) == 1


DEBIAN = """nginx: the configuration file /etc/nginx/nginx.conf syntax is ok
# configuration file /etc/nginx/nginx.conf:
user www-data;
http {
    include mime.types;
    upstream php { server unix:/run/php/php8.1-fpm.sock; server 127.0.0.1:9000 backup; }
    include /etc/nginx/sites-enabled/*;
}

# configuration file /etc/nginx/mime.types:
types { text/html html; }

# configuration file /etc/nginx/sites-enabled/default:
server {
    listen 80 default_server;
    listen [::]:80 default_server;
    server_name api.example.com _;
    root "/opt/dream factory/public"; # the instance
    location ~ \\.php$ { fastcgi_pass php; }
    location /files/ { root /srv/other; }
}
server { listen 443 ssl; server_name x; root /var/www; }
"""


def test_includes_are_put_in_their_place_and_upstreams_resolved() -> None:
    first, second = servers(parse_dump(DEBIAN))
    assert first.file == "/etc/nginx/sites-enabled/default"
    assert first.roots == ("/opt/dream factory/public", "/srv/other")
    assert first.listens == (Listen("127.0.0.1", 80, False), Listen("[::1]", 80, False))
    assert first.names == ("api.example.com", "_")
    assert first.passes == ("unix:/run/php/php8.1-fpm.sock", "127.0.0.1:9000")
    assert second.listens == (Listen("127.0.0.1", 443, True),)


def test_a_root_of_http_counts_where_the_server_has_none() -> None:
    (one,) = servers(Directive("main", block=parse("http { root /opt/df/public; server { } }")))
    assert one.roots == ("/opt/df/public",)
    assert one.listens == (Listen("127.0.0.1", 80, False),)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("80",), Listen("127.0.0.1", 80, False)),
        (("*:8080", "default_server"), Listen("127.0.0.1", 8080, False)),
        (("0.0.0.0:81",), Listen("127.0.0.1", 81, False)),
        (("10.0.0.5:443", "ssl", "http2"), Listen("10.0.0.5", 443, True)),
        (("[::]:8443", "ssl"), Listen("[::1]", 8443, True)),
        (("localhost",), Listen("localhost", 80, False)),
        (("unix:/run/nginx.sock",), None),
        (("99999",), None),
        (("0",), None),
    ],
)
def test_listen(args: tuple[str, ...], expected: Listen | None) -> None:
    assert listen(args) == expected
