<?php

$input = json_decode(stream_get_contents(STDIN), true);
$options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => false];
$connection = new PDO($input['dsn'], $input['user'], $input['password'], $options);
$statement = $connection->prepare($input['sql']);
$statement->execute();
$rows = $statement->columnCount() ? $statement->fetchAll(PDO::FETCH_NUM) : [];
array_walk_recursive($rows, function (&$value) {
    if (is_resource($value)) {
        $value = stream_get_contents($value);
    }
    if (is_string($value) && !mb_check_encoding($value, 'UTF-8')) {
        $value = ['hex' => bin2hex($value)];
    }
});
echo json_encode($rows, JSON_THROW_ON_ERROR);
