"""The guide's "Migration Verification" as comparisons: its five points, table by table and row by row.

What differs is explained by what the target's migrations and seeders are known to do (rules: tables.toml), or it is flagged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dfwizard.instance.dotenv import printable
from dfwizard.rules import Explained, Release, Rules
from dfwizard.rules.model import Point, parse_version
from dfwizard.verification.picture import (
    WIDTH,
    Credential,
    MigrationPicture,
    Opened,
    TablePicture,
    take_picture,
)
from dfwizard.verification.result import Check, Verdict, Verification

__all__ = [
    "Credential",
    "MigrationPicture",
    "Opened",
    "TablePicture",
    "compare_migration",
    "take_picture",
]

MOST = 8
"""How many rows are named before the rest is counted."""

_PASSWORDS = ("user", "password")
_RANK = (Verdict.OK, Verdict.EXPECTED, Verdict.WARNING, Verdict.FAILED)


@dataclass(frozen=True)
class _Rows:
    """What differs between one table's rows: keys of rows that are gone and new; of changed ones the columns that differ."""

    lost: tuple[str, ...]
    new: tuple[str, ...]
    changed: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class _Comparison:
    before: MigrationPicture
    after: MigrationPicture
    explained: tuple[Explained, ...]
    new_rows: Mapping[str, frozenset[str]]


def compare_migration(
    before: MigrationPicture,
    after: MigrationPicture,
    *,
    source_release: Release,
    target_release: Release,
    rules: Rules,
) -> Verification:
    """Compare the source's picture with the target's: for each of the guide's points one check, and one for each table that differs.

    Ids are the point's (`accounts`, `apis`, `scripts`, `connections`, `settings`; `rest` for all other tables), with the table after a
    colon (`accounts:user`), and `credentials`.
    """
    start, end = parse_version(source_release.behaves_as), parse_version(target_release.behaves_as)
    explained = tuple(
        item for item in rules.tables.explained if not item.since or start < parse_version(item.since) <= end
    )
    new_rows = {
        name: frozenset(table.named) - frozenset(before.tables[name].named or ())
        for name, table in after.tables.items()
        if table.named is not None and name in before.tables
    }
    comparison = _Comparison(before, after, explained, new_rows)
    rest = Point("rest", "All other tables", "", ())
    checks: list[Check] = []
    for point in (*rules.tables.points, rest):
        wanted = "" if point is rest else point.id
        names = sorted(
            name for name in {*before.tables, *after.tables} if rules.tables.point_of(name) == wanted
        )
        checks += _point(comparison, point, names)
        if point.id == "connections":
            checks.append(_credentials(before, after))
    return Verification(target_release.tag, True, tuple(checks))


def _point(comparison: _Comparison, point: Point, names: list[str]) -> Iterator[Check]:
    before, after = comparison.before.tables, comparison.after.tables
    found = [check for name in names if (check := _table(comparison, point.id, name)) is not None]
    verdict = max((check.verdict for check in found), key=_RANK.index, default=Verdict.OK)
    new = [name for name in names if name not in before]
    said = [f"{len(found)} of {len(names)} tables differ."] if found else []
    said += [f"New tables: {', '.join(new)}."] if new else []
    yield Check(point.id, point.title, _size(before, names), _size(after, names), verdict, " ".join(said))
    yield from found


def _size(tables: Mapping[str, TablePicture], names: list[str]) -> str:
    present = [tables[name] for name in names if name in tables]
    return f"{len(present)} tables, {sum(table.rows for table in present)} rows"


