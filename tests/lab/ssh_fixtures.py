"""pytest fixtures with an SSH server and accounts that the tests of a module share; whatever they have made is removed at the end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.accounts import Accounts, made_accounts
from tests.lab.fixtures import lab_directory
from tests.lab.sshd import Sshd, running_sshd


@pytest.fixture(scope="module")
def ssh_place() -> Iterator[Path]:
    """A directory that every account can enter."""
    directory = lab_directory()
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def accounts(ssh_place: Path) -> Iterator[Accounts]:
    """An admin with sudo, an admin whose sudo asks, and a user without."""
    with made_accounts(ssh_place / "homes") as accounts:
        yield accounts


@pytest.fixture(scope="module")
def sshd(ssh_place: Path) -> Iterator[Sshd]:
    """A server that lets root and the accounts in."""
    with running_sshd(ssh_place / "sshd") as server:
        yield server
