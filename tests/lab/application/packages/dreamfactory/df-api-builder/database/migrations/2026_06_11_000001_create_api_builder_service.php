<?php

use DreamFactory\Core\Models\Service;
use Illuminate\Database\Migrations\Migration;

class CreateApiBuilderService extends Migration
{
    public function up()
    {
        Service::query()->firstOrCreate(['name' => 'api_builder'], [
            'label' => 'API Builder',
            'type' => 'api_builder',
            'is_active' => true,
            'mutable' => false,
            'deletable' => false,
        ]);
    }

    public function down()
    {
        Service::query()->where('name', 'api_builder')->delete();
    }
}
