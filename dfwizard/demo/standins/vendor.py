"""The vendor tree: what a package is on the disk, small but of the right shape, made from its entry in composer.lock."""

from __future__ import annotations

import json
from typing import Any

from . import migrations, world

Package = dict[str, Any]


def write_package(package: Package) -> None:
    """Write one package into vendor."""
    name, version = package["name"], package["version"]
    place = ("vendor", *name.split("/"))
    own = {
        key: package[key] for key in ("name", "description", "type", "license", "require") if key in package
    }
    world.write(json.dumps(own, indent=4) + "\n", *place, "composer.json")
    title = "".join(word.capitalize() for word in name.split("/")[1].split("-"))
    world.write(
        f"<?php\n\n// {name} {version}\n\nnamespace {title};\n\nfinal class Package\n{{\n"
        f"    public const VERSION = '{version}';\n}}\n",
        *place,
        "src",
        "Package.php",
    )
    world.write(f"# {name}\n\n{package.get('description', '')}\n", *place, "README.md")
    release = world.numbers(world.code_version())
    for migration in migrations.of_release(release):
        if migration[1] == name:
            world.write(
                migrations.file_text(migration), *place, "database", "migrations", f"{migration[0]}.php"
            )
    if name in ("dreamfactory/df-admin-interface", "dreamfactory/df-admin-app"):
        page = f"<!doctype html>\n<html><head><title>DreamFactory</title></head><body data-ui='{version}'></body></html>\n"
        world.write(page, *place, "dist", "index.html")
        world.write(f"/* admin UI {version} */\n", *place, "dist", "main.js")


def finish(packages: list[Package]) -> None:
    """Write vendor/composer and the autoloader: with installed.json composer and dfwizard see what is there."""
    listed = [
        {
            key: package[key]
            for key in ("name", "version", "source", "require", "type", "license", "description")
            if key in package
        }
        for package in packages
    ]
    document = {"packages": listed, "dev": False, "dev-package-names": []}
    world.write(json.dumps(document, indent=4) + "\n", "vendor", "composer", "installed.json")
    lines = "".join(f"        '{one['name']}' => array('version' => '{one['version']}'),\n" for one in listed)
    world.write(
        f"<?php return array(\n    'versions' => array(\n{lines}    ),\n);\n",
        "vendor",
        "composer",
        "installed.php",
    )
    world.write("<?php\n\nclass ComposerAutoloaderInit\n{\n}\n", "vendor", "composer", "autoload_real.php")
    world.write("<?php\n\nrequire_once __DIR__ . '/composer/autoload_real.php';\n", "vendor", "autoload.php")
