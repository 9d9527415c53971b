<?php

namespace DreamFactory\Http;

use Illuminate\Foundation\Http\Kernel as HttpKernel;

class Kernel extends HttpKernel
{
    protected $middleware = [
        \DreamFactory\Http\Middleware\PreventRequestsDuringMaintenance::class,
    ];

    protected $routeMiddleware = [
        'first.user' => \DreamFactory\Http\Middleware\FirstUserCheck::class,
    ];
}
