<?php

$app = new Illuminate\Foundation\ReleasedApplication(realpath(__DIR__.'/../'));

$app->singleton(Illuminate\Contracts\Http\Kernel::class, DreamFactory\Http\Kernel::class);
$app->singleton(Illuminate\Contracts\Console\Kernel::class, DreamFactory\Console\Kernel::class);
$app->singleton(Illuminate\Contracts\Debug\ExceptionHandler::class, DreamFactory\Exceptions\Handler::class);

return $app;
