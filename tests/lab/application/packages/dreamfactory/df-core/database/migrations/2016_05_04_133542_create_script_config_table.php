<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateScriptConfigTable extends Migration
{
    public function up()
    {
        Schema::create('script_config', function (Blueprint $table) {
            $table->unsignedInteger('service_id')->primary();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->mediumText('content')->nullable();
            $table->text('config')->nullable();
            $table->boolean('queued')->default(false);
        });
    }

    public function down()
    {
        Schema::dropIfExists('script_config');
    }
}
