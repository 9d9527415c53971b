<?php

return [
    'default' => env('CACHE_DRIVER', 'file'),

    'stores' => [
        'array' => ['driver' => 'array'],
        'database' => ['driver' => 'database', 'table' => env('CACHE_TABLE', 'cache'), 'connection' => null],
        'file' => ['driver' => 'file', 'path' => env('CACHE_PATH', storage_path('framework/cache/data'))],
        'redis' => ['driver' => 'redis', 'connection' => 'default'],
    ],

    'prefix' => env('CACHE_PREFIX', 'dreamfactory_cache'),
];
