<?php

namespace Illuminate\Foundation\Release;

use Illuminate\Database\Console\Migrations\StatusCommand as BaseCommand;
use Symfony\Component\Console\Input\InputOption;

class StatusCommand extends BaseCommand
{
    public function handle()
    {
        return $this->migrator->usingConnection($this->option('database'), function () {
            if (! $this->migrator->repositoryExists()) {
                $this->output->writeln("\n  <bg=red;fg=white> ERROR </> Migration table not found.\n");

                return 1;
            }
            $batches = $this->migrator->getRepository()->getMigrationBatches();
            $this->output->writeln('');
            $this->output->writeln(TwoColumns::line('Migration name', 'Batch / Status', 'fg=gray'));
            foreach ($this->getAllMigrationFiles() as $file) {
                $name = $this->migrator->getMigrationName($file);
                $ran = isset($batches[$name]);
                if ($ran && $this->option('pending')) {
                    continue;
                }
                $this->output->writeln($ran
                    ? TwoColumns::line($name, "[{$batches[$name]}] Ran")
                    : TwoColumns::line($name, 'Pending', 'fg=yellow'));
            }
            $this->output->writeln('');

            return 0;
        });
    }

    protected function getOptions()
    {
        return [
            ...parent::getOptions(),
            ['pending', null, InputOption::VALUE_NONE, 'Only list pending migrations'],
        ];
    }
}
