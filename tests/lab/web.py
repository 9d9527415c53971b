"""nginx and php-fpm of one lab: private configuration, a loopback port, services that the stand-in for systemctl drives."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.lab.processes import OWNER, LabError, servers_in, start_server, stop_servers

# nginx's workers are www-data in the owner's group: the installer puts www-data into that group for the same reason.
_NGINX = """user www-data {owner};
worker_processes 1;
daemon off;
pid "{directory}/run/nginx.pid";
error_log "{directory}/log/nginx-error.log";

events {{
    worker_connections 64;
}}

http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log "{directory}/log/nginx-access.log";
    client_body_temp_path "{directory}/tmp/body";
    proxy_temp_path "{directory}/tmp/proxy";
    fastcgi_temp_path "{directory}/tmp/fastcgi";
    uwsgi_temp_path "{directory}/tmp/uwsgi";
    scgi_temp_path "{directory}/tmp/scgi";

    server {{
        listen 127.0.0.1:{port};
        server_name _;
        root "{directory}/opt/dreamfactory/public";
        index index.php index.html;
        gzip on;

        location / {{
            try_files $uri $uri/ /index.php?$args;
        }}

        location ~ \\.php$ {{
            try_files $uri =404;
            fastcgi_pass "unix:{socket}";
            fastcgi_index index.php;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            include /etc/nginx/fastcgi_params;
            # Debian's file leaves the port out, and redirects would lead to port 80.
            fastcgi_param HTTP_HOST $http_host;
        }}
    }}
}}
"""
_PHP_FPM = """[global]
pid = "{directory}/run/php{version}-fpm.pid"
error_log = "{directory}/log/php{version}-fpm.log"
daemonize = no

include = "{directory}/etc/php/{version}/fpm/pool.d/*.conf"
"""
_POOL = """[www]
user = {owner}
group = {owner}
listen = "{socket}"
listen.owner = {owner}
listen.group = {owner}
listen.mode = 0660
pm = static
pm.max_children = 2
catch_workers_output = yes

; The installer has these in mods-available/opcache.ini: code is read again only after a restart.
php_admin_value[opcache.validate_timestamps] = 0
php_admin_value[opcache.memory_consumption] = 64
"""


@cache
def php_version() -> str:
    """The minor version of the PHP that the command line runs, e.g. `8.2`."""
    answer = subprocess.run(
        ["php", "-r", "echo PHP_MAJOR_VERSION.'.'.PHP_MINOR_VERSION;"],
        check=True,
        capture_output=True,
        text=True,
    )
    return answer.stdout


@dataclass(frozen=True)
class Service:
    """One unit that systemd would run: how it starts, and how it is seen that it has."""

    unit: str
    description: str
    program: str
    """The name of its executable, as `processes` looks for it."""
    argv: tuple[str, ...]
    reload_signal: str
    pid_file: Path
    """Written by the service itself once it holds its socket or port."""
    answers: Callable[[], bool]

    def running(self, directory: Path) -> bool:
        """Whether a process of it is there."""
        return bool(servers_in(directory, [self.program]))

    def start(self, directory: Path) -> None:
        """Start it unless it runs; LabError with its log when it does not come up."""
        if not self.running(directory):
            log = directory / "log" / f"{self.unit}.log"
            self.pid_file.unlink(missing_ok=True)
            start_server(self.argv, cwd=directory, log=log, ready=self._ready)

    def _ready(self) -> bool:
        # Somebody else may answer on the port: the pid file is the service's own word.
        return self.pid_file.exists() and self.answers()

    def stop(self, directory: Path) -> None:
        """Stop it and wait for its end."""
        stop_servers(directory, [self.program])


def services(directory: Path, port: int) -> dict[str, Service]:
    """The units of a lab by their names without `.service`."""
    version = php_version()
    nginx = directory / "etc" / "nginx" / "nginx.conf"
    fpm = directory / "etc" / "php" / version / "fpm" / "php-fpm.conf"
    found = (
        Service(
            "nginx",
            "A high performance web server and a reverse proxy server",
            "nginx",
            ("nginx", "-c", str(nginx), "-e", str(directory / "log" / "nginx-error.log")),
            "SIGHUP",
            directory / "run" / "nginx.pid",
            lambda: _connects(socket.AF_INET, ("127.0.0.1", port)),
        ),
        Service(
            f"php{version}-fpm",
            f"The PHP {version} FastCGI Process Manager",
            f"php-fpm{version}",
            (f"php-fpm{version}", "--nodaemonize", "--fpm-config", str(fpm)),
            "SIGUSR2",
            directory / "run" / f"php{version}-fpm.pid",
            lambda: _connects(socket.AF_UNIX, str(_socket(directory))),
        ),
    )
    return {service.unit: service for service in found}


def _socket(directory: Path) -> Path:
    return directory / "run" / f"php{php_version()}-fpm.sock"


def _connects(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0


def start_web(directory: Path, port: int) -> None:
    """Configure and start both services; LabError where one does not come up."""
    _configure(directory, port)
    found = services(directory, port).values()
    try:
        for service in found:
            service.start(directory)
    except LabError:
        for service in found:
            service.stop(directory)
        raise


def _configure(directory: Path, port: int) -> None:
    if len(str(_socket(directory))) > 107:
        raise LabError(f"{_socket(directory)} is too long for a Unix socket; put the lab into a shorter path")
    values = {
        "directory": directory,
        "owner": OWNER,
        "port": port,
        "socket": _socket(directory),
        "version": php_version(),
    }
    for name, content in {
        "etc/nginx/nginx.conf": _NGINX,
        f"etc/php/{php_version()}/fpm/php-fpm.conf": _PHP_FPM,
        f"etc/php/{php_version()}/fpm/pool.d/www.conf": _POOL,
    }.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.format(**values))
    (directory / "log").mkdir(exist_ok=True)
    (directory / "tmp").mkdir(exist_ok=True)
    shutil.chown(directory / "tmp", "www-data", "www-data")


def write_systemctl(directory: Path) -> None:
    """Put the stand-in for systemctl into the lab's `bin`."""
    root = Path(__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r}); "
        "from tests.lab.systemctl import main; sys.exit(main(sys.argv[1], sys.argv[2:]))"
    )
    script = directory / "bin" / "systemctl"
    script.write_text(f"#!{sys.executable} -I\nimport sys; sys.argv.insert(1, {str(directory)!r})\n{code}\n")
    script.chmod(0o755)
    log = directory / "systemctl.log"
    log.touch()
    log.chmod(0o666)
