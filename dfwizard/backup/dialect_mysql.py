"""What MySQL 5.6 to 9 and MariaDB 10 to 12 do not understand of each other's dumps, and the edits that remedy it.

Every edit is bound to the exact shape of a line that mysqldump or mariadb-dump writes; lines that begin a row (INSERT, REPLACE
or `(`) are never looked at, for both programs write line ends inside values as `\\n`.
Sources: the manuals' lists of removed features and of differences; dumps of the real programs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dfwizard.backup.oddities import DumpOddity, Judged, TargetServer, harmless, listed, refused, remedied

ROWS = r"/^(INSERT|REPLACE|\()/b"
"""sed: a line with rows goes through as it is."""

CODE = r"/^DELIMITER ;;$/,/^DELIMITER ;$/"
"""sed: triggers, routines and events."""

_NAME = "`([^`]|``)*`"
_ACCOUNT = f"{_NAME}(@{_NAME})?"  # three groups
_TYPE = r"[a-z]+(\(([0-9, ]+|('([^']|'')*',?)+)\))?( unsigned| zerofill)*"  # five groups
_OLD_MODES = frozenset(
    [
        "DB2",
        "MAXDB",
        "MSSQL",
        "MYSQL323",
        "MYSQL40",
        "ORACLE",
        "POSTGRESQL",
        "NO_FIELD_OPTIONS",
        "NO_KEY_OPTIONS",
        "NO_TABLE_OPTIONS",
        "NO_AUTO_CREATE_USER",
    ]
)
"""Modes that MySQL 8 has no more ("SQL Mode Changes" of its manual)."""

_MARIADB_MODES = frozenset(
    ["IGNORE_BAD_TABLE_OPTIONS", "EMPTY_STRING_IS_NULL", "SIMULTANEOUS_ASSIGNMENT", "TIME_ROUND_FRACTIONAL"]
)
_MYSQL_MODES = frozenset({"TIME_TRUNCATE_FRACTIONAL"})
_CONVERTIBLE = frozenset({"MyISAM", "Aria", "TokuDB", "ROCKSDB", "XtraDB"})
"""Engines whose tables hold the same rows in InnoDB."""

_TYPES: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "uuid": {"mariadb": (10, 7)},
    "inet4": {"mariadb": (10, 10)},
    "inet6": {"mariadb": (10, 5)},
    "vector": {"mariadb": (11, 7), "mysql": (9, 0)},
}


def judge_mysql(oddities: tuple[DumpOddity, ...], target: TargetServer) -> tuple[Judged, ...]:
    """Say what becomes of each oddity of a dump that is for `target`."""
    found = {oddity.kind: oddity for oddity in oddities}
    judged = [_JUDGES[oddity.kind](oddity, target, found) for oddity in oddities if oddity.kind in _JUDGES]
    if "program" not in found:
        unknown = DumpOddity("program")
        words = "It was not made by mysqldump or mariadb-dump: what its lines mean is not known. Make another dump with one of these."
        judged.insert(0, refused(unknown, words))
    return tuple(judged)


Found = Mapping[str, DumpOddity]


def _product(found: Found) -> str:
    """Tell which product the dump is of, by the server's version."""
    server = found["server"].names[0] if "server" in found else ""
    program = found["program"].names[0] if "program" in found else ""
    return "mariadb" if "mariadb" in f"{server} {program}".lower() else "mysql"


def _sandbox(oddity: DumpOddity, _target: TargetServer, _found: Found) -> Judged:
    words = "The first line, which older clients and MySQL's refuse, is left out; dfwizard's client takes no commands out of a dump."
    return remedied(oddity, words, "1{", r"/^\/\*M?!999999\\- enable the sandbox mode \*\/ *$/d", "}")


def _use(oddity: DumpOddity, _target: TargetServer, _found: Found) -> Judged:
    if len(oddity.names) > 1:
        return refused(
            oddity, f"It holds several databases ({listed(oddity.names)}). Dump the system database alone."
        )
    words = f"It names the database it is of ({listed(oddity.names)}); the line is left out, so that it fills the target's."
    return remedied(oddity, words, rf"/^(USE|use) ({_NAME}|[A-Za-z0-9_$-]+);$/d")


def _create_database(oddity: DumpOddity, _target: TargetServer, _found: Found) -> Judged:
    return remedied(oddity, "The statement that creates a database is left out.", r"/^CREATE DATABASE .*;$/d")


def _drop_database(oddity: DumpOddity, _target: TargetServer, _found: Found) -> Judged:
    words = "The statement that drops a database is left out."
    return remedied(oddity, words, r"/^\/\*!40000 DROP DATABASE .*\*\/;$/d")


