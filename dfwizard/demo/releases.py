"""The files of each release, as a checkout of it has them: all that dfwizard reads, and enough else to look like one."""

from __future__ import annotations

from dfwizard.demo.packages import composer_json, composer_lock, written
from dfwizard.rules import Release, Rules

Files = dict[str, bytes]
EXECUTABLE = frozenset({"artisan"})
_OLDEST = 4
_KEEP = "*\n!.gitignore\n"


def in_origin(rules: Rules) -> tuple[Release, ...]:
    """Give the releases that the sandbox's origin has, oldest first: from the last line that can be upgraded in place on."""
    return tuple(release for release in rules.releases if release.major >= _OLDEST and release.php_constraint)


def files_of(release: Release) -> Files:
    """Give every tracked file of a release by its path."""
    new = release.major >= 7
    texts = {**_COMMON, **(_NEW if new else _OLD), **_configuration(release, new=new)}
    texts["README.md"] = (
        f"# DreamFactory {release.config_version}\n\nSecure, self-hosted REST APIs for any data source.\n"
    )
    texts["artisan"] = _artisan(new=new)
    files = {path: text.encode() for path, text in texts.items()}
    files["composer.json"] = files["composer.json-dist"] = written(composer_json(release))
    files["composer.lock"] = composer_lock(release)
    return files


def _php(body: str) -> str:
    return f"<?php\n\n{body.strip()}\n"


def _artisan(*, new: bool) -> str:
    start = (
        "$status = (require_once __DIR__.'/bootstrap/app.php')->handleCommand(new Symfony\\Component\\Console\\Input\\ArgvInput);"
        if new
        else "$app = require_once __DIR__.'/bootstrap/app.php';\n"
        "$kernel = $app->make(Illuminate\\Contracts\\Console\\Kernel::class);\n"
        "$status = $kernel->handle(new Symfony\\Component\\Console\\Input\\ArgvInput);"
    )
    head = "#!/usr/bin/env php\n<?php\n\ndefine('LARAVEL_START', microtime(true));\n\n"
    return f"{head}require __DIR__.'/vendor/autoload.php';\n\n{start}\n\nexit($status);\n"


def _configuration(release: Release, *, new: bool) -> dict[str, str]:
    store = "CACHE_STORE" if new else "CACHE_DRIVER"
    cache = "database" if release.laravel.startswith("13.") else "file"
    url = "DB_URL" if new else "DATABASE_URL"
    driver = "env('DB_CONNECTION', 'sqlite')" if new else "env('DB_CONNECTION', env('DB_DRIVER', 'sqlite'))"
    return {
        "config/app.php": _php(
            f"return [\n    'name' => env('APP_NAME', 'DreamFactory'),\n    'version' => '{release.config_version}',\n"
            "    'env' => env('APP_ENV', 'production'),\n    'debug' => env('APP_DEBUG', false),\n"
            "    'url' => env('APP_URL', 'http://localhost'),\n    'key' => env('APP_KEY'),\n    'cipher' => 'AES-256-CBC',\n];"
        ),
        "config/cache.php": _php(
            f"return [\n    'default' => env('{store}', '{cache}'),\n    'stores' => [\n        'file' => ['driver' => 'file', "
            "'path' => storage_path('framework/cache/data')],\n    ],\n    'prefix' => env('CACHE_PREFIX', 'dreamfactory'),\n];"
        ),
        "config/database.php": _php(
            f"return [\n    'default' => {driver},\n    'connections' => [\n"
            "        'sqlite' => [\n            'driver' => 'sqlite',\n"
            "            'database' => env('DB_DATABASE', database_path('database.sqlite')),\n            'prefix' => '',\n        ],\n"
            "        'mysql' => [\n            'driver' => 'mysql',\n            'host' => env('DB_HOST', '127.0.0.1'),\n"
            "            'port' => env('DB_PORT', '3306'),\n            'database' => env('DB_DATABASE', 'dreamfactory'),\n"
            "            'username' => env('DB_USERNAME', ''),\n            'password' => env('DB_PASSWORD', ''),\n        ],\n"
            f"        'pgsql' => [\n            'driver' => 'pgsql',\n            'url' => env('{url}'),\n"
            "            'host' => env('DB_HOST', '127.0.0.1'),\n            'port' => env('DB_PORT', '5432'),\n"
            "            'database' => env('DB_DATABASE', 'dreamfactory'),\n        ],\n    ],\n    'migrations' => 'migrations',\n];"
        ),
        "config/queue.php": _php(
            "return [\n    'default' => env('QUEUE_CONNECTION', '"
            + ("database" if new else "sync")
            + "'),\n];"
        ),
        "config/hashing.php": _php(
            "return [\n    'driver' => 'bcrypt',\n    'bcrypt' => ['rounds' => env('BCRYPT_ROUNDS', "
            + ("12" if new else "10")
            + ")],\n];"
        ),
    }


