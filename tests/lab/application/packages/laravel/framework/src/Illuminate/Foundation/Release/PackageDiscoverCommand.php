<?php

namespace Illuminate\Foundation\Release;

use Illuminate\Foundation\Console\PackageDiscoverCommand as BaseCommand;
use Illuminate\Foundation\PackageManifest;

class PackageDiscoverCommand extends BaseCommand
{
    public function handle(PackageManifest $manifest)
    {
        $this->output->writeln(TwoColumns::heading('Discovering packages.'));
        $manifest->build();
        foreach (array_keys($manifest->manifest) as $package) {
            $this->output->writeln(TwoColumns::line($package, 'DONE'));
        }
        $this->output->writeln('');
    }
}