def _alter_database(oddity: DumpOddity, _target: TargetServer, _found: Found) -> Judged:
    words = "Statements that change the source's database by its name are left out."
    return remedied(
        oddity, words, rf"/^ALTER DATABASE {_NAME} CHARACTER SET [a-z0-9]+ COLLATE [a-z0-9_]+ ;$/d"
    )


def _gtid(oddity: DumpOddity, _target: TargetServer, _found: Found) -> Judged:
    words = "The source's replication state (GTID_PURGED) is left out: the target has its own."
    edits = (r"/^SET @@GLOBAL\.GTID_PURGED=/{", ":gtid", "/;$/d", "N", "bgtid", "}")
    return remedied(oddity, words, *edits)


def _log_bin(oddity: DumpOddity, _target: TargetServer, _found: Found) -> Judged:
    words = "Statements that switch the binary log are left out: they need an administrator, and replicas would miss the import."
    return remedied(
        oddity,
        words,
        r"/^SET @@SESSION\.SQL_LOG_BIN ?= ?(0|@MYSQLDUMP_TEMP_LOG_BIN);$/d",
        r"/^SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION\.SQL_LOG_BIN;$/d",
    )


def _replication(oddity: DumpOddity, _target: TargetServer, _found: Found) -> Judged:
    words = "Statements that would make the target a replica are left out."
    return remedied(oddity, words, r"/^CHANGE (MASTER|REPLICATION SOURCE) TO .*;$/d")


