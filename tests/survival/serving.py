"""Starting again what a lab has, on the ports it had."""

from __future__ import annotations

from tests.lab import databases
from tests.lab.lab import Lab
from tests.lab.processes import servers_in
from tests.lab.web import services


def start_servers(lab: Lab) -> None:
    """Start what does not run, as the machine does when it boots."""
    start_database(lab)
    if lab.web_port:
        for service in services(lab.directory, lab.web_port).values():
            service.start(lab.directory)


def start_database(lab: Lab) -> None:
    """Start the database's server, unless it runs or there is none."""
    engine, port = lab.database.engine, lab.database.port
    program = {"mariadb": "mariadbd", "postgresql": "postgres"}.get(engine)
    if program is None or servers_in(lab.directory, [program]):
        return
    (lab.directory / "postgresql/data/postmaster.pid").unlink(missing_ok=True)
    begin = databases._start_mariadb if engine == "mariadb" else databases._start_postgresql
    begin(lab.directory, port)
