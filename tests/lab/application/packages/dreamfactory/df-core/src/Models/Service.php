<?php

namespace DreamFactory\Core\Models;

use Illuminate\Database\Eloquent\Model;

class Service extends Model
{
    use CachedSchema;

    const CREATED_AT = 'created_date';

    const UPDATED_AT = 'last_modified_date';

    protected $table = 'service';

    protected $guarded = [];
}
