"""SQL and PHP texts that a backup needs, as constants."""

from __future__ import annotations

_SQLITE_CHECKED = (
    '$said = $db->querySingle("PRAGMA integrity_check"); '
    'if ($said !== "ok") { throw new Exception("integrity check: $said"); } '
    '} catch (Exception $error) { fwrite(STDERR, $error->getMessage() . "\\n"); exit(1); }'
)
SQLITE_COPY = (
    "try { $from = new SQLite3($argv[1], SQLITE3_OPEN_READONLY); $from->enableExceptions(true); $from->busyTimeout(60000); "
    "$db = new SQLite3($argv[2]); $db->enableExceptions(true); "
    'if (!$from->backup($db)) { throw new Exception("the copy failed"); } '
) + _SQLITE_CHECKED
"""SQLite's own online backup: consistent while others write, the write-ahead log included."""

SQLITE_CHECK = (
    "try { $db = new SQLite3($argv[1], SQLITE3_OPEN_READONLY); $db->enableExceptions(true); "
    + _SQLITE_CHECKED
)

MYSQL_DROPS = """
SELECT 'SET FOREIGN_KEY_CHECKS=0;';
SELECT CONCAT('DROP VIEW IF EXISTS `', REPLACE(TABLE_NAME, '`', '``'), '`;')
FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE();
SELECT CONCAT('DROP ', IF(TABLE_TYPE = 'SEQUENCE', 'SEQUENCE', 'TABLE'), ' IF EXISTS `', REPLACE(TABLE_NAME, '`', '``'), '`;')
FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE <> 'VIEW' ORDER BY TABLE_TYPE = 'SEQUENCE';
SELECT CONCAT('DROP ', ROUTINE_TYPE, ' IF EXISTS `', REPLACE(ROUTINE_NAME, '`', '``'), '`;')
FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE();
SELECT CONCAT('DROP EVENT IF EXISTS `', REPLACE(EVENT_NAME, '`', '``'), '`;')
FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE();
"""
"""Writes the statements that empty a MySQL database: triggers go with their tables, a table's own sequence after it."""

_OWN = (
    "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND NOT EXISTS "
    "(SELECT 1 FROM pg_depend d WHERE d.classid = o.tableoid AND d.objid = o.oid AND d.deptype = 'e')"
)
POSTGRESQL_EMPTY = """DO $dfwizard$
DECLARE
  statements text[];
  statement text;
BEGIN
  SELECT array_agg(made ORDER BY place) INTO statements FROM (
    SELECT CASE o.relkind WHEN 'v' THEN 1 WHEN 'm' THEN 1 WHEN 'S' THEN 3 ELSE 2 END AS place,
      format('DROP %s IF EXISTS %I.%I CASCADE', CASE o.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
        WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, n.nspname, o.relname) AS made
    FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace
    WHERE o.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND OWN_ALONE
    UNION ALL
    SELECT 4, format('DROP ROUTINE IF EXISTS %I.%I(%s) CASCADE', n.nspname, o.proname, pg_get_function_identity_arguments(o.oid))
    FROM pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace WHERE OWN_ALONE
    UNION ALL
    SELECT 5, format('DROP TYPE IF EXISTS %I.%I CASCADE', n.nspname, o.typname)
    FROM pg_type o JOIN pg_namespace n ON n.oid = o.typnamespace
    WHERE (o.typtype IN ('e', 'd', 'r') OR (o.typtype = 'c' AND EXISTS
      (SELECT 1 FROM pg_class c WHERE c.oid = o.typrelid AND c.relkind = 'c'))) AND OWN_ALONE
    UNION ALL
    SELECT 6, format('DROP SCHEMA IF EXISTS %I CASCADE', n.nspname) FROM pg_namespace n, pg_namespace o
    WHERE o.oid = n.oid AND n.nspname <> 'public' AND pg_has_role(n.nspowner, 'USAGE') AND OWN_ALONE
    UNION ALL
    SELECT 7, format('SELECT lo_unlink(%s)', oid) FROM pg_largeobject_metadata
  ) AS objects;
  FOREACH statement IN ARRAY COALESCE(statements, '{}') LOOP
    EXECUTE statement;
  END LOOP;
END
$dfwizard$""".replace("OWN_ALONE", _OWN)
"""Empties a PostgreSQL database of everything but its extensions and the schema `public` itself."""

POSTGRESQL_KEPT = (
    r"^[0-9]+; [0-9]+ [0-9]+ (EXTENSION |COMMENT - EXTENSION|SCHEMA - public |COMMENT - SCHEMA public|"
    r"ACL - SCHEMA public|DEFAULT ACL )"
)
"""Entries of a dump's list that emptying leaves in place, and that the application's user need not own."""
