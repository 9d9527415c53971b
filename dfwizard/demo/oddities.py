"""What can be wrong with a sandbox's installation, by the name that a scenario gives it: one function each.

A function gets the installation's directory and the parameters of the scenario's `[odd.NAME]`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dfwizard.demo.content import DATABASE
from dfwizard.demo.encryption import APP_KEY
from dfwizard.demo.packages import licence_files
from dfwizard.demo.standins.migrations import MIGRATIONS
from dfwizard.errors import DfwizardError
from dfwizard.rules import load

Parameters = Mapping[str, Any]


def _table_left_over(instance: Path, parameters: Parameters) -> None:
    """Leave the `table` of a newer release behind, without the row that says that its migration ran."""
    start = f'create table "{parameters["table"]}" '
    statements = (sql for migration in MIGRATIONS for sql in migration[3])
    connection = sqlite3.connect(instance / DATABASE)
    connection.execute(next(sql for sql in statements if sql.startswith(start)))
    connection.commit()
    connection.close()


def _app_key(instance: Path, parameters: Parameters) -> None:
    """Let `.env` have another APP_KEY, `key`, than the one that the database's values were encrypted with."""
    file = instance / ".env"
    file.write_text(file.read_text(encoding="utf-8").replace(APP_KEY, parameters["key"]), encoding="utf-8")


def _licence_files(instance: Path, parameters: Parameters) -> None:
    """Put the files of a licence for `release` over the tracked ones, and its key into `.env`."""
    release = load(None).by_tag(parameters["release"])
    for name, data in licence_files(release).items() if release else ():
        (instance / name).write_bytes(data)
    with (instance / ".env").open("a", encoding="utf-8") as file:
        file.write(f"\nDF_LICENSE_KEY={parameters['key']}\n")


def _local_files(instance: Path, parameters: Parameters) -> None:
    """Change the tracked files `changed` by a line at their end, delete the files `deleted`, write the files `untracked`."""
    for name in parameters.get("changed", ()):
        with (instance / name).open("a", encoding="utf-8") as file:
            file.write("// changed here, and nowhere written down why\n")
    for name in parameters.get("deleted", ()):
        (instance / name).unlink()
    for name in parameters.get("untracked", ()):
        (instance / name).write_text("made here by hand\n", encoding="utf-8")


ODDITIES: dict[str, Callable[[Path, Parameters], None]] = {
    "app-key": _app_key,
    "licence-files": _licence_files,
    "local-files": _local_files,
    "table-left-over": _table_left_over,
}


def make_odd(instance: Path, odd: Mapping[str, Parameters]) -> None:
    """Do to the installation what a scenario wants.

    Raises:
        DfwizardError: it names something that is not known here.
    """
    for name, parameters in odd.items():
        if name not in ODDITIES:
            raise DfwizardError(
                f"the scenario wants {name!r}, which is not known", remedy="Install dfwizard again."
            )
        ODDITIES[name](instance, parameters)
