"""The parts of an exported script that save and put back: from the same builders that the executor runs."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from importlib.resources import files

from dfwizard.backup import commands
from dfwizard.backup.credentials import client_file, mysql_file
from dfwizard.backup.manifest import SUMS
from dfwizard.backup.subject import Subject
from dfwizard.hosts.command import Command, Pipeline, Secret
from dfwizard.reports.shell import PRIVATE, command, pipeline, print_bytes, quoted

_LIST = "tree.names"


def _has_client_file(subject: Subject) -> bool:
    return subject.driver in ("mysql", "pgsql")


def credentials(subject: Subject) -> list[str]:
    """Give the function that writes the client file from the `.env` of the tree `$1`, read by the tree's own phpdotenv.

    It runs as the owner of the tree, whose code it is; the password goes through a pipe into a 0600 file.
    """
    settings = subject.settings
    if settings is None or not _has_client_file(subject):
        return []
    target = quoted(client_file(PRIVATE, subject.driver))
    code = files("dfwizard.reports").joinpath("password.php").read_text("utf-8")
    url_key = next(
        (key for key in ("DB_URL", "DATABASE_URL") if any(n.startswith(key) for n in settings.notes)), ""
    )
    reader = Command((subject.php, "-d", "display_errors=stderr", "-r", code, "--"), user=subject.owner)
    head = b""
    if subject.driver == "mysql":
        rest = mysql_file(replace(settings, password=Secret(b"")))
        head = rest.replace(b'password=""\n', b"")
    lines = [
        "# The client file of the database: 0600, gone when this ends.",
        "credentials() {",
        "    (",
        "        umask 077",
    ]
    lines.append(f"        {print_bytes(head)} >{target}" if head else f"        : >{target}")
    lines.append(
        f'        {command(reader, me=subject.me)} "$1/vendor/autoload.php" "$1/.env" {subject.driver} "{url_key}" </dev/null >>{target}'
    )
    return [*lines, "    )", "}"]


def take(subject: Subject, directory: str) -> list[str]:
    """Give the lines that save `.env`, database and tree into the new directory."""
    parent = posixpath.dirname(directory)
    lines = [f"(umask 077; mkdir -p -- {quoted(parent)})", 'mkdir -m 0700 -- "$backup"']
    lines += ['if [ -e "$instance/.env" ]; then (umask 077; cat -- "$instance/.env" >"$backup/env"); fi']
    names = []
    if _has_client_file(subject):
        target = commands.dump_file(directory, subject.driver, subject.tools)
        work = commands.dump_database(subject, target, client_file(PRIVATE, subject.driver))
        lines += ['credentials "$instance"', *_run(work, subject, "the dump of the database")]
        names.append(posixpath.basename(target))
    elif subject.sqlite_file:
        target = commands.dump_file(directory, subject.driver, subject.tools)
        copy = target.removesuffix(subject.tools.suffix)
        lines.append(_quiet(commands.copy_sqlite(subject, copy), subject))
        lines += _run(commands.compress_file(subject, copy, target), subject, "the copy of the database")
        lines.append(_remove(copy, *commands.sqlite_companions(copy)))
        names.append(posixpath.basename(target))
    tree = commands.tree_file(directory, subject.tools)
    index = f"{directory}/{_LIST}"
    lines += _run(commands.archive_tree(subject, tree, index), subject, "the archive of the tree")
    names += [posixpath.basename(tree), _LIST]
    listed = " ".join(quoted(name) for name in names)
    lines.append('if [ -e "$backup/env" ]; then set -- env; else set --; fi')
    lines.append(f'(cd -- "$backup" && umask 077 && sha256sum -- {listed} "$@" >{SUMS})')
    return lines


def prove(subject: Subject, directory: str) -> list[str]:
    """Give the lines that read back every part of the backup: sums, the archive's names, the dump to its end."""
    lines = [
        f'(cd -- "$backup" && sha256sum --quiet -c {SUMS}) || die "the backup on disk is not what was written"'
    ]
    tree = commands.tree_file(directory, subject.tools)
    count = Pipeline(
        (*commands.list_archive(tree, "wc", "-l").commands,),
        stdin_file=tree,
        stdout_file=f"{PRIVATE}/members",
    )
    lines += ['rm -f -- "$private/members"', *_run(count, subject, "reading the archive of the tree")]
    lines.append(
        f'[ "$(cat "$private/members")" -eq "$(wc -l <{quoted(f"{directory}/{_LIST}")})" ] || die "the archive of the tree is not whole"'
    )
    if subject.driver in commands.DUMP_NAMES:
        lines += _prove_database(subject, commands.dump_file(directory, subject.driver, subject.tools))
    return [*lines, "say 'Read back whole. dfwizard itself would also restore it into a scratch database.'"]


