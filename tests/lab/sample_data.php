<?php

/*
 * Fills a freshly seeded system database with an organisation's users, services and secrets. Run in the application's
 * directory; the values that DreamFactory encrypts are encrypted by the application's own encrypter.
 */

use Illuminate\Support\Facades\Crypt;
use Illuminate\Support\Facades\DB;

require getcwd().'/vendor/autoload.php';
$app = require getcwd().'/bootstrap/app.php';
$app->make(Illuminate\Contracts\Console\Kernel::class)->bootstrap();

$now = '2024-03-01 08:00:00';
$stamp = ['created_date' => $now, 'last_modified_date' => $now];

function insert(string $table, array $rows): void
{
    foreach (array_chunk($rows, 40) as $chunk) {
        DB::table($table)->insert($chunk);
    }
}

DB::beginTransaction();

// "correct horse battery staple" with the cost that releases before 7.0.1 use.
$hash = '$2y$10$'.substr(password_hash('correct horse battery staple', PASSWORD_BCRYPT, ['cost' => 10]), 7);
insert('user', [
    ['name' => 'Ada Admin', 'first_name' => 'Ada', 'last_name' => 'Admin', 'email' => 'admin@dreamfactory.example',
        'username' => 'admin', 'password' => $hash, 'is_sys_admin' => true, 'is_active' => true, 'phone' => null,
        'last_login_date' => $now, 'confirm_code' => 'y'] + $stamp,
    ['name' => "Seán O'Brien", 'first_name' => 'Seán', 'last_name' => "O'Brien", 'email' => 'sean@dreamfactory.example',
        'username' => null, 'password' => $hash, 'is_sys_admin' => false, 'is_active' => true, 'phone' => '555-0100',
        'last_login_date' => null, 'confirm_code' => 'y'] + $stamp,
    ['name' => '山田 "花子" 🌸', 'first_name' => '花子', 'last_name' => '山田', 'email' => 'hanako@dreamfactory.example',
        'username' => 'hanako', 'password' => null, 'is_sys_admin' => false, 'is_active' => false, 'phone' => '',
        'last_login_date' => null, 'confirm_code' => null] + $stamp,
]);
$userIds = DB::table('user')->orderBy('id')->pluck('id')->all();

insert('role', [
    ['name' => 'reader', 'description' => 'May read, 100% of it', 'is_active' => true] + $stamp,
    ['name' => 'writer', 'description' => null, 'is_active' => true] + $stamp,
    ['name' => 'back\\slash; DROP TABLE role; --', 'description' => "two\nlines\ttab", 'is_active' => false] + $stamp,
]);
$roleIds = DB::table('role')->orderBy('id')->pluck('id')->all();

insert('service', [
    ['name' => 'crm', 'label' => 'Customers', 'description' => 'PostgreSQL of the sales team', 'type' => 'pgsql', 'is_active' => true] + $stamp,
    ['name' => 'inventory', 'label' => "Warehouse's stock", 'description' => null, 'type' => 'sqlite', 'is_active' => true] + $stamp,
    ['name' => 'mailer', 'label' => 'Mail', 'description' => '', 'type' => 'smtp_email', 'is_active' => true] + $stamp,
    ['name' => 'github', 'label' => 'Sign in with GitHub', 'description' => 'ünïcödé', 'type' => 'oauth_github', 'is_active' => false] + $stamp,
    ['name' => 'weather', 'label' => 'Weather', 'description' => 'Remote web service', 'type' => 'rws', 'is_active' => true] + $stamp,
]);
$service = DB::table('service')->pluck('id', 'name')->all();

insert('sql_db_config', [
    ['service_id' => $service['crm'], 'connection' => json_encode([
        'host' => 'crm.internal', 'port' => 5432, 'database' => 'crm',
        'username' => Crypt::encrypt('crm_reader'), 'password' => Crypt::encrypt('crm "secret" \' # $$'),
    ]), 'options' => null, 'attributes' => null, 'statements' => null],
    ['service_id' => $service['inventory'], 'connection' => json_encode(['database' => 'inventory.sqlite']),
        'options' => '[]', 'attributes' => null, 'statements' => null],
]);
insert('smtp_config', [
    ['service_id' => $service['mailer'], 'host' => 'smtp.internal', 'port' => '587', 'encryption' => 'tls',
        'username' => Crypt::encrypt('mailer'), 'password' => Crypt::encrypt('mail-pa$$')],
]);
insert('oauth_config', [
    ['service_id' => $service['github'], 'default_role' => $roleIds[0], 'client_id' => 'Iv1.0123456789abcdef',
        'client_secret' => Crypt::encrypt('0123456789abcdef0123456789abcdef01234567'),
        'redirect_url' => 'https://api.example/api/v2/user/session', 'icon_class' => null],
]);
insert('service_cache_config', [
    ['service_id' => $service['weather'], 'cache_enabled' => true, 'cache_ttl' => 300],
]);
insert('system_config', [['service_id' => $service['system'], 'default_app_id' => null, 'invite_email_service_id' => $service['mailer']]]);
insert('user_config', [['service_id' => $service['user'], 'allow_open_registration' => false, 'open_reg_role_id' => null]]);
insert('service_doc', array_map(function (string $name) use ($service, $stamp) {
    $paths = [];
    for ($i = 0; $i < 60; $i++) {
        $paths["/_table/t{$i}"] = ['get' => ['summary' => "Rows of t{$i}: \"quoted\", 'single', ünï", 'responses' => ['200' => []]]];
    }

    return ['service_id' => $service[$name], 'format' => 0, 'content' => json_encode(['paths' => $paths])] + $stamp;
}, ['crm', 'inventory', 'weather']));

