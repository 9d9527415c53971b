<?php

use Illuminate\Database\Seeder;

class DatabaseSeeder extends Seeder
{
    public function run()
    {
        $this->call(AppSeeder::class);
        $this->call(EmailTemplateSeeder::class);
        $this->call(ServiceSeeder::class);
    }
}
