<?php

use DreamFactory\Core\Http\SessionController;
use DreamFactory\Core\Http\StatusController;
use DreamFactory\Core\Http\SystemController;
use Illuminate\Support\Facades\Route;

Route::get('/status', [StatusController::class, 'index']);
Route::post('/api/v2/system/admin/session', [SessionController::class, 'adminLogin']);
Route::delete('/api/v2/system/admin/session', [SessionController::class, 'logout']);
Route::post('/api/v2/user/session', [SessionController::class, 'userLogin']);
Route::delete('/api/v2/user/session', [SessionController::class, 'logout']);
Route::get('/api/v2/system/environment', [SystemController::class, 'environment']);
Route::get('/api/v2/system/{resource}', [SystemController::class, 'resource']);
