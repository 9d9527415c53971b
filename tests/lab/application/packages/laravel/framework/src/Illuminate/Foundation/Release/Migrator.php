<?php

namespace Illuminate\Foundation\Release;

use Illuminate\Database\Migrations\Migrator as BaseMigrator;
use Throwable;

class Migrator extends BaseMigrator
{
    public function runPending(array $migrations, array $options = [])
    {
        if (count($migrations) > 0) {
            $this->note(TwoColumns::heading('Running migrations.'));
        }
        parent::runPending($migrations, $options);
        $this->note('');
    }

    protected function runUp($file, $batch, $pretend)
    {
        $migration = $this->resolvePath($file);
        $name = $this->getMigrationName($file);

        if ($pretend) {
            return $this->pretendToRun($migration, 'up');
        }

        $start = microtime(true);
        try {
            $this->runMigration($migration, 'up');
        } catch (Throwable $e) {
            $this->done($name, $start, 'FAIL', 'fg=red');
            throw $e;
        }
        $this->repository->log($name, $batch);
        $this->done($name, $start, 'DONE', 'info');
    }

    private function done(string $name, float $start, string $result, string $style): void
    {
        $time = number_format((microtime(true) - $start) * 1000, 2).'ms';
        $this->note(TwoColumns::line($name, "{$time} {$result}", $style));
    }

    protected function note($message)
    {
        if ($message === '<info>Nothing to migrate.</info>') {
            $message = TwoColumns::heading('Nothing to migrate.');
        }
        parent::note($message);
    }
}
