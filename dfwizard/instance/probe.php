<?php
// Questions to the system database, asked through the application's own PHP and PDO driver.
//
// Run as `php -r CODE`; the request is one JSON document on stdin, in which every text is base64 (a password or a
// file name may hold any byte). The answer is one line on stdout: the mark below, then JSON. Nothing is ever written to
// the database. Syntax of PHP 7.2, so that it runs wherever a supported release runs.

const MARK = "\x1edfwizard ";
const BATCH = 200;

error_reporting(E_ALL & ~E_DEPRECATED);
set_error_handler(function ($level, $message) {
    if (!(error_reporting() & $level)) {
        return true;
    }
    throw new ErrorException($message, 0, $level);
});

function answer(array $data)
{
    $flags = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR;
    fwrite(STDOUT, "\n" . MARK . json_encode($data, $flags) . "\n");
    exit(0);
}

function decoded($value)
{
    if (is_array($value)) {
        $result = [];
        foreach ($value as $key => $item) {
            $result[$key] = decoded($item);
        }
        return $result;
    }
    return is_string($value) ? base64_decode($value) : $value;
}

function attribute($new, $old)
{
    return defined($new) ? constant($new) : constant($old);
}

final class Database
{
    public $driver;
    public $name;
    public $schema;
    private $pdo;

    public function __construct(array $db)
    {
        $this->driver = $db['driver'];
        $this->name = (string) $db['name'];
        $this->schema = $db['schema'] ?: 'public';
        if (!class_exists('PDO') || !in_array($this->driver, PDO::getAvailableDrivers(), true)) {
            throw new RuntimeException('could not find driver');
        }
        $options = [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_STRINGIFY_FETCHES => true,
            PDO::ATTR_TIMEOUT => (int) $db['timeout'],
        ];
        $open = 'open' . ucfirst($this->driver);
        $this->$open($db, $options);
    }

