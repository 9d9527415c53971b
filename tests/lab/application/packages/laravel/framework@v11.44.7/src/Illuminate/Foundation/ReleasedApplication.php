<?php

namespace Illuminate\Foundation;

/** The application that says which framework release it is, configured the way it is since Laravel 11. */
class ReleasedApplication extends Application
{
    const VERSION = '@VERSION@';

    public static function configure(string $basePath): static
    {
        return new static($basePath);
    }
}
