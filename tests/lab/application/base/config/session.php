<?php

return [
    'driver' => env('SESSION_DRIVER', 'array'),
    'lifetime' => 120,
    'files' => storage_path('framework/sessions'),
    'cookie' => 'dreamfactory_session',
    'path' => '/',
    'domain' => null,
    'lottery' => [2, 100],
];
