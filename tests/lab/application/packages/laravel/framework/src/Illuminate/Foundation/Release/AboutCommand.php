<?php

namespace Illuminate\Foundation\Release;

use Illuminate\Console\Command;

/** The sections of `about` that say how the application is set; words up to Laravel 9, booleans later. */
class AboutCommand extends Command
{
    protected $signature = 'about {--json : Output the information as JSON}';

    protected $description = 'Display basic information about your application';

    public function handle()
    {
        $app = $this->laravel;
        $words = version_compare($app->version(), '10', '<');
        $flag = function (bool $value, string $on, string $off) use ($words) {
            return $words ? ($value ? $on : $off) : $value;
        };
        $sections = [
            'environment' => [
                'application_name' => config('app.name'),
                'laravel_version' => $app->version(),
                'php_version' => PHP_VERSION,
                'environment' => $app->environment(),
                'debug_mode' => $flag((bool) config('app.debug'), 'ENABLED', 'OFF'),
                'url' => preg_replace('#^https?://#', '', (string) config('app.url')),
                'maintenance_mode' => $flag($app->isDownForMaintenance(), 'ENABLED', 'OFF'),
            ],
            'cache' => [
                'config' => $flag($app->configurationIsCached(), 'CACHED', 'NOT CACHED'),
                'events' => $flag($app->eventsAreCached(), 'CACHED', 'NOT CACHED'),
                'routes' => $flag($app->routesAreCached(), 'CACHED', 'NOT CACHED'),
            ],
            'drivers' => [
                'cache' => config('cache.default'),
                'database' => config('database.default'),
                'logs' => config('logging.default'),
                'queue' => config('queue.default'),
                'session' => config('session.driver'),
            ],
        ];
        if ($this->option('json')) {
            $this->output->writeln(json_encode($sections));

            return 0;
        }
        foreach ($sections as $name => $lines) {
            $this->output->writeln("\n  ".ucfirst($name));
            foreach ($lines as $key => $value) {
                $this->output->writeln(TwoColumns::line($key, is_bool($value) ? json_encode($value) : (string) $value));
            }
        }

        return 0;
    }
}
