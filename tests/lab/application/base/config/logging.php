<?php

// The form of the real log: a time with its zone, the exception on the line of the message.
$format = [
    'formatter' => Monolog\Formatter\LineFormatter::class,
    'formatter_with' => [
        'dateFormat' => 'Y-m-d\TH:i:s.uP',
        'allowInlineLineBreaks' => true,
        'ignoreEmptyContextAndExtra' => true,
    ],
];

return [
    'default' => env('LOG_CHANNEL', env('APP_LOG', 'stack')),

    'channels' => [
        'stack' => ['driver' => 'stack', 'channels' => ['single']],
        'single' => $format + [
            'driver' => 'single',
            'path' => storage_path('logs/dreamfactory.log'),
            'level' => env('DF_LOG_LEVEL', 'warning'),
        ],
        'daily' => $format + [
            'driver' => 'daily',
            'path' => storage_path('logs/dreamfactory.log'),
            'level' => env('DF_LOG_LEVEL', 'warning'),
            'days' => env('APP_LOG_MAX_FILES', 5),
        ],
        'emergency' => ['path' => storage_path('logs/dreamfactory.log')],
    ],
];