_COMMON: dict[str, str] = {
    ".editorconfig": "root = true\n\n[*]\ncharset = utf-8\nindent_style = space\nindent_size = 4\n",
    ".env-dist": "##APP_ENV=local\nAPP_KEY=\nDB_CONNECTION=sqlite\n",
    ".gitattributes": "* text=auto\n*.css linguist-vendored\n",
    ".gitignore": "/vendor\n/node_modules\n.env\n.idea\n*.log\n/public/dreamfactory\n/storage/*.key\n",
    "LICENSE.txt": "Apache License, Version 2.0\nhttp://www.apache.org/licenses/LICENSE-2.0\n",
    "app/Http/Controllers/SplashController.php": _php(
        "namespace DreamFactory\\Http\\Controllers;\n\nclass SplashController extends Controller\n{\n    public function index()\n"
        "    {\n        return view('index');\n    }\n}"
    ),
    "app/Http/Controllers/Controller.php": _php(
        "namespace DreamFactory\\Http\\Controllers;\n\nabstract class Controller\n{\n}"
    ),
    "app/Http/Middleware/FirstUserCheck.php": _php(
        "namespace DreamFactory\\Http\\Middleware;\n\nclass FirstUserCheck\n{\n    public function handle($request, $next)\n    {\n"
        "        return $next($request);\n    }\n}"
    ),
    "app/Providers/AppServiceProvider.php": _php(
        "namespace DreamFactory\\Providers;\n\nuse Illuminate\\Support\\ServiceProvider;\n\n"
        "class AppServiceProvider extends ServiceProvider\n{\n}"
    ),
    "bootstrap/cache/.gitignore": _KEEP,
    "config/cors.php": _php("return ['paths' => ['api/*'], 'allowed_methods' => ['*']];"),
    "config/df.php": _php("return ['app' => ['name' => env('APP_NAME', 'DreamFactory')], 'db' => []];"),
    "config/filesystems.php": _php("return ['default' => 'local'];"),
    "config/logging.php": _php("return ['default' => env('LOG_CHANNEL', 'stack')];"),
    "config/mail.php": _php("return ['default' => env('MAIL_MAILER', 'smtp')];"),
    "config/session.php": _php("return ['driver' => env('SESSION_DRIVER', 'array')];"),
    "config/view.php": _php("return ['paths' => [resource_path('views')]];"),
    "database/.gitignore": "*.sqlite\n*.sqlite-journal\n",
    "database/migrations/.gitkeep": "",
    "database/seeds/AppSeeder.php": _php("class AppSeeder extends BaseModelSeeder\n{\n}"),
    "database/seeds/DatabaseSeeder.php": _php("class DatabaseSeeder extends Seeder\n{\n}"),
    "database/seeds/EmailTemplateSeeder.php": _php("class EmailTemplateSeeder extends BaseModelSeeder\n{\n}"),
    "phpunit.xml": '<?xml version="1.0" encoding="UTF-8"?>\n<phpunit bootstrap="vendor/autoload.php"></phpunit>\n',
    "public/.htaccess": "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^ index.php [L]\n",
    "public/index.php": _php(
        "require __DIR__.'/../vendor/autoload.php';\n\nrequire __DIR__.'/../bootstrap/app.php';"
    ),
    "public/robots.txt": "User-agent: *\nDisallow: /\n",
    "resources/lang/en/auth.php": _php("return ['failed' => 'These credentials do not match our records.'];"),
    "resources/views/errors/503.blade.php": "<html><body>Be right back.</body></html>\n",
    "routes/web.php": _php("Route::get('/', 'SplashController@index');"),
    "server/config/nginx/dreamfactory.conf": "server {\n    listen 80;\n    root /opt/dreamfactory/public;\n}\n",
    "storage/app/.gitignore": _KEEP,
    "storage/databases/.gitignore": _KEEP,
    "storage/framework/cache/.gitignore": "*\n!data/\n!.gitignore\n",
    "storage/framework/cache/data/.gitignore": _KEEP,
    "storage/framework/sessions/.gitignore": _KEEP,
    "storage/framework/views/.gitignore": _KEEP,
    "storage/logs/.gitignore": _KEEP,
    "storage/scripting/.gitignore": _KEEP,
    "storage/wsdl/salesforce.enterprise.wsdl": '<?xml version="1.0" encoding="UTF-8"?>\n<definitions/>\n',
    "tests/TestCase.php": _php(
        "abstract class TestCase extends Illuminate\\Foundation\\Testing\\TestCase\n{\n}"
    ),
}
_OLD: dict[str, str] = {
    "app/Console/Kernel.php": _php(
        "namespace DreamFactory\\Console;\n\nclass Kernel extends ConsoleKernel\n{\n}"
    ),
    "app/Exceptions/Handler.php": _php(
        "namespace DreamFactory\\Exceptions;\n\nclass Handler extends ExceptionHandler\n{\n}"
    ),
    "app/Http/Kernel.php": _php("namespace DreamFactory\\Http;\n\nclass Kernel extends HttpKernel\n{\n}"),
    "bootstrap/app.php": _php(
        "$app = new Illuminate\\Foundation\\Application(realpath(__DIR__.'/../'));\n\nreturn $app;"
    ),
    "tests/CreatesApplication.php": _php("trait CreatesApplication\n{\n}"),
}
_NEW: dict[str, str] = {
    "app/Http/Controllers/SystemController.php": _php(
        "namespace DreamFactory\\Http\\Controllers;\n\nclass SystemController extends Controller\n{\n}"
    ),
    "bootstrap/app.php": _php(
        "use Illuminate\\Foundation\\Application;\n\nreturn Application::configure(basePath: dirname(__DIR__))\n"
        "    ->withRouting(web: __DIR__.'/../routes/web.php', health: '/up')\n    ->create();"
    ),
    "bootstrap/providers.php": _php("return [DreamFactory\\Providers\\AppServiceProvider::class];"),
    "routes/console.php": _php("use Illuminate\\Support\\Facades\\Artisan;"),
}
