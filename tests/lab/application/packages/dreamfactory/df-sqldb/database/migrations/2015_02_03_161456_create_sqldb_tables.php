<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateSqldbTables extends Migration
{
    public function up()
    {
        Schema::create('sql_db_config', function (Blueprint $table) {
            $table->unsignedInteger('service_id')->primary();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->longText('connection')->nullable();
            $table->text('options')->nullable();
            $table->text('attributes')->nullable();
            $table->text('statements')->nullable();
        });
    }

    public function down()
    {
        Schema::dropIfExists('sql_db_config');
    }
}
