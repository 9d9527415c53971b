<?php

namespace Illuminate\Foundation;

/** The application that says which framework release it is. */
class ReleasedApplication extends Application
{
    const VERSION = '@VERSION@';
}
