<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class AddAllowNewUsersToOauthConfig extends Migration
{
    public function up()
    {
        Schema::table('oauth_config', function (Blueprint $table) {
            $table->boolean('allow_new_users')->default(true);
        });
    }

    public function down()
    {
        Schema::table('oauth_config', function (Blueprint $table) {
            $table->dropColumn('allow_new_users');
        });
    }
}
