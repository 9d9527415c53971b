<?php

namespace DreamFactory\Core\Models;

use Illuminate\Database\Eloquent\Model;
use Illuminate\Support\Facades\Cache;

class User extends Model
{
    use CachedSchema;

    const CREATED_AT = 'created_date';

    const UPDATED_AT = 'last_modified_date';

    protected $table = 'user';

    protected $guarded = [];

    public static function adminExists(): bool
    {
        return Cache::rememberForever('admin_exists', function () {
            return static::query()->where('is_sys_admin', true)->where('is_active', true)->exists();
        });
    }
}
