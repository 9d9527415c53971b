"""The error tree: every error says what happened, to what, and what to do next.

    DfwizardError                   exit code 1
    ├── UsageError                  2   the command line, a path or a file given by the user cannot be used
    │   └── RulesError              2   a rules file is wrong (file, line, key and reason of each problem)
    ├── BlockedError                3   a check, or another run, forbids to begin
    │   └── HeldError               3   another process holds the instance or the run
    ├── DotenvError                 1   `.env` cannot be read as Laravel reads it, or not be edited safely
    ├── HostError                   1   the host could not do what was asked
    │   ├── ConnectionLost          1   the link to a host broke, and did not come back
    │   ├── CommandNotFound         1   the program is not installed
    │   ├── CommandTimeout          1   it took longer than allowed
    │   └── CommandFailed           1   it ended with a code other than expected
    ├── BackupError                 1   a backup could not be taken, proven or restored
    ├── JournalError                1   a journal cannot be read, or was written by a newer dfwizard
    └── CodecError                  1   a JSON document does not have the expected shape

Nothing below the command line prints or exits; the command line prints `str(error)` and exits with
`error.exit_code`.
"""

from __future__ import annotations


class DfwizardError(Exception):
    """What went wrong, with the object it happened to and the next thing to do.

    `what` is a sentence; `where` names the file, host, step or key it happened to; `remedy` is what the reader
    can do now. All three are shown to people, so none may carry a secret.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n{self.remedy}" if self.remedy else text


class UsageError(DfwizardError):
    """Something that the user gave (an argument, a path, a file) cannot be used."""

    exit_code = 2


class RulesError(UsageError):
    """A rules file is wrong; `problems` holds one line for each thing to mend."""

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        remedy: str | None = None,
        problems: tuple[str, ...] = (),
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join((super().__str__(), *self.problems))


class BlockedError(DfwizardError):
    """The work must not begin: a check says no, or something is in the way. Nothing has been changed."""

    exit_code = 3


class HeldError(BlockedError):
    """Another process holds the instance or the run; the message says who, and since when."""


class DotenvError(DfwizardError):
    """`.env` cannot be read as Laravel reads it, or an edit would not read back as intended."""


class HostError(DfwizardError):
    """The host could not do what was asked of it."""


class ConnectionLost(HostError):
    """The link to a host broke in the middle of something and did not come back in time; whether that was done is not known."""


class CommandNotFound(HostError):
    """The program is not installed on the host, or not on the PATH of the user it was to run as."""


class CommandTimeout(HostError):
    """A command took longer than it may; it and its children have been stopped."""


class CommandFailed(HostError):
    """A command ended with a code other than the expected one.

    `code` is the exit code (negative: the signal that ended it), `tail` the last lines of its output.
    """

    def __init__(
        self, what: str, *, code: int, tail: str = "", where: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.code = code
        self.tail = tail

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text}\n{self.tail}" if self.tail else text


class BackupError(DfwizardError):
    """A backup could not be taken, proven or restored; the backup on disk is as it was."""


class JournalError(DfwizardError):
    """A run's journal cannot be read, or was written by a newer dfwizard."""


class CodecError(DfwizardError):
    """A JSON document does not have the expected shape; `where` is the path of the key."""
