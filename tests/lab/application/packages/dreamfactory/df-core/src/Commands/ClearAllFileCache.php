<?php

namespace DreamFactory\Core\Commands;

use Illuminate\Console\Command;
use Illuminate\Filesystem\Filesystem;

class ClearAllFileCache extends Command
{
    protected $signature = 'df:clear-file-cache';

    protected $description = 'Clears all DreamFactory file based cache';

    public function handle(Filesystem $files)
    {
        $files->cleanDirectory(storage_path('framework/cache/data'));
        $this->info('Cleared DreamFactory cache for all instances.');
    }
}