def _prove_database(subject: Subject, dump: str) -> list[str]:
    if subject.driver == "mysql":
        end = replace(commands.read_end(dump), stdout_file=f"{PRIVATE}/end")
        return [
            'rm -f -- "$private/end"',
            *_run(end, subject, "reading the dump"),
            "grep -q -e '^-- Dump completed' \"$private/end\" || die 'the dump has no end: it is not whole'",
        ]
    if subject.driver == "pgsql":
        return _run(commands.list_dump(dump, f"{PRIVATE}/entries"), subject, "reading the dump")
    copy = f"{PRIVATE}/proof.sqlite"
    return [
        *_run(commands.unpack_file(dump, copy), subject, "reading the copy of the database"),
        _quiet(commands.check_sqlite(subject, copy), subject),
        _remove(copy),
    ]


def put_back(subject: Subject, directory: str, after: list[str]) -> list[str]:
    """Give the function `put_back`: tree by rename, database emptied and filled, then the lines of `after`."""
    tree = commands.tree_file(directory, subject.tools)
    place, name = posixpath.split(subject.path.rstrip("/"))
    restored = f"{place}/.{name}.dfwizard-restored"
    body = [
        'doing="putting $instance back"',
        f'[ -e "$backup/{SUMS}" ] || die "$backup: there is no finished backup"',
        f'(cd -- "$backup" && sha256sum --quiet -c {SUMS}) || die "$backup: the backup is damaged"',
        f"restored={quoted(restored)}",
        f'aside={quoted(f"{place}/.{name}.dfwizard-aside-")}"$(date +%Y%m%d-%H%M%S)"',
        'rm -rf -- "$restored"',
        'mkdir -m 0700 -- "$restored"',
        *_run(commands.extract_tree(subject, tree, restored), subject, "unpacking the tree"),
        *_restore_database(subject, directory, restored),
        'mv -- "$instance" "$aside"',
        'mv -- "$restored" "$instance"',
        *after,
        "doing=",
        'say "Put back. What was there lies in $aside; delete it when you no longer need it."',
    ]
    return ["put_back() {", *(f"    {line}" for line in body), "}"]


def _restore_database(subject: Subject, directory: str, restored: str) -> list[str]:
    if subject.driver not in commands.DUMP_NAMES or subject.settings is None:
        return []
    dump = commands.dump_file(directory, subject.driver, subject.tools)
    if subject.sqlite_file:
        inside = subject.sqlite_inside
        target = f"{restored}/{inside}" if inside else subject.sqlite_file
        new = f"{target}.dfwizard-new"
        live = quoted(subject.sqlite_file)
        return [
            f"rm -f -- {quoted(new)}",
            *_run(commands.unpack_file(dump, new), subject, "unpacking the database"),
            f"chown --reference={live} -- {quoted(new)}",
            f"chmod --reference={live} -- {quoted(new)}",
            _remove(*commands.sqlite_companions(target)),
            f"mv -f -- {quoted(new)} {quoted(target)}",
        ]
    file, name = client_file(PRIVATE, subject.driver), subject.settings.name
    entries = f"{PRIVATE}/restore.entries"
    lines = ['credentials "$restored"']
    if subject.driver == "pgsql":
        lines += _run(commands.list_dump(dump, entries), subject, "reading the dump")
    lines += _run(commands.empty_database(subject, file, name), subject, "emptying the database")
    return lines + _run(
        commands.import_database(subject, dump, file, name, entries), subject, "filling the database"
    )


def _run(work: Command | Pipeline, subject: Subject, what: str) -> list[str]:
    if isinstance(work, Command):
        return [f"{_quiet(work, subject)} || die {quoted(f'{what} failed')}"]
    return pipeline(work, me=subject.me, what=what)


def _quiet(work: Command, subject: Subject) -> str:
    return f"{command(work, me=subject.me)} </dev/null"


def _remove(*paths: str) -> str:
    return f"rm -f -- {' '.join(quoted(path) for path in paths)}"
