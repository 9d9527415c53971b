<?php

return [
    'default' => env('LOG_CHANNEL', env('APP_LOG', 'stack')),

    'channels' => [
        'stack' => ['driver' => 'stack', 'channels' => ['single']],
        'single' => [
            'driver' => 'single',
            'path' => storage_path('logs/dreamfactory.log'),
            'level' => env('DF_LOG_LEVEL', 'warning'),
        ],
        'daily' => [
            'driver' => 'daily',
            'path' => storage_path('logs/dreamfactory.log'),
            'level' => env('DF_LOG_LEVEL', 'warning'),
            'days' => env('APP_LOG_MAX_FILES', 5),
        ],
        'emergency' => ['path' => storage_path('logs/dreamfactory.log')],
    ],
];
