<?php

namespace Illuminate\Foundation;

use Illuminate\Foundation\Release\ReleaseServiceProvider;

/** The application that says which framework release it is. */
class ReleasedApplication extends Application
{
    const VERSION = '@VERSION@';

    protected function registerBaseServiceProviders()
    {
        parent::registerBaseServiceProviders();

        $this->register(new ReleaseServiceProvider($this));
    }
}
