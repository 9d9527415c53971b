<?php

namespace DreamFactory\Core\Http;

use Illuminate\Http\Request;
use Illuminate\Routing\Controller;
use Illuminate\Support\Facades\DB;

class SessionController extends Controller
{
    const HEADER = 'X-DreamFactory-Session-Token';

    public function adminLogin(Request $request)
    {
        return $this->login($request, true);
    }

    public function userLogin(Request $request)
    {
        return $this->login($request, false);
    }

    public function logout(Request $request)
    {
        $ended = DB::table('token_map')->where('token', (string) $request->header(self::HEADER))->delete();

        return $ended ? response()->json(['success' => true]) : $this->refused('There is no valid session for the current request.');
    }

    public static function user(Request $request)
    {
        $token = (string) $request->header(self::HEADER);

        return $token === '' ? null : DB::table('token_map')->where('token', $token)->value('user_id');
    }

    private function login(Request $request, bool $admin)
    {
        $email = (string) $request->input('email');
        $user = DB::table('user')->where('email', $email)->where('is_sys_admin', $admin)->where('is_active', true)->first();
        $password = (string) $request->input('password');
        if ($user === null || !password_verify($password, (string) $user->password)) {
            return $this->refused('Invalid credentials supplied.');
        }
        if ($this->rehashes($user->password)) {
            // Laravel 11 hashes again where the cost is another one, and the model's setter hashes that once more.
            $options = ['cost' => (int) config('hashing.bcrypt.rounds')];
            $hash = password_hash(password_hash($password, PASSWORD_BCRYPT, $options), PASSWORD_BCRYPT, $options);
            DB::table('user')->where('id', $user->id)->update(['password' => $hash]);
            $message = "SQLSTATE[42S22]: Column not found: 1054 Unknown column '{$user->id}' in 'WHERE' (SQL: select 1)";

            return response()->json(['error' => ['code' => '42S22', 'message' => $message]], 500);
        }
        $token = bin2hex(random_bytes(24));
        DB::table('token_map')->insert(['user_id' => $user->id, 'token' => $token, 'iat' => time(), 'exp' => time() + 86400]);
        DB::table('user')->where('id', $user->id)->update(['last_login_date' => date('Y-m-d H:i:s'), 'confirm_code' => null]);

        return response()->json(['session_token' => $token, 'session_id' => $token, 'id' => $user->id, 'email' => $email, 'is_sys_admin' => $admin]);
    }

    private function rehashes(string $hash): bool
    {
        $rounds = (int) config('hashing.bcrypt.rounds');

        return version_compare((string) config('app.version'), '7.0.1', '>=') && password_get_info($hash)['options']['cost'] !== $rounds;
    }

    private function refused(string $message)
    {
        return response()->json(['error' => ['code' => 401, 'context' => null, 'message' => $message, 'status_code' => 401]], 401);
    }
}
