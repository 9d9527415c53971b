<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateMqttConfigTable extends Migration
{
    public function up()
    {
        Schema::create('mqtt_config', function (Blueprint $table) {
            $table->unsignedInteger('service_id')->primary();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->string('host');
            $table->integer('port');
            $table->string('client_id');
            $table->string('username')->nullable();
            $table->text('password')->nullable();
            $table->boolean('use_tls')->default(false);
        });
    }

    public function down()
    {
        Schema::dropIfExists('mqtt_config');
    }
}
