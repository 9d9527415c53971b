<?php

return [
    'default' => env('CACHE_STORE', 'database'),

    'stores' => [
        'array' => ['driver' => 'array'],
        'database' => ['driver' => 'database', 'table' => env('DB_CACHE_TABLE', 'cache'), 'connection' => null],
        'file' => ['driver' => 'file', 'path' => env('CACHE_PATH', storage_path('framework/cache/data'))],
    ],

    'serializable_classes' => true,

    'prefix' => env('CACHE_PREFIX', 'laravel-cache-'),
];
