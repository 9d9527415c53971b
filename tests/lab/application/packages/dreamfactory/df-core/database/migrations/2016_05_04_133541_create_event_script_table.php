<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateEventScriptTable extends Migration
{
    public function up()
    {
        Schema::create('event_script', function (Blueprint $table) {
            $table->string('name', 80)->primary();
            $table->string('type', 40);
            $table->boolean('is_active')->default(false);
            $table->mediumText('content')->nullable();
            $table->text('config')->nullable();
            $table->unsignedInteger('storage_service_id')->nullable();
            $table->string('storage_path')->nullable();
            $table->boolean('allow_event_modification')->default(false);
            $table->timestamp('created_date')->nullable();
            $table->timestamp('last_modified_date')->nullable();
        });
    }

    public function down()
    {
        Schema::dropIfExists('event_script');
    }
}
