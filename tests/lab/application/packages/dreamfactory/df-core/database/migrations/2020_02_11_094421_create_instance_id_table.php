<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateInstanceIdTable extends Migration
{
    public function up()
    {
        Schema::create('instance_id', function (Blueprint $table) {
            $table->string('instance_id')->primary();
        });
    }

    public function down()
    {
        Schema::dropIfExists('instance_id');
    }
}
