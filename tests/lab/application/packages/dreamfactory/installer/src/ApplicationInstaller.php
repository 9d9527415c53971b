<?php

namespace DreamFactory\Tools\Composer;

use Composer\Installer\LibraryInstaller;
use Composer\Package\PackageInterface;

class ApplicationInstaller extends LibraryInstaller
{
    public function supports(string $packageType)
    {
        return $packageType === 'dreamfactory-application';
    }

    public function getInstallPath(PackageInterface $package)
    {
        return 'public/dreamfactory';
    }
}
