<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateApiBuilderApiService extends Migration
{
    public function up()
    {
        Schema::create('api_builder_api_service', function (Blueprint $table) {
            $table->unsignedInteger('api_id');
            $table->foreign('api_id')->references('id')->on('api_builder_api')->onDelete('cascade');
            $table->unsignedInteger('service_id');
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->primary(['api_id', 'service_id']);
        });
    }

    public function down()
    {
        Schema::dropIfExists('api_builder_api_service');
    }
}
