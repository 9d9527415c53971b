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
$escapes = $driver === 'mysql'
    ? ['\\' => '\\\\', '"' => '\"', "\n" => '\n', "\r" => '\r', "\t" => '\t']
    : ['\\' => '\\\\', ':' => '\:'];
$written = strtr($password, $escapes);
$refused = $driver === 'mysql' ? '/\0/' : '/[\0\r\n]/';
// MySQL's programs take what is behind 4096 bytes of a line for options of their own.
if (strlen($written) > 4000 || preg_match($refused, $written)) {
    fwrite(STDERR, "The database password is none that the database's client programs can be given.\n");
    exit(1);
}
echo $driver === 'mysql' ? "password=\"$written\"\n" : "*:*:*:*:$written\n";
