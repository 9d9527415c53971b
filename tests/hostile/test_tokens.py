"""What git and composer log in with is known wherever they keep it, so that it can be kept out of what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dfwizard.execution.redaction import Redactor
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.tokens import stored_tokens, tokens_in_urls, tokens_of_composer

AUTH = {
    "github-oauth": {"github.com": "ghp_c4nary-1"},
    "gitlab-token": {"gitlab.example": {"username": "somebody-long", "token": "glpat-c4nary-2"}},
    "http-basic": {"repo.example": {"username": "me-of-eight", "password": "c4nary/3"}},
    "custom-headers": {"x.example": ["API-KEY: c4nary-4"]},
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("url = https://ghp_c4nary01@github.com/x.git", {"ghp_c4nary01"}),
        ("https://user:c4nary%2F%40@h/x", {"c4nary%2F%40", "c4nary/@"}),
        ("https://x-access-token:c4nary001@h", {"x-access-token", "c4nary001"}),
        ("HTTP://long-user-name:p@ss-word@h/x", {"long-user-name", "p@ss-word"}),
        ("git@github.com:dreamfactory/x.git ssh://git@github.com/x", set()),
        ("https://github.com/dreamfactory@2/x.git", set()),
        ("https://git:short@h/", set()),
    ],
)
def test_urls(text: str, found: set[str]) -> None:
    assert tokens_in_urls(text) == found


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "null", '{"a": 1}', '"short"'])
def test_what_is_no_auth_json_holds_nothing(text: str) -> None:
    assert tokens_of_composer(text) == set()


def test_every_place_is_looked_at_and_kept_out(tmp_path: Path) -> None:
    tree, home = tmp_path / "tree", tmp_path / "home"
    (tree / ".git").mkdir(parents=True)
    (home / ".composer").mkdir(parents=True)
    (tree / ".git/config").write_text('[remote "origin"]\n\turl = https://c4nary-of-git@h/x.git\n')
    (tree / "composer.json").write_text('{"repositories": [{"url": "https://u:c4nary-url@h/packages.json"}]}')
    (home / ".composer/auth.json").write_text(json.dumps(AUTH))
    found = stored_tokens(LocalHost(), str(tree), str(home), '{"bearer": {"h": "c4nary-of-bearer"}}')
    said = b" ".join((b"fatal: could not read Password for 'https://c4nary-of-git@h'", *found))
    assert len(found) == 7
    assert b"c4nary" not in Redactor(found).clean(said)
    assert stored_tokens(LocalHost(), str(tmp_path / "none"), "") == ()
