<?php
// More questions to the system database, for a migration: each row's digests, the paths that services name, and whether
// their databases answer. Sent together with probe.php, whose classes and functions these use. Syntax of PHP 7.2.

function fits($name, array $patterns)
{
    foreach ($patterns as $pattern) {
        if (fnmatch($pattern, $name)) {
            return true;
        }
    }
    return false;
}

// Every row of the tables that are asked for by row: its key, its name, and a short digest of each column.
function picture(Database $db, array $request)
{
    $db->readBytes();
    $prefix = $request['db']['prefix'];
    $leaveOut = array_column($request['leave_out'], 1, 0);
    $naming = array_column($request['naming'], 1, 0);
    $tables = [];
    $encrypted = [];
    foreach ($db->tables() as $table => $quoted) {
        $table = (string) $table;
        $name = $prefix !== '' && strpos($table, $prefix) === 0 ? substr($table, strlen($prefix)) : $table;
        $count = (int) $db->first('SELECT count(*) FROM ' . $quoted);
        $columns = array_values(array_diff($db->columns($table, $quoted), isset($leaveOut[$name]) ? $leaveOut[$name] : []));
        $made = ['name' => $name, 'rows' => $count, 'columns' => $columns, 'digest' => null, 'named' => null];
        if (!fits($name, $request['skip'])) {
            $key = array_keys(array_intersect($columns, $db->key($table, $quoted)));
            $byRow = $key && $count <= $request['limit'] && fits($name, $request['by_row']);
            $label = isset($naming[$name]) ? array_search($naming[$name], $columns, true) : false;
            $sum = new RowDigest();
            $rows = [];
            foreach ($db->stream($db->select($columns, $quoted)) as $row) {
                $sum->add($row);
                $called = rowName($row, $columns, $key, $label);
                foreach (encryptedIn($row, $columns, $name, $called) as $item) {
                    $encrypted[] = $item;
                }
                if ($byRow) {
                    $rows[] = [implode(',', array_map('strval', array_intersect_key($row, array_flip($key)))), $called, columnDigests($row)];
                }
            }
            $made['digest'] = $sum->hex();
            $made['named'] = $byRow ? $rows : null;
        }
        $tables[] = $made;
    }
    return ['server' => server($db), 'tables' => $tables, 'encrypted' => $encrypted];
}

function rowName(array $row, array $columns, array $key, $label)
{
    if ($label !== false && (string) $row[$label] !== '') {
        return substr((string) $row[$label], 0, 80);
    }
    $parts = array_map(function ($i) use ($row, $columns) {
        return $columns[$i] . ' ' . substr((string) $row[$i], 0, 40);
    }, $key);
    return implode(', ', $parts);
}

function columnDigests(array $row)
{
    $digests = '';
    foreach ($row as $value) {
        $digests .= substr(hash('sha256', $value === null ? 'N' : 'V' . $value), 0, 12);
    }
    return $digests;
}

function encryptedIn(array $row, array $columns, $table, $name)
{
    $found = [];
    foreach ($row as $i => $value) {
        if (is_string($value) && strpos($value, 'eyJpdiI6') !== false) {
            preg_match_all('#eyJpdiI6[A-Za-z0-9+/=\\\\]+#', $value, $matches);
            foreach ($matches[0] as $match) {
                $found[] = ['table' => $table, 'column' => $columns[$i], 'row' => $name, 'value' => str_replace('\\/', '/', $match)];
            }
        }
    }
    return $found;
}

// Absolute paths in the settings of services: what else on the server an instance may need.
function paths(Database $db, array $request)
{
    $prefix = $request['db']['prefix'];
    $found = [];
    foreach ($db->tables() as $table => $quoted) {
        $table = (string) $table;
        $name = $prefix !== '' && strpos($table, $prefix) === 0 ? substr($table, strlen($prefix)) : $table;
        if (!fits($name, $request['tables'])) {
            continue;
        }
        $columns = $db->columns($table, $quoted);
        foreach ($db->stream($db->select($columns, $quoted)) as $row) {
            foreach ($row as $i => $value) {
                if (!is_string($value) || strpos($value, '/') === false) {
                    continue;
                }
                preg_match_all('#(?<![^\s"\'=:,\[])/(?:[\w.@+-]+/)*[\w.@+-]+#', str_replace('\\/', '/', $value), $matches);
                foreach ($matches[0] as $path) {
                    $found[$path] = ['path' => $path, 'table' => $name, 'column' => $columns[$i]];
                }
            }
            if (count($found) >= $request['limit']) {
                break 2;
            }
        }
    }
    return ['paths' => array_slice(array_values($found), 0, $request['limit'])];
}

