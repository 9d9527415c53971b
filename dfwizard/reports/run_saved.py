"""The report of a run, written to a file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dfwizard.errors import UsageError
from dfwizard.execution import durable
from dfwizard.execution.store import Run
from dfwizard.reports.run_markdown import run_markdown
from dfwizard.reports.run_report import make_report

_BEGINNING = b"# Report of the "


def save_report(run: Run, path: str) -> str:
    """Write the report of `run` as Markdown to `path` (`~` understood), mode 0600, and give the file's full path.

    A directory takes `report-RUN.md`. Only an earlier report is replaced.

    Raises:
        UsageError: something else is there, or it cannot be written.
        DfwizardError: the run cannot be read.
    """
    text = run_markdown(make_report(run)).encode("utf-8", "replace")
    target = Path(path)
    with suppress(RuntimeError):  # no such account: the name is taken as it stands
        target = target.expanduser()
    try:
        if target.is_dir():
            target /= f"report-{run.id}.md"
        if target.is_symlink() or (target.exists() and not _is_report(target)):
            raise UsageError(
                "something else than a report is there", where=str(target), remedy="Give another file name."
            )
        durable.write_file(target.absolute(), text)
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "no file can have such a name"
        raise UsageError(
            f"the report cannot be written: {why}", where=str(target), remedy="Give another file name."
        ) from None
    return str(target.absolute())


def _is_report(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_BEGINNING)) == _BEGINNING
