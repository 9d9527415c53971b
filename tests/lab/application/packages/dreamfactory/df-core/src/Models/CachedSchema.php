<?php

namespace DreamFactory\Core\Models;

use Illuminate\Support\Facades\Cache;
use Illuminate\Support\Facades\Schema;

/** Every model reads its table's columns through the cache before it writes. */
trait CachedSchema
{
    protected static function bootCachedSchema()
    {
        static::saving(function ($model) {
            $columns = Cache::rememberForever('model:'.$model->getTable(), function () use ($model) {
                return Schema::getColumnListing($model->getTable());
            });
            $model->setRawAttributes(array_intersect_key($model->getAttributes(), array_flip($columns)));
        });
    }
}
