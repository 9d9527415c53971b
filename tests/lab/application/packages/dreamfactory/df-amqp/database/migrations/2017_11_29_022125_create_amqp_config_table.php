<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateAmqpConfigTable extends Migration
{
    public function up()
    {
        Schema::create('amqp_config', function (Blueprint $table) {
            $table->unsignedInteger('service_id')->primary();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->string('host');
            $table->integer('port');
            $table->string('username')->nullable();
            $table->text('password')->nullable();
            $table->string('vhost')->nullable();
        });
    }

    public function down()
    {
        Schema::dropIfExists('amqp_config');
    }
}
