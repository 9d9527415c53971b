<?php

use DreamFactory\Core\Models\Service;
use Illuminate\Database\Seeder;

/** The default services; those that were deleted come back. */
class ServiceSeeder extends Seeder
{
    private const SERVICES = [
        ['name' => 'system', 'label' => 'System Management', 'type' => 'system', 'mutable' => false, 'deletable' => false],
        ['name' => 'api_docs', 'label' => 'API Docs', 'type' => 'swagger', 'mutable' => true, 'deletable' => false],
        ['name' => 'files', 'label' => 'Local File Storage', 'type' => 'local_file', 'mutable' => true, 'deletable' => true],
        ['name' => 'logs', 'label' => 'Log Storage', 'type' => 'local_file', 'mutable' => true, 'deletable' => true],
        ['name' => 'db', 'label' => 'Local SQL Database', 'type' => 'sqlite', 'mutable' => true, 'deletable' => true],
        ['name' => 'email', 'label' => 'Local Email Service', 'type' => 'local_email', 'mutable' => true, 'deletable' => true],
        ['name' => 'user', 'label' => 'User Management', 'type' => 'user', 'mutable' => true, 'deletable' => false],
    ];

    public function run()
    {
        $created = [];
        foreach (self::SERVICES as $service) {
            if (!Service::query()->where('name', $service['name'])->exists()) {
                Service::query()->create($service + ['is_active' => true]);
                $created[] = $service['name'];
            }
        }
        if ($created && isset($this->command)) {
            $this->command->getOutput()->writeln('Service resources created: '.implode(', ', $created));
        }
    }
}
