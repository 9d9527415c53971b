<?php

return [
    'default' => env('CACHE_STORE', 'file'),

    'stores' => [
        'array' => ['driver' => 'array'],
        'database' => ['driver' => 'database', 'table' => 'cache', 'connection' => null],
        'file' => ['driver' => 'file', 'path' => env('CACHE_PATH', storage_path('framework/cache/data'))],
    ],

    'prefix' => env('CACHE_PREFIX', 'laravel'),
];
