<?php

use DreamFactory\Core\Http\StatusController;
use DreamFactory\Core\Http\SystemController;
use Illuminate\Support\Facades\Route;

Route::get('/status', [StatusController::class, 'index']);
Route::get('/api/v2/system/environment', [SystemController::class, 'environment']);
Route::get('/api/v2/system/{resource}', [SystemController::class, 'resource']);
