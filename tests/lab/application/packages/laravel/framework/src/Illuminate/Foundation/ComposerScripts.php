<?php

namespace Illuminate\Foundation;

use Composer\Script\Event;

/** What composer calls after it has written the autoloader: the cached manifests of the old packages go. */
class ComposerScripts
{
    public static function postAutoloadDump(Event $event)
    {
        $root = dirname($event->getComposer()->getConfig()->get('vendor-dir'));
        foreach (['config', 'services', 'packages'] as $name) {
            @unlink("{$root}/bootstrap/cache/{$name}.php");
        }
    }
}
