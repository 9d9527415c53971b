<?php

namespace DreamFactory\Http\Middleware;

use Closure;
use DreamFactory\Core\Models\User;
use Illuminate\Database\QueryException;

class FirstUserCheck
{
    public function handle($request, Closure $next)
    {
        try {
            $exists = User::adminExists();
        } catch (QueryException $e) {
            if (strpos($e->getSql(), 'cache') !== false) {
                throw $e;
            }

            return redirect()->to('/setup_db');
        }

        return $exists ? $next($request) : redirect()->to('/setup');
    }
}