// Opens a value that Laravel encrypted (Illuminate\Encryption\Encrypter): null when none of the keys fits.
function opened($value, array $keys)
{
    $data = json_decode((string) base64_decode($value), true);
    if (!is_array($data) || !isset($data['iv'], $data['value'])) {
        return null;
    }
    foreach ($keys as $key) {
        $bits = strlen($key) === 16 ? '128' : '256';
        if (!empty($data['tag'])) {
            $plain = openssl_decrypt($data['value'], "aes-$bits-gcm", $key, 0, base64_decode($data['iv']), base64_decode($data['tag']));
        } else {
            $fits = hash_equals(hash_hmac('sha256', $data['iv'] . $data['value'], $key), (string) $data['mac']);
            $plain = $fits ? openssl_decrypt($data['value'], "aes-$bits-cbc", $key, 0, base64_decode($data['iv'])) : false;
        }
        if ($plain !== false) {
            $text = @unserialize($plain, ['allowed_classes' => false]);
            return is_scalar($text) ? (string) $text : $plain;
        }
    }
    return null;
}

// One service's own database: connected to, asked for nothing but 1, and left.
function tried($driver, array $made, array $request)
{
    if (!in_array($driver, PDO::getAvailableDrivers(), true)) {
        return ['untried', "this PHP has no driver pdo_$driver"];
    }
    foreach (['username', 'password'] as $name) {
        if (isset($made[$name]) && strpos((string) $made[$name], 'eyJpdiI6') === 0) {
            if (!function_exists('openssl_decrypt')) {
                return ['untried', 'this PHP has no extension openssl'];
            }
            $made[$name] = opened($made[$name], $request['keys']);
            if ($made[$name] === null) {
                return ['failed', "APP_KEY does not open its $name"];
            }
        }
    }
    $of = function ($name) use ($made) {
        return isset($made[$name]) && is_scalar($made[$name]) ? (string) $made[$name] : '';
    };
    $texts = $of('host') . $of('port') . $of('database') . $of('username');
    if (strpos($texts . $of('password'), '{') !== false) {
        return ['untried', 'its settings take in a lookup'];
    }
    if (preg_match('/[\0-\x1f;]/', $texts)) {
        return ['untried', 'its settings hold a character that no connection can be made with'];
    }
    $options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => (int) $request['seconds']];
    try {
        if ($driver === 'sqlite') {
            $file = $of('database');
            $file = strpos($file, '/') === 0 ? $file : $request['sqlite_directory'] . '/' . $file;
            if (!is_file($file)) {
                return ['failed', "$file is not there"];
            }
            $options[attribute('Pdo\Sqlite::ATTR_OPEN_FLAGS', 'PDO::SQLITE_ATTR_OPEN_FLAGS')] =
                attribute('Pdo\Sqlite::OPEN_READONLY', 'PDO::SQLITE_OPEN_READONLY');
            $pdo = new PDO('sqlite:' . $file, null, null, $options);
            $pdo->query('SELECT count(*) FROM sqlite_master')->fetchAll();
            return ['ok', ''];
        }
        $port = $of('port') === '' ? '' : ($driver === 'sqlsrv' ? ',' : ';port=') . $of('port');
        $words = $driver === 'sqlsrv' ? ['Server=', ';Database='] : ['host=', ';dbname='];
        $database = $of('database') === '' ? '' : $words[1] . $of('database');
        if ($driver === 'sqlsrv') {
            unset($options[PDO::ATTR_TIMEOUT]);
            $database .= ';LoginTimeout=' . (int) $request['seconds'];
        }
        $pdo = new PDO($driver . ':' . $words[0] . $of('host') . $port . $database, $of('username'), $of('password'), $options);
        $pdo->query('SELECT 1')->fetchAll();
        return ['ok', ''];
    } catch (Throwable $error) {
        $said = $error->getMessage();
        return ['failed', strlen($of('password')) > 3 ? str_replace($of('password'), '***', $said) : $said];
    }
}

// The databases of the active services, each tried for a few seconds; what they hold is not looked at.
function connections(Database $db, array $request)
{
    $tables = $db->tables();
    $service = $request['db']['prefix'] . 'service';
    $config = $request['db']['prefix'] . 'sql_db_config';
    if (!isset($tables[$service], $tables[$config])) {
        return ['connections' => []];
    }
    $drivers = array_column($request['drivers'], 1, 0);
    $made = array_column($db->rows("SELECT service_id, connection FROM {$tables[$config]}"), 1, 0);
    $active = $db->driver === 'pgsql' ? 'is_active' : 'is_active = 1';
    $found = [];
    $began = microtime(true);
    foreach ($db->rows("SELECT id, name, type FROM {$tables[$service]} WHERE $active ORDER BY name") as $row) {
        if (!isset($made[$row[0]])) {
            continue;
        }
        $settings = json_decode((string) $made[$row[0]], true);
        if (!isset($drivers[$row[2]])) {
            $said = ['untried', "dfwizard cannot try connections of the type $row[2]"];
        } elseif (!is_array($settings)) {
            $said = ['failed', 'its settings are no JSON'];
        } elseif (microtime(true) - $began > $request['most']) {
            $said = ['untried', 'the others took too long'];
        } else {
            $said = tried($drivers[$row[2]], $settings, $request);
        }
        $found[] = ['name' => (string) $row[1], 'type' => (string) $row[2], 'state' => $said[0], 'reason' => $said[1]];
    }
    return ['connections' => $found];
}
