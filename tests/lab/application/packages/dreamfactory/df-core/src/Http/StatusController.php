<?php

namespace DreamFactory\Core\Http;

use DreamFactory\Core\LicenseLevel;
use Illuminate\Http\Request;
use Illuminate\Routing\Controller;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Log;

class StatusController extends Controller
{
    public function index(Request $request)
    {
        Log::info('[REQUEST] Instance status');

        return response()->json([
            'uri' => $request->getSchemeAndHttpHost(),
            'managed' => false,
            'dist' => env('DF_INSTALL', ''),
            'demo' => false,
            'version' => config('app.version'),
            'license' => LicenseLevel::current(),
            'host_os' => PHP_OS,
            'last_admin_login' => DB::table('user')->where('is_sys_admin', true)->max('last_login_date'),
            'resources' => [
                'app' => DB::table('app')->count(),
                'admin' => DB::table('user')->where('is_sys_admin', true)->count(),
                'user' => DB::table('user')->where('is_sys_admin', false)->count(),
                'service' => DB::table('service')->count(),
                'role' => DB::table('role')->count(),
            ],
        ], 200, [], JSON_UNESCAPED_SLASHES);
    }
}
