<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class AddGoogleGroupRoleMapping extends Migration
{
    public function up()
    {
        Schema::create('role_google', function (Blueprint $table) {
            $table->unsignedInteger('role_id')->primary();
            $table->foreign('role_id')->references('id')->on('role')->onDelete('cascade');
            $table->string('group_email');
        });
    }

    public function down()
    {
        Schema::dropIfExists('role_google');
    }
}