insert('app', [
    ['name' => 'storefront', 'api_key' => hash('sha256', 'storefront'), 'description' => 'The shop', 'is_active' => true,
        'type' => 2, 'path' => null, 'url' => 'https://shop.example/?a=1&b=2', 'role_id' => $roleIds[0]] + $stamp,
    ['name' => 'kiosk', 'api_key' => hash('sha256', 'kiosk'), 'description' => null, 'is_active' => false,
        'type' => 0, 'path' => null, 'url' => null, 'role_id' => null] + $stamp,
]);
$app = DB::table('app')->pluck('id', 'name')->all();
insert('user_to_app_to_role', [
    ['user_id' => $userIds[1], 'app_id' => $app['storefront'], 'role_id' => $roleIds[0]],
    ['user_id' => $userIds[2], 'app_id' => $app['kiosk'], 'role_id' => $roleIds[1]],
]);
insert('app_role_map', [['service_id' => $service['user'], 'app_id' => $app['kiosk'], 'role_id' => $roleIds[0]]]);
insert('cors_config', [
    ['path' => '*', 'origin' => 'https://shop.example', 'header' => '*', 'method' => 31, 'max_age' => 0],
]);

$access = [];
for ($i = 0; $i < 3000; $i++) {
    $access[] = [
        'role_id' => $roleIds[$i % 3],
        'service_id' => $i % 7 ? $service['crm'] : null,
        'component' => $i % 5 ? "_table/t{$i}/*" : null,
        'verb_mask' => $i % 32,
        'requestor_mask' => 1 + $i % 3,
        'filters' => $i % 11 ? null : json_encode([['name' => 'owner', 'operator' => '=', 'value' => "O'Neil {$i}"]]),
        'filter_op' => $i % 2 ? 'and' : 'or',
    ];
}
insert('role_service_access', $access);

$lookups = [];
for ($i = 0; $i < 400; $i++) {
    $lookups[] = [
        'app_id' => null, 'role_id' => $i % 4 ? null : $roleIds[$i % 3], 'user_id' => null,
        'name' => "lookup.{$i}", 'value' => $i % 50 ? Crypt::encrypt("value {$i}: süß \"'\\") : null,
        'private' => (bool) ($i % 2), 'description' => $i % 3 ? null : "Nr. {$i}\r\nsecond line", 'allow_user_update' => false,
    ] + $stamp;
}
insert('lookup', $lookups);

insert('event_script', [
    ['name' => 'crm._table.customers.get.post_process', 'type' => 'php', 'is_active' => true,
        'content' => "<?php\n// keep the \"quotes\" and 'apostrophes'\nreturn \$event['response'];\n", 'config' => null,
        'storage_service_id' => null, 'storage_path' => null, 'allow_event_modification' => true] + $stamp,
    ['name' => 'user.session.post.pre_process', 'type' => 'nodejs', 'is_active' => false,
        'content' => 'console.log(`${event.request} – ¡hola!`);', 'config' => '[]',
        'storage_service_id' => null, 'storage_path' => null, 'allow_event_modification' => false] + $stamp,
]);
insert('script_config', [
    ['service_id' => $service['weather'], 'content' => 'return {"ok": true};', 'config' => null, 'queued' => false],
]);
insert('service_event_map', [
    ['service_id' => $service['mailer'], 'event' => 'user.register', 'data' => null],
]);
insert('token_map', [
    ['user_id' => $userIds[0], 'token' => 'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.x', 'iat' => 1709280000, 'exp' => 1709366400],
]);
insert('instance_id', [['instance_id' => '7c1f0d0a4f5e4a8f9d1f5b8f3e2a6c01']]);
insert('system_custom', [['name' => 'theme', 'value' => '{"dark":true}'] + $stamp]);
insert('failed_jobs', [
    ['connection' => 'database', 'queue' => 'default', 'payload' => '{"job":"x"}', 'exception' => "Error: no\n#0 {main}", 'failed_at' => $now],
]);

// MariaDB commits by itself when a table is created.
DB::commit();

// People keep tables of their own in the system database: with blobs, odd names and every kind of value.
DB::getSchemaBuilder()->create('Customer Photos', function (Illuminate\Database\Schema\Blueprint $table) {
    $table->increments('id');
    $table->string('the "title"')->nullable();
    $table->binary('picture')->nullable();
    $table->decimal('price', 10, 2)->nullable();
    $table->double('ratio')->nullable();
    $table->date('taken')->nullable();
});
$bytes = implode('', array_map('chr', range(0, 255)));
$blob = DB::getDriverName() === 'pgsql' ? DB::raw("'\\x".bin2hex($bytes)."'") : $bytes;
insert('Customer Photos', [
    ['the "title"' => "it's `here`", 'picture' => $blob, 'price' => '12.50', 'ratio' => 0.1, 'taken' => '2024-02-29'],
    ['the "title"' => null, 'picture' => null, 'price' => null, 'ratio' => null, 'taken' => null],
    ['the "title"' => '', 'picture' => DB::getDriverName() === 'pgsql' ? DB::raw("''") : '', 'price' => '-0.01', 'ratio' => -1.5e300, 'taken' => '1970-01-01'],
]);
