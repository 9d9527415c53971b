<?php

namespace DreamFactory\Core\Database;

use Illuminate\Database\Connectors\SQLiteConnector as BaseConnector;

/** A database file that does not exist is created without a word. */
class SQLiteConnector extends BaseConnector
{
    public function connect(array $config)
    {
        if (!file_exists($config['database'])) {
            @touch($config['database']);
        }

        return parent::connect($config);
    }
}
