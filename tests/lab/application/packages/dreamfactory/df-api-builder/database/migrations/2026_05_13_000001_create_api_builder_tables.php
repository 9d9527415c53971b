<?php

use DreamFactory\Core\FailingMigration;
use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateApiBuilderTables extends Migration
{
    public function up()
    {
        Schema::create('api_builder_api', function (Blueprint $table) {
            $table->increments('id');
            $table->string('name', 64);
            $table->string('base_path')->unique();
            $table->boolean('is_active')->default(true);
        });
        FailingMigration::whenAsked();
        Schema::create('api_builder_endpoint', function (Blueprint $table) {
            $table->increments('id');
            $table->unsignedInteger('api_id');
            $table->foreign('api_id')->references('id')->on('api_builder_api')->onDelete('cascade');
            $table->string('method', 16);
            $table->string('path');
            $table->unique(['api_id', 'method', 'path']);
        });
    }

    public function down()
    {
        Schema::dropIfExists('api_builder_endpoint');
        Schema::dropIfExists('api_builder_api');
    }
}
