<?php

use DreamFactory\Core\FailingMigration;
use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateLocalEmailConfigTable extends Migration
{
    public function up()
    {
        Schema::create('local_email_config', function (Blueprint $table) {
            $table->unsignedInteger('service_id')->primary();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->string('command')->nullable();
        });
        FailingMigration::whenAsked();
    }

    public function down()
    {
        Schema::dropIfExists('local_email_config');
    }
}
