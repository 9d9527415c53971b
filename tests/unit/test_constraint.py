from __future__ import annotations

import pytest

from dfwizard.planning.constraint import ConstraintError, allows, php_minors

CASES = [
    ("^8.1", "8.1.0", True),
    ("^8.1", "8.4.24", True),
    ("^8.1", "9.0.0", False),
    ("^8.3", "8.2.36", False),
    ("8.1.*", "8.1.27", True),
    ("8.1.*", "8.2.0", False),
    ("^7.2|^7.3|^7.4", "7.4.33", True),
    ("^7.2 || ^8.0", "8.2.1", True),
    ("~8.1.0", "8.1.99", True),
    ("~8.1.0", "8.2.0", False),
    ("~8.1", "8.9.0", True),
    (">=7.4 <8.3", "8.2.36", True),
    (">=7.4, <8.3", "8.3.0", False),
    (">= 8.0.2", "8.0.1", False),
    ("8.0 - 8.2", "8.2.36", True),
    ("8.0 - 8.2", "8.3.0", False),
    ("~8.1.0 || ~8.2.0 || ~8.3.0", "8.2.36", True),
    ("!=8.2.3", "8.2.3", False),
    ("^0.3", "0.4.0", False),
    ("*", "8.2.36", True),
    ("^5.6 || >=7.0", "8.5.0", True),
]


@pytest.mark.parametrize(("constraint", "version", "expected"), CASES)
def test_reads_constraints_as_composer_does(constraint: str, version: str, expected: bool) -> None:
    assert allows(constraint, version) is expected


@pytest.mark.parametrize("constraint", ["", "what", "^", "8.1.* and more"])
def test_an_unreadable_constraint_is_an_error_not_a_yes(constraint: str) -> None:
    if not constraint:
        assert allows(constraint, "8.1")  # composer reads an absent requirement as none
        return
    with pytest.raises(ConstraintError, match="cannot be read"):
        allows(constraint, "8.1.0")


def test_the_window_is_what_all_packages_allow() -> None:
    assert php_minors(["8.1.*", "^8.0", ">=7.2"]) == ("8.1",)
    assert php_minors(["^8.3", ">=8.1"]) == ("8.3", "8.4", "8.5", "8.6")
    assert php_minors(["^8.3", "~8.3.0 || ~8.4.0"]) == ("8.3", "8.4")
    assert php_minors(["^7.2", ">=8.0.2"]) == ()
