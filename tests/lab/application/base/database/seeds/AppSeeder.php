<?php

use Illuminate\Database\Seeder;
use Illuminate\Support\Facades\DB;

/** The three default applications, put back to their factory values on every run. */
class AppSeeder extends Seeder
{
    private const APPS = [
        ['name' => 'admin', 'api_key' => '6498a8ad1beb9d84d63035c5d1120c007fad6de706734db9689f8996707e0f7d', 'description' => 'An application for administering this instance.', 'path' => 'dreamfactory/dist/index.html'],
        ['name' => 'api_docs', 'api_key' => '36fda24fe5588fa4285ac6c6c2fdfbdb6b6bc9834699774c9bf777f706d05a88', 'description' => 'A web-based application for viewing the API documentation.', 'path' => 'df-api-docs-ui/dist/index.html'],
        ['name' => 'file_manager', 'api_key' => 'b5cb82af7b5d4130f36149f90aa2746782e59a872ac70454ac188743cb55b0ba', 'description' => 'An application for managing file services.', 'path' => 'filemanager/index.html'],
    ];

    public function run()
    {
        $created = $updated = [];
        foreach (self::APPS as $app) {
            $values = $app + ['type' => 3, 'is_active' => true];
            if (DB::table('app')->where('name', $app['name'])->exists()) {
                DB::table('app')->where('name', $app['name'])->update($values);
                $updated[] = $app['name'];
            } else {
                DB::table('app')->insert($values);
                $created[] = $app['name'];
            }
        }
        foreach (['created' => $created, 'updated' => $updated] as $verb => $names) {
            if ($names && isset($this->command)) {
                $this->command->getOutput()->writeln("App resources {$verb}: ".implode(', ', $names));
            }
        }
    }
}
