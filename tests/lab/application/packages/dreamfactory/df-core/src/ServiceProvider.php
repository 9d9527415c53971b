<?php

namespace DreamFactory\Core;

use DreamFactory\Core\Commands\ClearAllFileCache;
use DreamFactory\Core\Commands\Env;
use DreamFactory\Core\Database\SQLiteConnector;

class ServiceProvider extends \Illuminate\Support\ServiceProvider
{
    public function register()
    {
        $this->app->bind('db.connector.sqlite', SQLiteConnector::class);
    }

    public function boot()
    {
        $this->commands([ClearAllFileCache::class, Env::class]);
        $this->loadRoutesFrom(__DIR__.'/../routes/routes.php');
        $this->loadMigrationsFrom(__DIR__.'/../database/migrations');
    }
}
