<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class AddAzureAdClientCredentialsFields extends Migration
{
    public function up()
    {
        Schema::table('oauth_config', function (Blueprint $table) {
            $table->string('tenant_id')->nullable();
            $table->boolean('client_credentials')->default(false);
        });
    }

    public function down()
    {
        Schema::table('oauth_config', function (Blueprint $table) {
            $table->dropColumn('client_credentials');
        });
        Schema::table('oauth_config', function (Blueprint $table) {
            $table->dropColumn('tenant_id');
        });
    }
}
