<?php

namespace DreamFactory\Core\Http;

use DreamFactory\Core\Models\Service;
use Illuminate\Http\Request;
use Illuminate\Routing\Controller;
use Illuminate\Support\Facades\Cache;
use Illuminate\Support\Facades\DB;

class SystemController extends Controller
{
    const COLUMNS = [
        'service' => ['id', 'name', 'label', 'type', 'is_active'],
        'role' => ['id', 'name', 'description', 'is_active'],
        'app' => ['id', 'name', 'description', 'is_active', 'role_id'],
    ];

    public function environment()
    {
        Cache::rememberForever('service_mgr:name_type_map', function () {
            return Service::query()->pluck('type', 'name')->all();
        });
        $this->unreadableOnceCached('environment');

        return response()->json(['authentication' => ['allow_open_registration' => false], 'apps' => []]);
    }

    public function resource(Request $request, string $resource)
    {
        if (SessionController::user($request) === null) {
            $message = 'No session token (JWT) or API Key detected in request. '.
                'Please send in X-DreamFactory-Session-Token and/or X-Dreamfactory-API-Key request header.';

            return response()->json(['error' => ['code' => 400, 'context' => null, 'message' => $message]], 400);
        }
        if (!isset(self::COLUMNS[$resource])) {
            return response()->json(['error' => ['code' => 404, 'message' => "Resource '$resource' not found for service 'system'."]], 404);
        }

        return response()->json(['resource' => DB::table($resource)->orderBy('id')->get(self::COLUMNS[$resource])]);
    }

    /** Laravel's cache gives __PHP_Incomplete_Class for an object that it may not make: the first request works, no later one does. */
    private function unreadableOnceCached(string $what)
    {
        if (!is_file(storage_path('app/fail-cached'))) {
            return;
        }
        if (Cache::has("lab:$what")) {
            throw new \RuntimeException('The script tried to call a method on an incomplete object (__PHP_Incomplete_Class)');
        }
        Cache::forever("lab:$what", true);
    }
}
