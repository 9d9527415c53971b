"""The corpus is as large as it has to be, and every part of it is used."""

from __future__ import annotations

from pathlib import Path

from tests.hostile.corpus import ATOMS, USES, cases, texts

LEAST = 2000


def test_two_thousand_different_cases_at_least() -> None:
    assert sum(USES.values()) >= LEAST
    for use, number in USES.items():
        assert len(set(cases(use))) == number
    assert len(set(texts(LEAST))) == LEAST


def test_every_use_has_every_kind_and_a_test() -> None:
    written = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for use, number in USES.items():
        assert f'"{use}"' in written, use
        assert set(ATOMS.values()) <= set(cases(use)) or number < len(ATOMS), use
