<?php

namespace Illuminate\Foundation\Release;

use Illuminate\Support\ServiceProvider;

/** Commands that answer in the words of Laravel 9 and later, where the framework underneath is older. */
class ReleaseServiceProvider extends ServiceProvider
{
    public function register()
    {
        $this->app->extend('migrator', function ($migrator, $app) {
            return new Migrator($app['migration.repository'], $app['db'], $app['files'], $app['events']);
        });
        $this->app->extend('command.migrate.status', function ($command, $app) {
            return new StatusCommand($app['migrator']);
        });
        $this->app->extend('command.package.discover', function () {
            return new PackageDiscoverCommand();
        });
        $this->commands([AboutCommand::class]);
    }
}
