<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Schema;

class CreateSystemTables extends Migration
{
    public function up()
    {
        echo 'Migration driver used: '.DB::connection()->getDriverName().PHP_EOL;

        Schema::create('user', function (Blueprint $table) {
            $table->increments('id');
            $table->string('name');
            $table->string('first_name')->nullable();
            $table->string('last_name')->nullable();
            $table->dateTime('last_login_date')->nullable();
            $table->string('email')->unique();
            $table->string('username', 64)->nullable();
            $table->longText('password')->nullable();
            $table->boolean('is_sys_admin')->default(false);
            $table->boolean('is_active')->default(true);
            $table->string('phone', 32)->nullable();
            $table->string('security_question')->nullable();
            $table->longText('security_answer')->nullable();
            $table->string('confirm_code')->nullable();
            $table->string('remember_token', 100)->nullable();
            $this->stamps($table);
        });
        Schema::create('password_resets', function (Blueprint $table) {
            $table->string('email')->index();
            $table->string('token')->index();
            $table->timestamp('created_date')->nullable();
        });
        Schema::create('service', function (Blueprint $table) {
            $table->increments('id');
            $table->string('name', 40)->unique();
            $table->string('label', 80);
            $table->string('description')->nullable();
            $table->boolean('is_active')->default(false);
            $table->string('type', 40);
            $table->boolean('mutable')->default(true);
            $table->boolean('deletable')->default(true);
            $this->stamps($table);
        });
        Schema::create('service_doc', function (Blueprint $table) {
            $table->unsignedInteger('service_id')->primary();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->integer('format')->default(0);
            $table->mediumText('content')->nullable();
            $this->stamps($table);
        });
        Schema::create('service_cache_config', function (Blueprint $table) {
            $table->unsignedInteger('service_id')->primary();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->boolean('cache_enabled')->default(false);
            $table->integer('cache_ttl')->default(0);
        });
        Schema::create('file_service_config', function (Blueprint $table) {
            $table->unsignedInteger('service_id')->primary();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->text('public_path')->nullable();
            $table->text('container')->nullable();
        });
        Schema::create('role', function (Blueprint $table) {
            $table->increments('id');
            $table->string('name', 64)->unique();
            $table->string('description')->nullable();
            $table->boolean('is_active')->default(true);
            $this->stamps($table);
        });
        Schema::create('role_service_access', function (Blueprint $table) {
            $table->increments('id');
            $table->unsignedInteger('role_id');
            $table->foreign('role_id')->references('id')->on('role')->onDelete('cascade');
            $table->unsignedInteger('service_id')->nullable();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->string('component')->nullable();
            $table->integer('verb_mask')->default(0);
            $table->integer('requestor_mask')->default(0);
            $table->text('filters')->nullable();
            $table->string('filter_op', 32)->default('and');
        });
        Schema::create('email_template', function (Blueprint $table) {
            $table->increments('id');
            $table->string('name', 64)->unique();
            $table->string('description')->nullable();
            $table->text('to')->nullable();
            $table->string('subject', 80)->nullable();
            $table->text('body_text')->nullable();
            $table->text('body_html')->nullable();
            $this->stamps($table);
        });
        Schema::create('cors_config', function (Blueprint $table) {
            $table->increments('id');
            $table->string('path');
            $table->string('origin');
            $table->longText('header')->nullable();
            $table->integer('method')->default(0);
            $table->integer('max_age')->default(0);
        });
        Schema::create('app', function (Blueprint $table) {
            $table->increments('id');
            $table->string('name', 64)->unique();
            $table->string('api_key')->nullable();
            $table->string('description')->nullable();
            $table->boolean('is_active')->default(false);
            $table->integer('type')->default(0);
            $table->text('path')->nullable();
            $table->text('url')->nullable();
            $table->unsignedInteger('role_id')->nullable();
            $table->foreign('role_id')->references('id')->on('role')->onDelete('set null');
            $this->stamps($table);
        });
        Schema::create('user_to_app_to_role', function (Blueprint $table) {
            $table->increments('id');
            $table->unsignedInteger('user_id');
            $table->foreign('user_id')->references('id')->on('user')->onDelete('cascade');
            $table->unsignedInteger('app_id');
            $table->foreign('app_id')->references('id')->on('app')->onDelete('cascade');
            $table->unsignedInteger('role_id');
            $table->foreign('role_id')->references('id')->on('role')->onDelete('cascade');
        });
        Schema::create('token_map', function (Blueprint $table) {
            $table->unsignedInteger('user_id');
            $table->foreign('user_id')->references('id')->on('user')->onDelete('cascade');
            $table->text('token');
            $table->integer('iat');
            $table->integer('exp');
        });
        Schema::create('system_config', function (Blueprint $table) {
            $table->unsignedInteger('service_id')->primary();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->unsignedInteger('default_app_id')->nullable();
            $table->unsignedInteger('invite_email_service_id')->nullable();
        });
        Schema::create('system_custom', function (Blueprint $table) {
            $table->string('name', 128)->primary();
            $table->mediumText('value')->nullable();
            $this->stamps($table);
        });
        Schema::create('lookup', function (Blueprint $table) {
            $table->increments('id');
            $table->unsignedInteger('app_id')->nullable();
            $table->foreign('app_id')->references('id')->on('app')->onDelete('cascade');
            $table->unsignedInteger('role_id')->nullable();
            $table->foreign('role_id')->references('id')->on('role')->onDelete('cascade');
            $table->unsignedInteger('user_id')->nullable();
            $table->foreign('user_id')->references('id')->on('user')->onDelete('cascade');
            $table->string('name');
            $table->text('value')->nullable();
            $table->boolean('private')->default(false);
            $table->text('description')->nullable();
            $table->boolean('allow_user_update')->default(false);
            $this->stamps($table);
        });
        Schema::create('jobs', function (Blueprint $table) {
            $table->bigIncrements('id');
            $table->string('queue')->index();
            $table->longText('payload');
            $table->unsignedTinyInteger('attempts');
            $table->unsignedInteger('reserved_at')->nullable();
            $table->unsignedInteger('available_at');
            $table->unsignedInteger('created_at');
        });
        Schema::create('failed_jobs', function (Blueprint $table) {
            $table->bigIncrements('id');
            $table->text('connection');
            $table->text('queue');
            $table->longText('payload');
            $table->longText('exception')->nullable();
            $table->timestamp('failed_at')->useCurrent();
        });
        Schema::create('app_role_map', function (Blueprint $table) {
            $table->unsignedInteger('service_id')->nullable();
            $table->unsignedInteger('app_id');
            $table->unsignedInteger('role_id');
        });
        Schema::create('service_event_map', function (Blueprint $table) {
            $table->increments('id');
            $table->unsignedInteger('service_id')->nullable();
            $table->foreign('service_id')->references('id')->on('service')->onDelete('cascade');
            $table->string('event', 128);
            $table->text('data')->nullable();
        });
    }

    private function stamps(Blueprint $table)
    {
        $table->timestamp('created_date')->nullable();
        $table->timestamp('last_modified_date')->nullable();
        $table->unsignedInteger('created_by_id')->nullable();
        $table->unsignedInteger('last_modified_by_id')->nullable();
    }

    public function down()
    {
        foreach (['service_event_map', 'app_role_map', 'failed_jobs', 'jobs', 'lookup', 'system_custom', 'system_config',
            'token_map', 'user_to_app_to_role', 'app', 'cors_config', 'email_template', 'role_service_access', 'role',
            'file_service_config', 'service_cache_config', 'service_doc', 'service', 'password_resets', 'user'] as $name) {
            Schema::dropIfExists($name);
        }
    }
}
