"""The lab: real DreamFactory-shaped installations for trying things out and for tests. It needs root.

By hand::

    python -m tests.lab up --db mariadb --release 6.3.0 /tmp/lab
    python -m tests.lab status /tmp/lab
    python -m tests.lab down /tmp/lab

In tests: the fixtures `start_lab` and `start_module_lab` of `tests.lab.fixtures`, or `Lab.start`. Debian's packages bring all
that it takes: git, composer, php-cli, php-fpm, php-mysql, php-pgsql, php-sqlite3, php-laravel-framework, mariadb-server,
postgresql, nginx. What labs are copied from is built once, in `dfwizard-lab-*` below the system's temporary directory.

The application is Laravel itself (Debian's 8.83) under the names and numbers of the real releases; what the wizard meets is
what the real ones do: tags, trees, locks, migrations, `.env` names, defaults, codes and messages. The rest is left out.
"""

from tests.lab.lab import Lab
from tests.lab.processes import LabError

__all__ = ["Lab", "LabError"]
