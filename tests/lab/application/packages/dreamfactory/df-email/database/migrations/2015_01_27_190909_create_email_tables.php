<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateEmailTables extends Migration
{
    public function up()
    {
        Schema::create('smtp_config', function (Blueprint $table) {
            $table->unsignedInteger('service_id')->primary();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->string('host');
            $table->string('port')->default('587');
            $table->string('encryption')->default('tls');
            $table->text('username')->nullable();
            $table->text('password')->nullable();
        });
    }

    public function down()
    {
        Schema::dropIfExists('smtp_config');
    }
}
