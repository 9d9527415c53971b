<?php

namespace DreamFactory\Core;

/** The tier that the registered packages amount to. */
class LicenseLevel
{
    public static function current(): string
    {
        if (class_exists(\DreamFactory\Core\Limit\ServiceProvider::class)) {
            return 'GOLD';
        }
        $silver = [
            \DreamFactory\Core\Script\ServiceProvider::class,
            \DreamFactory\Core\MQTT\ServiceProvider::class,
            \DreamFactory\Core\AMQP\ServiceProvider::class,
        ];

        return array_filter($silver, 'class_exists') ? 'SILVER' : 'OPEN SOURCE';
    }
}
