<?php

namespace DreamFactory\Core\Commands;

use Illuminate\Console\Command;

/** As the real one: without options it turns an existing .env over to SQLite, without a question. */
class Env extends Command
{
    protected $signature = 'df:env';

    protected $description = 'Configure .env file';

    public function handle()
    {
        $file = base_path('.env');
        $content = preg_replace('/^DB_CONNECTION=.*$/m', 'DB_CONNECTION=sqlite', file_get_contents($file));
        file_put_contents($file, preg_replace('/^DB_DATABASE=.*$/m', 'DB_DATABASE=', $content));
        $this->info('Created .env file with default configuration.');
    }
}
