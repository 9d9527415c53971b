<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateSchedulerTasksTable extends Migration
{
    public function up()
    {
        Schema::create('scheduler_tasks', function (Blueprint $table) {
            $table->increments('id');
            $table->string('name')->unique();
            $table->boolean('is_active')->default(false);
            $table->unsignedInteger('service_id')->nullable();
            $table->string('component')->nullable();
            $table->integer('verb_mask')->default(1);
            $table->integer('frequency')->default(1);
            $table->text('payload')->nullable();
        });
    }

    public function down()
    {
        Schema::dropIfExists('scheduler_tasks');
    }
}