def _table(comparison: _Comparison, point: str, name: str) -> Check | None:
    """Compare one table; None when it is the same, or new and empty."""
    identity = f"{point}:{name}"
    before, after = comparison.before.tables.get(name), comparison.after.tables.get(name)
    if after is None:
        assert before is not None
        why = "The table is gone."
        return Check(identity, name, f"{before.rows} rows", "no table", Verdict.FAILED, why)
    if before is None:
        why = "The release brought this table and filled it."
        made = Check(identity, name, "no table", f"{after.rows} rows", Verdict.EXPECTED, why)
        return made if after.rows else None
    if before.digest is None or after.digest is None:
        return None
    sizes = (f"{before.rows} rows", f"{after.rows} rows")
    if before.named is None or after.named is None:
        return _whole(identity, name, before, after, sizes)
    rows = _differences(before, after)
    gone = [column for column in before.columns if column not in after.columns]
    notes = [
        *_lost(rows, before),
        *_changed(comparison, name, rows, after),
        *_new(comparison, name, rows, after),
    ]
    if gone:
        notes.append((Verdict.WARNING, f"Columns are gone: {', '.join(gone)}."))
    if not notes:
        return None
    verdict = max((verdict for verdict, _ in notes), key=_RANK.index)
    return Check(identity, name, *sizes, verdict, " ".join(words for _, words in notes))


def _whole(
    identity: str, name: str, before: TablePicture, after: TablePicture, sizes: tuple[str, str]
) -> Check | None:
    """Compare a table that is not looked at row by row: by one digest, which holds while its columns are the same."""
    if after.rows < before.rows:
        why = f"{before.rows - after.rows} rows are missing."
        return Check(identity, name, *sizes, Verdict.FAILED, why)
    if after.rows > before.rows:
        why = f"There are {after.rows - before.rows} rows more."
        return Check(identity, name, *sizes, Verdict.WARNING, why)
    if before.columns == after.columns:
        if before.digest == after.digest:
            return None
        return Check(identity, name, *sizes, Verdict.WARNING, "Values differ.")
    if not before.rows:
        return None
    why = "Its columns are others; its rows were counted only."
    return Check(identity, name, *sizes, Verdict.EXPECTED, why)


def _differences(before: TablePicture, after: TablePicture) -> _Rows:
    """Compare the rows by key, over the columns that both pictures have."""
    old, new = before.named or {}, after.named or {}
    places = [
        (column, place, after.columns.index(column))
        for place, column in enumerate(before.columns)
        if column in after.columns
    ]
    changed = {}
    for key in old.keys() & new.keys():
        one, other = old[key][1], new[key][1]
        if one == other and before.columns == after.columns:
            continue
        columns = tuple(
            column for column, place, there in places if _digest(one, place) != _digest(other, there)
        )
        if columns:
            changed[key] = columns
    return _Rows(
        lost=tuple(sorted(old.keys() - new.keys())),
        new=tuple(sorted(new.keys() - old.keys())),
        changed=dict(sorted(changed.items())),
    )


def _digest(digests: str, place: int) -> str:
    return digests[place * WIDTH : (place + 1) * WIDTH]


def _lost(rows: _Rows, before: TablePicture) -> Iterator[tuple[Verdict, str]]:
    if rows.lost:
        yield Verdict.FAILED, f"Lost: {_called(before, rows.lost)}."


def _changed(
    comparison: _Comparison, name: str, rows: _Rows, after: TablePicture
) -> Iterator[tuple[Verdict, str]]:
    reasons: dict[str, list[str]] = {}
    unknown: dict[tuple[str, ...], list[str]] = {}
    passwords = []
    for key, columns in rows.changed.items():
        if name == _PASSWORDS[0] and _PASSWORDS[1] in columns:
            passwords.append(key)
        why, left = _explain(comparison, name, _label(after, key), columns)
        if why:
            reasons.setdefault(why, []).append(key)
        if left:
            unknown.setdefault(left, []).append(key)
    for why, keys in reasons.items():
        yield Verdict.EXPECTED, f"Changed: {_called(after, keys)}. {why}"
    for columns, keys in unknown.items():
        yield (
            Verdict.WARNING,
            f"Changed without a known reason: {_called(after, keys)} ({', '.join(columns)}).",
        )
    if passwords:
        yield Verdict.FAILED, f"Another password hash: {_called(after, passwords)}."


