<?php

namespace DreamFactory\Core;

use Illuminate\Support\Facades\DB;

/** A migration that has made its table fails on its next statement while storage/app/fail-migration exists. */
class FailingMigration
{
    public static function whenAsked(): void
    {
        if (file_exists(storage_path('app/fail-migration'))) {
            DB::table('service')->insert(['name' => 'system', 'label' => 'System Management', 'type' => 'system']);
        }
    }
}
