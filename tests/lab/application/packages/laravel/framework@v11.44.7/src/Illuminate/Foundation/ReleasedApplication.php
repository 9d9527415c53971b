<?php

namespace Illuminate\Foundation;

use Illuminate\Foundation\Release\ReleaseServiceProvider;

/** The application that says which framework release it is, configured the way it is since Laravel 11. */
class ReleasedApplication extends Application
{
    const VERSION = '@VERSION@';

    public static function configure(string $basePath): static
    {
        return new static($basePath);
    }

    protected function registerBaseServiceProviders()
    {
        parent::registerBaseServiceProviders();

        $this->register(new ReleaseServiceProvider($this));
    }
}
