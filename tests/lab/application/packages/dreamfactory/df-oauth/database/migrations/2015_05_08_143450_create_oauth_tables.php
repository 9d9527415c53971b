<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateOauthTables extends Migration
{
    public function up()
    {
        Schema::create('oauth_config', function (Blueprint $table) {
            $table->unsignedInteger('service_id')->primary();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->unsignedInteger('default_role')->nullable();
            $table->string('client_id');
            $table->longText('client_secret')->nullable();
            $table->string('redirect_url');
            $table->string('icon_class')->nullable();
        });
    }

    public function down()
    {
        Schema::dropIfExists('oauth_config');
    }
}
