<?php

use Illuminate\Database\Seeder;
use Illuminate\Support\Facades\DB;

/** The default mail templates; those that were deleted come back. */
class EmailTemplateSeeder extends Seeder
{
    public function run()
    {
        $created = [];
        foreach (['User Invite Default', 'User Registration Default', 'Password Reset Default'] as $name) {
            if (!DB::table('email_template')->where('name', $name)->exists()) {
                DB::table('email_template')->insert([
                    'name' => $name,
                    'subject' => '[DF] '.$name,
                    'body_html' => '<div>Dear {first_name}, use the code {confirm_code}.</div>',
                ]);
                $created[] = $name;
            }
        }
        if ($created && isset($this->command)) {
            $this->command->getOutput()->writeln('Email Template resources created: '.implode(', ', $created));
        }
    }
}