def _definer(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
    foreign = tuple(name for name in oddity.names if name.replace("`", "") != target.user)
    if not foreign:
        return harmless(oddity, f"All code belongs to {target.user}, who imports it.")
    words = f"Views and code of {listed(foreign)} will belong to who imports them ({target.user})."
    made = r"\/\*![0-9]+ CREATE\*\/ "
    code = (
        rf"s/^({made})\/\*![0-9]+ DEFINER={_ACCOUNT} *\*\/ (\/\*![0-9]+ (TRIGGER|EVENT) )/\1\5/",
        rf"s/^CREATE DEFINER={_ACCOUNT} ((AGGREGATE )?(FUNCTION|PROCEDURE|PACKAGE) )/CREATE \4/",
    )
    view = rf"s/^(\/\*!50013) DEFINER={_ACCOUNT} (SQL SECURITY (DEFINER|INVOKER) \*\/)$/\1 \5/"
    return remedied(oddity, words, view, code=code)


def _collation(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
    unknown = tuple(name for name in oddity.names if not _knows(target, name))
    others = {name: other_collation(name, target.collations) for name in unknown}
    lost = tuple(name for name, other in others.items() if other is None)
    if lost:
        words = (
            f"{target.called} has no collation like {listed(lost)}. Change these columns on the source, or use a server "
            "that has it."
        )
        return refused(oddity, words)
    if not unknown:
        return harmless(oddity, "The target knows every collation.")
    pairs = ", ".join(f"{name} becomes {other}" for name, other in others.items())
    words = f"{target.called} does not know {listed(unknown)}: {pairs}. Texts may be sorted otherwise."
    columns = tuple(edit for old, new in others.items() if new for edit in _collation_edits(old, new))
    session = tuple(
        rf"s/^(\/\*!5000[13] SET collation_connection +=) {old} (\*\/ ?;;?)$/\1 {new} \2/"
        for old, new in others.items()
    )
    return remedied(oddity, words, *columns, code=session)


def _collation_edits(old: str, new: str) -> tuple[str, str]:
    column = rf"s/^(  {_NAME} {_TYPE}( CHARACTER SET [a-z0-9]+)? COLLATE ){old}( |,|$)/\1{new}\9/"
    return column, rf"s/^(\) ENGINE=[^']* COLLATE=){old}( |;|$)/\1{new}\2/"


def _knows(target: TargetServer, name: str) -> bool:
    # Servers that list utf8mb3_... take utf8_... for it; those that list utf8_... do not know the other.
    return name in target.collations or re.sub(r"^utf8_", "utf8mb3_", name) in target.collations


def other_collation(name: str, known: frozenset[str]) -> str | None:
    """Give the collation that comes nearest to one a server does not know; None when there is none."""
    charset, _, rest = name.partition("_")
    like = ["unicode_ci", "unicode_520_ci"] if rest.endswith("ai_ci") else []
    if rest.endswith("as_ci"):
        like = ["0900_as_ci", "uca1400_as_ci"]
    elif rest.endswith(("as_cs", "bin")):
        like = ["bin"]
    elif "nopad" in rest:
        like = [rest.replace("nopad_", "").replace("_nopad", "")]
    charsets = [charset, "utf8"] if charset == "utf8mb3" else [charset]
    wanted = [f"{each}_{end}" for end in [rest, *like] for each in charsets]
    return next((each for each in wanted if each in known and each != name), None)


def _collation_in_code(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
    unknown = tuple(name for name in oddity.names if not _knows(target, name))
    if not unknown:
        return harmless(oddity, "The target knows every collation in views and code.")
    words = f"Views or code name {listed(unknown)}, which {target.called} does not know. Change them on the source."
    return refused(oddity, words)


def _sql_mode(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
    lacking = _MYSQL_MODES if target.product == "mariadb" else _MARIADB_MODES
    if target.product == "mysql" and target.version >= (8, 0):
        lacking |= _OLD_MODES
    unknown = tuple(name for name in oddity.names if name in lacking)
    if not unknown:
        return harmless(oddity, "The target knows every SQL mode.")
    if "ORACLE" in unknown:
        return refused(
            oddity, f"Code is written for the SQL mode ORACLE, which {target.called} does not have."
        )
    start = r"s/^(\/\*!50003 SET sql_mode += '([A-Z0-9_]+,)*)"
    edits = [
        edit for name in unknown for edit in (rf"{start}{name},/\1/", rf"{start}{name}' (\*\/ ;;?)$/\1' \3/")
    ]
    edits.append(r"s/^(\/\*!50003 SET sql_mode += '[A-Z0-9_,]*),' (\*\/ ;;?)$/\1' \2/")
    words = f"{target.called} does not know the SQL mode {listed(unknown)}: it is taken out."
    return remedied(oddity, words, code=tuple(edits))


def _engine(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
    known = {name.lower() for name in target.engines}
    lacking = tuple(name for name in oddity.names if name.lower() not in known)
    lost = tuple(name for name in lacking if name not in _CONVERTIBLE)
    if lost:
        return refused(
            oddity, f"{target.called} has no engine {listed(lost)}. Change these tables on the source."
        )
    if not lacking:
        return harmless(oddity, f"The target has the engine {listed(oddity.names)}.")
    edits = [rf"s/^(\) ENGINE=){name}( |;|$)/\1InnoDB\2/" for name in lacking]
    edits += [rf"s/^(\) ENGINE=InnoDB[^']*) {word}=[01]/\1/" for word in ("PAGE_CHECKSUM", "TRANSACTIONAL")]
    edits.append(_PLAIN_ROWS)
    words = f"{target.called} has no engine {listed(lacking)}: these tables become InnoDB's."
    return remedied(oddity, words, *edits)


_PLAIN_ROWS = r"s/^(\) ENGINE=InnoDB[^']*) ROW_FORMAT=(FIXED|PAGE|TOKUDB_[A-Z]+)/\1/"


def _row_format(oddity: DumpOddity, _target: TargetServer, _found: Found) -> Judged:
    strange = tuple(name for name in oddity.names if re.fullmatch("FIXED|PAGE|TOKUDB_[A-Z]+", name))
    if not strange:
        return harmless(oddity, f"The target has the row format {listed(oddity.names)}.")
    words = f"InnoDB refuses the row format {listed(strange)} in strict mode: its tables get the usual one."
    return remedied(oddity, words, _PLAIN_ROWS)


def _mariadb_alone(what: str, since: tuple[int, ...]) -> Callable[[DumpOddity, TargetServer, Found], Judged]:
    def judge(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
        if target.product == "mariadb" and target.version >= since:
            return harmless(oddity, f"The target has {what}.")
        return refused(
            oddity,
            f"{target.called} has no {what} ({listed(oddity.names)}). Use MariaDB, or change the source.",
        )

    return judge


def _persistent(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
    if target.product == "mariadb":
        return harmless(oddity, "The target knows PERSISTENT.")
    words = "MariaDB's word PERSISTENT for stored columns becomes STORED."
    return remedied(oddity, words, rf"s/^(  {_NAME} [^']* AS \([^']*\) )PERSISTENT(,| [^']*)?$/\1STORED\3/")


def _srid(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
    if target.product == "mysql":
        return harmless(oddity, "The target knows SRID.")
    words = "MySQL's SRID of columns is left out."
    return remedied(oddity, words, rf"s/^(  {_NAME} [^']*) \/\*!80003 SRID [0-9]+ \*\//\1/")


_KEY = r"  (UNIQUE |FULLTEXT |SPATIAL )?KEY [^']*"


def _invisible_index(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
    if target.product == "mysql":
        return harmless(oddity, "The target knows, or passes over, invisible indexes.")
    words = f"MySQL's invisible indexes ({listed(oddity.names)}) become usual ones."
    return remedied(oddity, words, rf"s/^({_KEY}) \/\*!80000 INVISIBLE \*\/(,?)$/\1\3/")


def _ignored_index(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
    if target.product == "mariadb" and target.version >= (10, 6):
        return harmless(oddity, "The target knows ignored indexes.")
    words = f"MariaDB's ignored indexes ({listed(oddity.names)}) become usual ones."
    return remedied(oddity, words, rf"s/^({_KEY}) IGNORED(,?)$/\1\3/")


def _invisible_column(oddity: DumpOddity, target: TargetServer, found: Found) -> Judged:
    since = (10, 3) if target.product == "mariadb" else (8, 0, 23)
    if target.version >= since or _product(found) == "mysql":
        return harmless(oddity, "The target knows, or passes over, invisible columns.")
    return refused(oddity, f"{target.called} has no invisible columns ({listed(oddity.names)}).")


def _functional_index(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
    if target.product == "mysql" and target.version >= (8, 0, 13):
        return harmless(oddity, "The target has indexes of expressions.")
    words = (
        f"{target.called} has no indexes of expressions ({listed(oddity.names)}). Drop them on the source."
    )
    return refused(oddity, words)


def _not_enforced(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
    if target.product == "mysql":
        return harmless(oddity, "The target knows, or passes over, checks that are not enforced.")
    words = f"MariaDB enforces every check, and some of {listed(oddity.names)} are not enforced. Drop them on the source."
    return refused(oddity, words)


def _type(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
    lacking = tuple(
        name for name in oddity.names if target.version < _TYPES.get(name, {}).get(target.product, (999,))
    )
    if lacking:
        return refused(oddity, f"{target.called} has no type {listed(lacking)}.")
    return harmless(oddity, "The target has these types.")


def _table_option(oddity: DumpOddity, target: TargetServer, found: Found) -> Judged:
    if target.product == _product(found):
        return harmless(oddity, "The target has the same options of tables.")
    words = (
        f"Tables are encrypted or compressed in a way that {target.called} does not know "
        f"({listed(oddity.names)}). Change them on the source."
    )
    return refused(oddity, words)


def _zero_dates(oddity: DumpOddity, _target: TargetServer, _found: Found) -> Judged:
    words = (
        "Dates of zeros are imported as they are; in strict mode the migrations that come afterwards refuse them: "
        "set 'strict' => false in config/database.php (guide, Step 4)."
    )
    return harmless(oddity, words)


def _incomplete(oddity: DumpOddity, _target: TargetServer, _found: Found) -> Judged:
    words = "Its last line is missing: the dump was cut off. Make another one."
    return refused(oddity, words)


def _longest(oddity: DumpOddity, target: TargetServer, _found: Found) -> Judged:
    if not target.packet or oddity.count < target.packet:
        return harmless(oddity, "The target takes its longest statement.")
    needed = 1 << oddity.count.bit_length()
    words = (
        f"A statement has {oddity.count} bytes and the target takes {target.packet}. As its administrator: "
        f"SET GLOBAL max_allowed_packet = {needed};"
    )
    return refused(oddity, words)


_JUDGES: Mapping[str, Callable[[DumpOddity, TargetServer, Found], Judged]] = {
    "incomplete": _incomplete,
    "sandbox": _sandbox,
    "use": _use,
    "create-database": _create_database,
    "drop-database": _drop_database,
    "alter-database": _alter_database,
    "gtid": _gtid,
    "log-bin": _log_bin,
    "replication": _replication,
    "definer": _definer,
    "collation": _collation,
    "collation-code": _collation_in_code,
    "sql-mode": _sql_mode,
    "engine": _engine,
    "row-format": _row_format,
    "sequence": _mariadb_alone("sequences", (10, 3)),
    "system-versioning": _mariadb_alone("system versioning", (10, 3, 4)),
    "persistent": _persistent,
    "srid": _srid,
    "invisible-index": _invisible_index,
    "ignored-index": _ignored_index,
    "invisible-column": _invisible_column,
    "functional-index": _functional_index,
    "not-enforced": _not_enforced,
    "type": _type,
    "table-option": _table_option,
    "zero-default": _zero_dates,
    "zero-rows": _zero_dates,
    "longest": _longest,
}