    private function openMysql(array $db, array $options)
    {
        $options[attribute('Pdo\Mysql::ATTR_USE_BUFFERED_QUERY', 'PDO::MYSQL_ATTR_USE_BUFFERED_QUERY')] = false;
        $options[attribute('Pdo\Mysql::ATTR_LOCAL_INFILE', 'PDO::MYSQL_ATTR_LOCAL_INFILE')] = false;
        if ($db['ssl_ca']) {
            $options[attribute('Pdo\Mysql::ATTR_SSL_CA', 'PDO::MYSQL_ATTR_SSL_CA')] = $db['ssl_ca'];
        }
        $dsn = $db['socket'] ? 'mysql:unix_socket=' . $db['socket'] : 'mysql:host=' . $db['host'] . ';port=' . $db['port'];
        $this->pdo = new PDO($dsn, $db['user'], $db['password'], $options);
        $this->run('USE ' . $this->quoted($this->name));
        $this->run('SET NAMES utf8mb4');
        $this->run("SET SESSION sql_mode = '', time_zone = '+00:00'");
        $this->run('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
        $this->run('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    }

    // Values as they are stored: no conversion of character sets may hide a difference.
    public function readBytes()
    {
        if ($this->driver === 'mysql') {
            $this->run('SET character_set_results = NULL');
        }
    }

    private function openPgsql(array $db, array $options)
    {
        $dsn = 'pgsql:';
        foreach (['host' => 'host', 'port' => 'port', 'name' => 'dbname', 'sslmode' => 'sslmode'] as $key => $word) {
            if ((string) $db[$key] !== '') {
                $dsn .= $word . "='" . addcslashes((string) $db[$key], "'\\") . "';";
            }
        }
        $this->pdo = new PDO($dsn, $db['user'], $db['password'], $options);
        $this->run("SET client_encoding = 'UTF8'");
        $this->run("SET bytea_output = 'hex'");
        $this->run('SET extra_float_digits = 3');
        $this->run("SET DateStyle = 'ISO, YMD'");
        $this->run("SET TimeZone = 'UTC'");
        $this->run("SET IntervalStyle = 'postgres'");
        $this->run('SET search_path = ' . $this->quoted($this->schema));
        $this->run('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    }

    private function openSqlite(array $db, array $options)
    {
        if (!is_file($db['file'])) {
            throw new RuntimeException('SQLSTATE[HY000] [14] unable to open database file: ' . $db['file'] . ' is not a file');
        }
        $flags = attribute('Pdo\Sqlite::ATTR_OPEN_FLAGS', 'PDO::SQLITE_ATTR_OPEN_FLAGS');
        $options[$flags] = attribute('Pdo\Sqlite::OPEN_READONLY', 'PDO::SQLITE_OPEN_READONLY');
        $this->pdo = new PDO('sqlite:' . $db['file'], null, null, $options);
        $this->run('BEGIN');
        $this->first('SELECT count(*) FROM sqlite_master');
    }

    public function quoted($name)
    {
        $mark = $this->driver === 'mysql' ? '`' : '"';
        return $mark . str_replace($mark, $mark . $mark, $name) . $mark;
    }

    public function literal($text)
    {
        return $this->pdo->quote($text);
    }

    public function run($sql)
    {
        $this->pdo->exec($sql);
    }

    public function rows($sql)
    {
        $statement = $this->pdo->query($sql);
        $rows = $statement->fetchAll(PDO::FETCH_NUM);
        $statement->closeCursor();
        return $rows;
    }

    public function first($sql)
    {
        $rows = $this->rows($sql);
        return $rows ? $rows[0][0] : null;
    }

    public function column($sql)
    {
        return array_map(function ($row) {
            return $row[0];
        }, $this->rows($sql));
    }

    // Rows one by one: unbuffered on MySQL, by cursor on PostgreSQL; SQLite streams by itself.
    public function stream($sql)
    {
        if ($this->driver !== 'pgsql') {
            $statement = $this->pdo->query($sql);
            while (($row = $statement->fetch(PDO::FETCH_NUM)) !== false) {
                yield $row;
            }
            $statement->closeCursor();
            return;
        }
        $this->run('DECLARE dfwizard_rows NO SCROLL CURSOR FOR ' . $sql);
        do {
            $rows = $this->rows('FETCH ' . BATCH . ' FROM dfwizard_rows');
            foreach ($rows as $row) {
                yield $row;
            }
        } while (count($rows) === BATCH);
        $this->run('CLOSE dfwizard_rows');
    }

    // Tables by the name they go by: [name => quoted name for SQL].
    public function tables()
    {
        $tables = [];
        if ($this->driver === 'mysql') {
            $sql = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')";
            foreach ($this->column($sql) as $name) {
                $tables[$name] = $this->quoted($name);
            }
        } elseif ($this->driver === 'pgsql') {
            $sql = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
                AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = c.tableoid AND d.objid = c.oid AND d.deptype = 'e')";
            foreach ($this->rows($sql) as $row) {
                $tables[$this->shown($row[0], $row[1])] = $this->quoted($row[0]) . '.' . $this->quoted($row[1]);
            }
        } else {
            $sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
            foreach ($this->column($sql) as $name) {
                $tables[$name] = $this->quoted($name);
            }
        }
        ksort($tables, SORT_STRING);
        return $tables;
    }

    public function shown($schema, $name)
    {
        return $schema === $this->schema ? $name : $schema . '.' . $name;
    }

    // Columns in the order of their names, so that the order in the table plays no part in a row's digest.
    public function columns($table, $quoted)
    {
        if ($this->driver === 'mysql') {
            $columns = $this->column('SELECT COLUMN_NAME FROM information_schema.COLUMNS
                WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ' . $this->literal($table));
        } elseif ($this->driver === 'pgsql') {
            $columns = $this->column('SELECT attname FROM pg_attribute WHERE attrelid = ' . $this->literal($quoted)
                . '::regclass AND attnum > 0 AND NOT attisdropped');
        } else {
            $columns = array_map(function ($row) {
                return $row[1];
            }, $this->rows('PRAGMA table_info(' . $quoted . ')'));
        }
        sort($columns, SORT_STRING);
        return $columns;
    }

    // The columns of the primary key, in the order of their names.
    public function key($table, $quoted)
    {
        if ($this->driver === 'mysql') {
            $key = $this->column("SELECT COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE
                WHERE TABLE_SCHEMA = DATABASE() AND CONSTRAINT_NAME = 'PRIMARY' AND TABLE_NAME = " . $this->literal($table));
        } elseif ($this->driver === 'pgsql') {
            $key = $this->column('SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                WHERE i.indisprimary AND i.indrelid = ' . $this->literal($quoted) . '::regclass');
        } else {
            $key = array_column(array_filter($this->rows('PRAGMA table_info(' . $quoted . ')'), function ($row) {
                return (int) $row[5] > 0;
            }), 1);
        }
        sort($key, SORT_STRING);
        return $key;
    }

    // A column as text that means the same on every PHP: no floats or booleans of the driver's making.
    public function asText($column)
    {
        if ($this->driver === 'pgsql') {
            return $this->quoted($column) . '::text';
        }
        return $this->driver === 'sqlite' ? 'CAST(' . $this->quoted($column) . ' AS BLOB)' : $this->quoted($column);
    }

    public function select(array $columns, $quoted)
    {
        $list = array_map([$this, 'asText'], $columns);
        return 'SELECT ' . ($list ? implode(', ', $list) : '1') . ' FROM ' . $quoted;
    }
}

final class RowDigest
{
    private $lanes = [0, 0, 0, 0];
    public $rows = 0;

    // Sum of the rows' hashes: the order of the rows plays no part, and equal rows do not cancel out as with XOR.
    public function add(array $row)
    {
        $bytes = '';
        foreach ($row as $value) {
            $bytes .= $value === null ? 'N' : 'V' . pack('J', strlen($value)) . $value;
        }
        $parts = unpack('N4', hash('sha256', $bytes, true));
        for ($i = 0; $i < 4; $i++) {
            $this->lanes[$i] = ($this->lanes[$i] + $parts[$i + 1]) & 0xffffffff;
        }
        $this->rows++;
    }

    public function hex()
    {
        return vsprintf('%08x%08x%08x%08x', $this->lanes);
    }
}

function mysqlSchema(Database $db, $quoted, $volatile)
{
    $sql = $db->rows('SHOW CREATE TABLE ' . $quoted)[0][1];
    return $volatile ? preg_replace('/ AUTO_INCREMENT=\d+/', '', $sql) : $sql;
}

function pgsqlSchema(Database $db, $quoted)
{
    $table = $db->literal($quoted) . '::regclass';
    $lines = $db->column("SELECT quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
        || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
        || COALESCE(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')
        || CASE WHEN a.attidentity <> '' THEN ' IDENTITY ' || a.attidentity::text ELSE '' END
        FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = $table AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum");
    $constraints = $db->column("SELECT quote_ident(conname) || ' ' || pg_get_constraintdef(oid)
        FROM pg_constraint WHERE conrelid = $table ORDER BY conname");
    $indexes = $db->column("SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = $table ORDER BY 1");
    return implode("\n", array_merge($lines, $constraints, $indexes));
}

function sqliteSchema(Database $db, $table)
{
    $sql = "SELECT sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL
        AND tbl_name = " . $db->literal($table) . ' ORDER BY type DESC, name';
    return implode(";\n", $db->column($sql));
}

function schemaOf(Database $db, $table, $quoted, $volatile)
{
    if ($db->driver === 'mysql') {
        return mysqlSchema($db, $quoted, $volatile);
    }
    return $db->driver === 'pgsql' ? pgsqlSchema($db, $quoted) : sqliteSchema($db, $table);
}

function mysqlObjects(Database $db)
{
    $objects = [];
    $here = 'WHERE %s_SCHEMA = DATABASE()';
    foreach ($db->rows('SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES ' . sprintf($here, 'TABLE')) as $row) {
        if ($row[1] === 'VIEW') {
            $objects['view ' . $row[0]] = $db->rows('SHOW CREATE VIEW ' . $db->quoted($row[0]))[0][1];
        } elseif ($row[1] === 'SEQUENCE') {
            $values = $db->rows('SELECT * FROM ' . $db->quoted($row[0]))[0];
            $objects['sequence ' . $row[0]] = implode(' ', $values);
        }
    }
    $sql = "SELECT TRIGGER_NAME, CONCAT_WS(' ', ACTION_TIMING, EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_ORDER, DEFINER, SQL_MODE, ACTION_STATEMENT)
        FROM information_schema.TRIGGERS " . sprintf($here, 'TRIGGER');
    foreach ($db->rows($sql) as $row) {
        $objects['trigger ' . $row[0]] = $row[1];
    }
    foreach ($db->rows('SELECT ROUTINE_NAME, ROUTINE_TYPE FROM information_schema.ROUTINES ' . sprintf($here, 'ROUTINE')) as $row) {
        $shown = $db->rows('SHOW CREATE ' . $row[1] . ' ' . $db->quoted($row[0]))[0];
        $objects[strtolower($row[1]) . ' ' . $row[0]] = (string) $shown[2];
    }
    $sql = "SELECT EVENT_NAME, CONCAT_WS(' ', EVENT_TYPE, EXECUTE_AT, INTERVAL_VALUE, INTERVAL_FIELD, STARTS, ENDS, STATUS, DEFINER, EVENT_DEFINITION)
        FROM information_schema.EVENTS " . sprintf($here, 'EVENT');
    foreach ($db->rows($sql) as $row) {
        $objects['event ' . $row[0]] = $row[1];
    }
    return $objects;
}

function pgsqlObjects(Database $db, array $volatile)
{
    $objects = [];
    $own = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = o.tableoid AND e.objid = o.oid AND e.deptype = 'e')";
    $questions = [
        'view' => "SELECT n.nspname, o.relname, pg_get_viewdef(o.oid) FROM pg_class o
            JOIN pg_namespace n ON n.oid = o.relnamespace WHERE o.relkind IN ('v', 'm') AND $own",
        'trigger' => "SELECT n.nspname, c.relname || '.' || o.tgname, pg_get_triggerdef(o.oid) FROM pg_trigger o
            JOIN pg_class c ON c.oid = o.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT o.tgisinternal AND $own",
        'routine' => "SELECT n.nspname, o.proname || '(' || pg_get_function_identity_arguments(o.oid) || ')', pg_get_functiondef(o.oid)
            FROM pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace WHERE o.prokind IN ('f', 'p') AND $own",
        'enum' => "SELECT n.nspname, o.typname, string_agg(quote_literal(v.enumlabel), ', ' ORDER BY v.enumsortorder)
            FROM pg_type o JOIN pg_namespace n ON n.oid = o.typnamespace JOIN pg_enum v ON v.enumtypid = o.oid
            WHERE $own GROUP BY 1, 2",
        'domain' => "SELECT n.nspname, o.typname, format_type(o.typbasetype, o.typtypmod) || ' ' || COALESCE(o.typdefault, '')
            || COALESCE((SELECT string_agg(pg_get_constraintdef(k.oid), ' ' ORDER BY k.conname) FROM pg_constraint k WHERE k.contypid = o.oid), '')
            FROM pg_type o JOIN pg_namespace n ON n.oid = o.typnamespace WHERE o.typtype = 'd' AND $own",
    ];
    foreach ($questions as $kind => $sql) {
        foreach ($db->rows($sql) as $row) {
            $objects[$kind . ' ' . $db->shown($row[0], $row[1])] = (string) $row[2];
        }
    }
    $sql = "SELECT n.nspname, o.relname, concat_ws(' ', s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle),
            (SELECT t.relname FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid
             WHERE d.objid = o.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') LIMIT 1)
        FROM pg_class o JOIN pg_sequence s ON s.seqrelid = o.oid JOIN pg_namespace n ON n.oid = o.relnamespace WHERE $own";
    foreach ($db->rows($sql) as $row) {
        $text = $row[2] . ' owner ' . $row[3];
        if (!isset($volatile[$row[3]])) {
            $values = $db->rows('SELECT last_value, is_called::text FROM ' . $db->quoted($row[0]) . '.' . $db->quoted($row[1]))[0];
            $text .= ' value ' . $values[0] . ' called ' . $values[1];
        }
        $objects['sequence ' . $db->shown($row[0], $row[1])] = $text;
    }
    return $objects;
}

function sqliteObjects(Database $db, array $volatile)
{
    $objects = [];
    foreach ($db->rows("SELECT type, name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')") as $row) {
        $objects[$row[0] . ' ' . $row[1]] = $row[2];
    }
    if ($db->first("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'")) {
        foreach ($db->rows('SELECT name, seq FROM sqlite_sequence') as $row) {
            if (!isset($volatile[$row[0]])) {
                $objects['sequence ' . $row[0]] = (string) $row[1];
            }
        }
    }
    return $objects;
}

function server(Database $db)
{
    $questions = ['mysql' => 'SELECT VERSION()', 'pgsql' => 'SHOW server_version', 'sqlite' => 'SELECT sqlite_version()'];
    return (string) $db->first($questions[$db->driver]);
}

function digest(Database $db, array $request)
{
    $db->readBytes();
    $volatile = array_flip($request['skip_rows']);
    $leaveOut = array_column($request['leave_out'], 1, 0);
    $tables = [];
    foreach ($db->tables() as $table => $quoted) {
        $table = (string) $table;
        $skip = isset($volatile[$table]);
        $hex = null;
        if ($skip) {
            $rows = (int) $db->first('SELECT count(*) FROM ' . $quoted);
        } else {
            $left = isset($leaveOut[$table]) ? $leaveOut[$table] : [];
            $columns = array_values(array_diff($db->columns($table, $quoted), $left));
            $sum = new RowDigest();
            foreach ($db->stream($db->select($columns, $quoted)) as $row) {
                $sum->add($row);
            }
            $rows = $sum->rows;
            $hex = $sum->hex();
        }
        $tables[] = ['name' => $table, 'rows' => $rows, 'digest' => $hex, 'schema' => schemaOf($db, $table, $quoted, $skip)];
    }
    $list = $db->driver . 'Objects';
    $objects = [];
    foreach ($list($db, $volatile) as $name => $text) {
        $objects[] = ['name' => (string) $name, 'text' => $text];
    }
    return ['server' => server($db), 'tables' => $tables, 'objects' => $objects];
}

function mysqlWritable(Database $db)
{
    $variables = [];
    foreach ($db->rows("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only', 'innodb_read_only')") as $row) {
        $variables[$row[0]] = strtoupper((string) $row[1]);
    }
    if (array_diff($variables, ['OFF', '0'])) {
        return false;
    }
    $roles = false;
    foreach ($db->column('SHOW GRANTS') as $grant) {
        if (!preg_match('/^GRANT (.*?) ON (.*?) TO /s', $grant, $match)) {
            $roles = true;
            continue;
        }
        $name = preg_replace('/^`(.*)`\.\*$/s', '$1', $match[2]);
        $like = strtr(preg_quote($name, '/'), ['\\\\_' => '_', '\\\\%' => '%', '_' => '.', '%' => '.*']);
        $here = $match[2] === '*.*' || preg_match('/^' . $like . '$/s', $db->name);
        $rights = array_map('trim', explode(',', strtoupper($match[1])));
        $needed = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'ALTER', 'DROP', 'INDEX'];
        if ($here && (array_intersect($rights, ['ALL PRIVILEGES', 'ALL']) || !array_diff($needed, $rights))) {
            return true;
        }
    }
    // what a role allows is not listed: not known
    return $roles ? null : false;
}

function writable(Database $db, array $request)
{
    if ($db->driver === 'mysql') {
        return mysqlWritable($db);
    }
    if ($db->driver === 'sqlite') {
        return is_writable($request['db']['file']) && is_writable(dirname($request['db']['file']));
    }
    $sql = "SELECT NOT pg_is_in_recovery() AND has_schema_privilege(" . $db->literal($db->schema) . ", 'CREATE')
        AND NOT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = " . $db->literal($db->schema) . " AND c.relkind IN ('r', 'p')
            AND NOT (pg_has_role(c.relowner, 'USAGE') AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE')))";
    return in_array($db->first("SELECT ($sql)::int"), ['1', 1], true);
}

function bytesOf(Database $db, array $request)
{
    if ($db->driver === 'mysql') {
        return (int) $db->first('SELECT SUM(DATA_LENGTH + INDEX_LENGTH) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()');
    }
    if ($db->driver === 'pgsql') {
        return (int) $db->first('SELECT pg_database_size(current_database())');
    }
    return filesize($request['db']['file']);
}

// Values that look encrypted by Laravel, from the tables where DreamFactory keeps some: base64 of `{"iv":`.
function encrypted(Database $db, array $tables, $prefix, $most)
{
    $found = [];
    foreach ($tables as $table => $quoted) {
        $name = (string) $table;
        if ($prefix !== '' && strpos($name, $prefix) === 0) {
            $name = substr($name, strlen($prefix));
        }
        if (!preg_match('/^(lookup|heroku_addon_sso|notification_app_device|.*_config)$/', $name)) {
            continue;
        }
        $columns = $db->columns((string) $table, $quoted);
        $here = [];
        foreach ($db->stream($db->select($columns, $quoted)) as $row) {
            foreach ($row as $i => $value) {
                if (count($here) < 5 && is_string($value) && strpos($value, 'eyJpdiI6') !== false
                    && preg_match('#eyJpdiI6[A-Za-z0-9+/=\\\\]+#', $value, $match)) {
                    $here[] = ['table' => (string) $table, 'column' => $columns[$i], 'value' => str_replace('\\/', '/', $match[0])];
                }
            }
        }
        $found = array_merge($found, $here);
    }
    return array_slice($found, 0, $most);
}

function counted(Database $db, $sql)
{
    $counts = [];
    foreach ($db->rows($sql) as $row) {
        $counts[] = ['name' => (string) $row[0], 'count' => (int) $row[1]];
    }
    return $counts;
}

// Where the server keeps its data; null where it does not say (PostgreSQL tells administrators alone, by leaving the row out).
function directoryOf(Database $db)
{
    $questions = ['mysql' => 'SELECT @@datadir', 'pgsql' => "SELECT setting FROM pg_settings WHERE name = 'data_directory'"];
    return isset($questions[$db->driver]) ? $db->first($questions[$db->driver]) : null;
}

function otherEngines(Database $db)
{
    return $db->column("SELECT CONCAT(TABLE_NAME, ': ', ENGINE) FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND ENGINE <> 'InnoDB' ORDER BY TABLE_NAME LIMIT 50");
}

function rowFormat(Database $db)
{
    $rows = $db->rows("SHOW GLOBAL VARIABLES LIKE 'innodb_default_row_format'");
    return $rows ? strtolower((string) $rows[0][1]) : null;
}

// Seconds since the oldest transaction of others began; null where there is none, or the account may not know.
function oldestTransaction(Database $db)
{
    $questions = [
        'mysql' => 'SELECT MAX(TIMESTAMPDIFF(SECOND, t.trx_started, NOW())) FROM information_schema.INNODB_TRX t
            JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id
            WHERE p.DB = DATABASE() AND p.ID <> CONNECTION_ID()',
        'pgsql' => 'SELECT floor(extract(epoch FROM clock_timestamp() - min(xact_start))) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()',
    ];
    try {
        $age = isset($questions[$db->driver]) ? $db->first($questions[$db->driver]) : null;
    } catch (PDOException $error) {
        return null;
    }
    return $age === null ? null : (int) $age;
}

// Hosts that are connected to the same database, our own and the server's left out; an account sees its own connections.
function otherClients(Database $db)
{
    $own = '';
    $hosts = [];
    if ($db->driver === 'mysql') {
        $me = $db->first('SELECT CONNECTION_ID()');
        foreach ($db->rows('SHOW PROCESSLIST') as $row) {
            $host = preg_replace('/:\d+$/', '', (string) $row[2]);
            if ((string) $row[0] === (string) $me) {
                $own = $host;
            } elseif ((string) $row[3] === $db->name) {
                $hosts[$host] = true;
            }
        }
    } elseif ($db->driver === 'pgsql') {
        $own = (string) $db->first('SELECT host(inet_client_addr())');
        $hosts = array_flip($db->column("SELECT DISTINCT host(client_addr) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND client_addr IS NOT NULL"));
    }
    unset($hosts[$own], $hosts['localhost'], $hosts['127.0.0.1'], $hosts['::1'], $hosts['']);
    return array_map('strval', array_keys($hosts));
}

function facts(Database $db, array $request)
{
    $tables = $db->tables();
    $counts = [];
    foreach ($tables as $table => $quoted) {
        $counts[] = ['name' => (string) $table, 'count' => (int) $db->first('SELECT count(*) FROM ' . $quoted)];
    }
    $prefix = $request['db']['prefix'];
    $has = function ($table, $columns) use ($db, $tables, $prefix) {
        $name = $prefix . $table;
        return isset($tables[$name]) && !array_diff($columns, $db->columns($name, $tables[$name])) ? $tables[$name] : null;
    };
    $migrations = $has('migrations', ['migration']);
    $service = $has('service', ['type', 'is_active']);
    $user = $has('user', ['password']);
    $active = $db->driver === 'pgsql' ? 'is_active' : 'is_active = 1';
    return [
        'server' => server($db),
        'directory' => directoryOf($db),
        'other_engines' => $db->driver === 'mysql' ? otherEngines($db) : [],
        'row_format' => $db->driver === 'mysql' ? rowFormat($db) : null,
        'oldest_transaction' => oldestTransaction($db),
        'clients' => otherClients($db),
        'size' => bytesOf($db, $request),
        'writable' => writable($db, $request),
        'tables' => $counts,
        'migrations' => $migrations ? $db->column("SELECT migration FROM $migrations ORDER BY id") : [],
        'service_types' => $service ? counted($db, "SELECT type, count(*) FROM $service GROUP BY type") : [],
        'active_types' => $service ? counted($db, "SELECT type, count(*) FROM $service WHERE $active GROUP BY type") : [],
        'password_costs' => $user
            ? counted($db, "SELECT substr(password, 5, 2), count(*) FROM $user WHERE password LIKE '\$2y\$%' GROUP BY 1") : [],
        'encrypted' => encrypted($db, $tables, $prefix, 20),
    ];
}

function names(Database $db, array $request)
{
    $tables = $db->tables();
    $found = [];
    foreach ($request['columns'] as $pair) {
        $table = $request['db']['prefix'] . $pair[0];
        if (isset($tables[$table]) && in_array($pair[1], $db->columns($table, $tables[$table]), true)) {
            $sql = 'SELECT ' . $db->asText($pair[1]) . ' FROM ' . $tables[$table] . ' WHERE ' . $db->quoted($pair[1]) . ' IS NOT NULL';
            $found[] = ['table' => $pair[0], 'column' => $pair[1], 'values' => $db->column($sql)];
        }
    }
    return ['names' => $found];
}

function contents(Database $db, array $request)
{
    $tables = $db->tables();
    $table = $request['table'];
    $db->readBytes();
    if (!isset($tables[$table])) {
        throw new RuntimeException('there is no table ' . $table);
    }
    $rows = [];
    foreach ($db->stream($db->select($request['columns'], $tables[$table])) as $row) {
        $rows[] = array_map(function ($value) {
            return $value === null ? null : base64_encode($value);
        }, $row);
        if (count($rows) >= $request['limit']) {
            break;
        }
    }
    return ['rows' => $rows];
}

// What tells one database from another: the server's own names for itself, the moment it began, and the database in it.
function identity(Database $db, array $request)
{
    $said = [];
    if ($db->driver === 'mysql') {
        $names = "'hostname', 'port', 'datadir', 'pid_file', 'server_uuid', 'server_uid'";
        foreach ($db->rows("SHOW GLOBAL VARIABLES WHERE Variable_name IN ($names)") as $row) {
            $said['server ' . $row[0]] = (string) $row[1];
        }
        $uptime = (int) $db->rows("SHOW GLOBAL STATUS LIKE 'Uptime'")[0][1];
        $said['began'] = (string) ((int) $db->first('SELECT UNIX_TIMESTAMP()') - $uptime);
        $said['database'] = (string) $db->first('SELECT DATABASE()');
        $said['sql_mode'] = (string) $db->first('SELECT @@GLOBAL.sql_mode');
    } elseif ($db->driver === 'pgsql') {
        $said['server identifier'] = (string) $db->first('SELECT system_identifier FROM pg_control_system()');
        $said['began'] = (string) $db->first('SELECT extract(epoch FROM pg_postmaster_start_time())');
        $said['database'] = (string) $db->first('SELECT current_database()');
    } else {
        clearstatcache();
        $stat = stat($request['db']['file']);
        $said['server device'] = $stat['dev'] . ':' . $stat['ino'];
        $boot = '/proc/sys/kernel/random/boot_id';
        $said['server boot'] = is_readable($boot) ? trim(file_get_contents($boot)) : gethostname();
        $said['database'] = (string) realpath($request['db']['file']);
    }
    $zero = $db->driver === 'mysql' && $request['zero_dates'] ? zeroDates($db) : [];
    return ['identity' => $said, 'zero_dates' => $zero];
}

// Columns that hold, or have as their default, a date of zeros, which MySQL's strict mode refuses to write.
function zeroDates(Database $db)
{
    $found = [];
    $sql = "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_DEFAULT FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND DATA_TYPE IN ('date', 'datetime', 'timestamp')";
    $tables = $db->tables();
    foreach ($db->rows($sql) as $row) {
        if (!isset($tables[$row[0]])) {
            continue;
        }
        $default = strpos((string) $row[2], '0000-00-00') !== false;
        $query = 'SELECT 1 FROM ' . $tables[$row[0]] . ' WHERE ' . $db->quoted($row[1]) . " = '0000-00-00' LIMIT 1";
        if ($default || $db->first($query) !== null) {
            $found[] = $row[0] . '.' . $row[1] . ($default ? ' (its default)' : '');
        }
    }
    return $found;
}

try {
    $request = decoded(json_decode(stream_get_contents(STDIN), true));
    if (!is_array($request)) {
        throw new RuntimeException('the request is no JSON document');
    }
    $modes = ['facts' => 'facts', 'digest' => 'digest', 'names' => 'names', 'rows' => 'contents', 'identity' => 'identity', 'picture' => 'picture', 'paths' => 'paths',
        'connections' => 'connections'];
    answer($modes[$request['mode']](new Database($request['db']), $request));
} catch (PDOException $error) {
    $state = isset($error->errorInfo[0]) ? (string) $error->errorInfo[0] : (string) $error->getCode();
    answer(['error' => $error->getMessage(), 'sqlstate' => $state]);
} catch (Throwable $error) {
    answer(['error' => $error->getMessage(), 'sqlstate' => '']);
}
