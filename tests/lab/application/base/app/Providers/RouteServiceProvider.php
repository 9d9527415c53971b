<?php

namespace DreamFactory\Providers;

use Illuminate\Foundation\Support\Providers\RouteServiceProvider as ServiceProvider;

class RouteServiceProvider extends ServiceProvider
{
    public function map()
    {
        $this->loadRoutesFrom(base_path('routes/web.php'));
    }
}
