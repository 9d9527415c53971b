<?php

namespace DreamFactory\Core;

use DreamFactory\Core\Database\SQLiteConnector;

class ServiceProvider extends \Illuminate\Support\ServiceProvider
{
    public function register()
    {
        $this->app->bind('db.connector.sqlite', SQLiteConnector::class);
    }

    public function boot()
    {
        $this->loadRoutesFrom(__DIR__.'/../routes/routes.php');
        $this->loadMigrationsFrom(__DIR__.'/../database/migrations');
    }
}
