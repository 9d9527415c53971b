"""Dependencies: every one is pinned with its hashes, and a known vulnerability fails the build while a missing network does not."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def pinned() -> dict[str, str]:
    """Give the pinned packages with their blocks of requirements-dev.txt, by normalised name."""
    text = (ROOT / "requirements-dev.txt").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return {re.split(r"[=\[ ;]", line)[0].lower().replace("_", "-"): line for line in lines}


def test_every_package_is_pinned_with_hashes() -> None:
    found = pinned()
    assert len(found) > 20
    for name, line in found.items():
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", line), name
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), name


def test_what_dfwizard_needs_is_among_them() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    listed = re.findall(r'^    "([A-Za-z][\w.-]*(?:\[.*\])?[<>=~!][^"]*)",$', text, re.MULTILINE)
    assert len(listed) > 10
    for line in listed:
        wanted = Requirement(line)
        block = pinned()[wanted.name.lower().replace("_", "-")]
        version = re.search(r"==([^\s;]+)", block)
        assert version is not None
        assert wanted.specifier.contains(version[1], prereleases=True), line


STAND_IN = """#!/bin/sh
for word; do :; done
{body}
"""


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("exit 0", 0, "no known vulnerability"),
        ('echo \'{"dependencies": []}\' >"$word"; exit 1', 1, "has a known vulnerability"),
        ("echo 'ERROR: could not connect' >&2; exit 1", 0, "left out: ERROR: could not connect"),
        ("exit 124", 0, "left out: no answer within 20 seconds"),
        (None, 0, "left out: pip-audit is not installed"),
    ],
)
def test_the_audit_fails_for_a_vulnerability_alone(
    body: str | None, code: int, said: str, tmp_path: Path
) -> None:
    if (ROOT / ".venv/bin/pip-audit").exists():
        pytest.skip("the real one goes before a stand-in")
    if body is not None:
        program = tmp_path / "pip-audit"
        program.write_text(STAND_IN.format(body=body))
        program.chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    done = subprocess.run(
        [ROOT / "tests/audit"], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert said in done.stdout + done.stderr
