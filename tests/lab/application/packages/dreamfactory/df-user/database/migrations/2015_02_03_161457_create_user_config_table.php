<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateUserConfigTable extends Migration
{
    public function up()
    {
        Schema::create('user_config', function (Blueprint $table) {
            $table->unsignedInteger('service_id')->primary();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->boolean('allow_open_registration')->default(false);
            $table->unsignedInteger('open_reg_role_id')->nullable();
        });
    }

    public function down()
    {
        Schema::dropIfExists('user_config');
    }
}
