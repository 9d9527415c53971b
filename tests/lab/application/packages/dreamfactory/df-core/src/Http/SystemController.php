<?php

namespace DreamFactory\Core\Http;

use DreamFactory\Core\Models\Service;
use Illuminate\Routing\Controller;
use Illuminate\Support\Facades\Cache;

class SystemController extends Controller
{
    public function environment()
    {
        Cache::rememberForever('service_mgr:name_type_map', function () {
            return Service::query()->pluck('type', 'name')->all();
        });

        return response()->json(['authentication' => ['allow_open_registration' => false], 'apps' => []]);
    }

    public function resource()
    {
        $message = 'No session token (JWT) or API Key detected in request. '.
            'Please send in X-DreamFactory-Session-Token and/or X-Dreamfactory-API-Key request header.';

        return response()->json(['error' => ['code' => 400, 'context' => null, 'message' => $message]], 400);
    }
}