def _explain(
    comparison: _Comparison, name: str, label: str, columns: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """Give the reason for a changed row, and the columns that no reason explains."""
    why = ""
    left = columns
    for item in comparison.explained:
        if item.kind != "changed" or not _is_about(item, name, label):
            continue
        open_ = tuple(column for column in left if not _among(column, item.columns))
        if open_ != left:
            why, left = item.reason, open_
    return why, left


def _new(
    comparison: _Comparison, name: str, rows: _Rows, after: TablePicture
) -> Iterator[tuple[Verdict, str]]:
    reasons: dict[str, list[str]] = {}
    unknown = []
    for key in rows.new:
        label = _label(after, key)
        why = next(
            (
                item.reason
                for item in comparison.explained
                if item.kind == "new"
                and _is_about(item, name, label)
                and (not item.follows or key in comparison.new_rows.get(item.follows, ()))
            ),
            None,
        )
        if why is None:
            unknown.append(key)
        else:
            reasons.setdefault(why, []).append(key)
    for why, keys in reasons.items():
        yield Verdict.EXPECTED, f"New: {_called(after, keys)}. {why}"
    if unknown:
        yield Verdict.WARNING, f"New without a known reason: {_called(after, unknown)}."


def _is_about(item: Explained, name: str, label: str) -> bool:
    return fnmatchcase(name, item.table) and _among(label, item.rows)


def _among(text: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(text, pattern) for pattern in patterns)


def _label(table: TablePicture, key: str) -> str:
    return printable((table.named or {})[key][0])


def _called(table: TablePicture, keys: Collection[str]) -> str:
    names = [_label(table, key) for key in keys]
    shown = ", ".join(names[:MOST])
    return f"{shown} and {len(names) - MOST} more" if len(names) > MOST else shown


def _credentials(before: MigrationPicture, after: MigrationPicture) -> Check:
    """Every stored credential is opened by the key in force on the target, or was opened by none on the source either."""
    identity, title = "credentials", "Stored credentials and APP_KEY"
    was, now = (_proofs(picture.credentials) for picture in (before, after))
    if not after.credentials:
        if before.credentials:
            why = "There were encrypted values before; none is found now."
            return Check(identity, title, was, now, Verdict.FAILED, why)
        return Check(identity, title, was, now, Verdict.OK, "Nothing is encrypted.")
    closed = {(item.table, item.column, item.row) for item in before.credentials if item.state == "wrong"}
    wrong = [item for item in after.credentials if item.state == "wrong"]
    new = [item for item in wrong if (item.table, item.column, item.row) not in closed]
    if new:
        why = f"APP_KEY does not open {_places(new)}."
        if before.key != after.key:
            why += " It is not the key that they were stored with: set APP_KEY to that of the .env that they come from."
        return Check(identity, title, was, now, Verdict.FAILED, why)
    if len(after.credentials) < len(before.credentials):
        why = "There are fewer encrypted values than before."
        return Check(identity, title, was, now, Verdict.WARNING, why)
    if wrong:
        why = f"Unreadable, as before: {_places(wrong)}."
        return Check(identity, title, was, now, Verdict.WARNING, why)
    if all(item.state == "no-mac" for item in after.credentials):
        why = "They are encrypted with a GCM cipher, which has no MAC to prove the key by."
        return Check(identity, title, was, now, Verdict.WARNING, why)
    return Check(identity, title, was, now, Verdict.OK)


def _proofs(credentials: tuple[Credential, ...]) -> str:
    states = Counter(item.state for item in credentials)
    said = f"{states['proven']} of {len(credentials)} opened"
    return f"{said}, {states['no-mac']} without a MAC" if states["no-mac"] else said


def _places(credentials: list[Credential]) -> str:
    names = [f"{item.table}.{item.column} of {item.row}" for item in credentials]
    shown = ", ".join(names[:MOST])
    return f"{shown} and {len(names) - MOST} more" if len(names) > MOST else shown
