<?php

use DreamFactory\Http\Controllers\SplashController;
use Illuminate\Support\Facades\Route;

Route::get('/', [SplashController::class, 'index'])->middleware('first.user');
Route::get('/setup', [SplashController::class, 'setup']);
Route::get('/setup_db', [SplashController::class, 'setup']);

Route::get('/up', function () {
    return response()->json(['status' => 'up']);
});
