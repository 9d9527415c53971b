// Prints the line of a client file that holds the password of the system database, read from .env as Laravel reads it.
// Arguments: vendor/autoload.php, .env, driver, key of a database URL that goes before DB_PASSWORD ("" for none).
[, $autoload, $file, $driver, $urlKey] = $argv;
require $autoload;
$values = method_exists('Dotenv\Dotenv', 'parse')
    ? Dotenv\Dotenv::parse(file_get_contents($file))
    : Dotenv\Dotenv::create(dirname($file), basename($file))->load();
$value = function ($key) use ($values) {
    $text = $values[$key] ?? '';
    $words = ['true' => '1', '(true)' => '1', 'false' => '', '(false)' => '', 'null' => '', '(null)' => '', 'empty' => '', '(empty)' => ''];
    if (isset($words[strtolower($text)])) {
        return $words[strtolower($text)];
    }
    return preg_match('/\A([\'"])(.*)\1\z/', $text, $found) ? $found[2] : $text;
};
$password = $value('DB_PASSWORD');
if ($urlKey !== '') {
    $inUrl = parse_url($value($urlKey), PHP_URL_PASS);
    $password = is_string($inUrl) ? rawurldecode($inUrl) : $password;
}
if ($driver === 'mysql') {
    $escapes = ['\\' => '\\\\', '"' => '\"', "\n" => '\n', "\r" => '\r', "\t" => '\t'];
    echo 'password="' . strtr($password, $escapes) . "\"\n";
} else {
    echo '*:*:*:*:' . strtr($password, ['\\' => '\\\\', ':' => '\:']) . "\n";
}
