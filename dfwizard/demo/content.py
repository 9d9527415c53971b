"""What an installation holds: `.env`, the system database, uploads, logs, the admin UI; with what fills one that is in use."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dfwizard.demo.encryption import APP_KEY, encrypt
from dfwizard.demo.standins import migrations
from dfwizard.rules import Release

DATABASE = "storage/databases/dreamfactory.sqlite"
_THEN = "2024-06-03 08:15:00"

# "correct horse battery staple" and two others, with the cost that releases before 7.0.1 use.
_HASHES = (
    "$2y$10$IQjJmlB0oDvaV7IHBqXnUu1.QoqjGzb/YyHn3n3TwWDIsBDfVvd0C",
    "$2y$10$R8jSytkHHKGbAE7pHS8sMOs.JV5oVmCVbE4Ms8v9a55IUXkJQcHyu",
    "$2y$10$Ntb7foPbiOimfG2l0XgqO.O3ekqeQlXbOWy4.xp932quQCTNEWdVO",
)

Row = Mapping[str, object]
Rows = Mapping[str, Iterable[Row]]


@dataclass(frozen=True)
class Life:
    """What has become of an installation since its release was checked out.

    `app_key` and `url` stand in its `.env`, as do the lines `own` and, at its end, `further`; `rows` are in its database beside what the
    migrations make, `files` in its tree: contents by path. `local` are the statements that filled the stock service db's own database.
    """

    app_key: str
    url: str
    own: str
    further: str
    rows: Callable[[], Rows]
    files: Callable[[Release], Mapping[str, str]]
    local: tuple[str, ...] = ()


def write_environment(instance: Path, release: Release, life: Life) -> None:
    """Write `.env` as the installer and its owner left it."""
    cache = "CACHE_STORE" if release.major >= 7 else "CACHE_DRIVER"
    path = instance / ".env"
    path.write_text(
        "## This is the application environment, possible values: local, production\n"
        "APP_ENV=production\n#APP_DEBUG=false\n"
        f"APP_KEY={life.app_key}\n{life.own}"
        f"APP_URL={life.url}\nDF_INSTALL=GitHub\n\n"
        "##------------------------------------------------------------------------------\n"
        "## Database Settings\n"
        "##------------------------------------------------------------------------------\n"
        f"DB_CONNECTION=sqlite\nDB_DATABASE={_quoted(str(instance / DATABASE))}\n\n"
        "##------------------------------------------------------------------------------\n"
        "## Cache Settings\n"
        "##------------------------------------------------------------------------------\n"
        f"{cache}=file\nCACHE_PREFIX='dreamfactory'\n{life.further}",
        encoding="utf-8",
    )
    path.chmod(0o640)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"' if escaped != text or " " in text else text


def write_database(file: Path, release: Release, life: Life) -> None:
    """Make the system database of an installation of `release`."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("pragma synchronous = off")
    connection.execute("begin")
    connection.execute(migrations.create("migrations", "id migration:str batch:int"))
    version = tuple(int(part) for part in release.behaves_as.split("."))
    for name, _, _, statements in migrations.of_release(version):
        for statement in statements:
            connection.execute(statement)
        insert(connection, "migrations", ({"migration": name, "batch": 1},))
    for table, rows in life.rows().items():
        insert(connection, table, rows)
    connection.execute("commit")
    connection.close()
    file.chmod(0o640)
    if life.local:
        connection = sqlite3.connect(file.parent / "db.sqlite")
        connection.executescript(";\n".join(life.local))
        connection.close()


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    """Insert rows; a table with stamps gets the same moment everywhere."""
    columns = {row[1] for row in connection.execute(f'pragma table_info("{table}")')}
    stamps = {name: _THEN for name in ("created_date", "last_modified_date") if name in columns}
    for row in rows:
        whole = {**stamps, **row}
        names = ", ".join(f'"{name}"' for name in whole)
        marks = ", ".join("?" for _ in whole)
        connection.execute(f'insert into "{table}" ({names}) values ({marks})', tuple(whole.values()))  # noqa: S608


def _rows() -> dict[str, list[Row]]:
    return {
        "user": _users(),
        "role": [
            {"id": 1, "name": "storefront-reader", "description": "Reads products and prices"},
            {"id": 2, "name": "warehouse", "description": "Counts stock"},
            {"id": 3, "name": "partner-api", "description": "Partners' orders", "is_active": 0},
        ],
        "service": _services(),
        "app": _apps(),
        "role_service_access": [
            {
                "role_id": 1 + number % 3,
                "service_id": 8 + number % 4,
                "component": f"_table/{table}/*",
                "verb_mask": 1 + number % 31,
                "requestor_mask": 1,
            }
            for number, table in enumerate(
                f"{area}_{what}"
                for area in ("customers", "orders", "products", "stock", "invoices", "suppliers")
                for what in ("main", "notes", "history", "prices", "files", "tags", "events", "archive")
            )
        ],
        "user_to_app_to_role": [
            {"user_id": 2 + number, "app_id": 4 + number % 2, "role_id": 1 + number % 2}
            for number in range(12)
        ],
        "lookup": [
            {"name": name, "value": encrypt(value), "private": private}
            for name, value, private in (
                ("erp.host", "erp.internal.example.com", 0),
                ("erp.password", "a secret of the demo", 1),
                ("warehouse.token", "wh-0123456789abcdef", 1),
            )
        ],
        "cors_config": [{"path": "*", "origin": "https://shop.example.com", "header": "*", "method": 31}],
        "email_template": [
            {"name": name, "subject": f"{name.split(' Default')[0]} - DreamFactory"}
            for name in ("User Invite Default", "User Registration Default", "Password Reset Default")
        ],
        "system_config": [{"service_id": 1, "default_app_id": 4}],
        "system_custom": [{"name": "theme", "value": '{"dark": true}'}],
        "instance_id": [{"instance_id": "7c1f0d0a4f5e4a8f9d1f5b8f3e2a6c01"}],
        "user_config": [{"service_id": 7, "allow_open_registration": 0}],
        "service_cache_config": [{"service_id": 10, "cache_enabled": 1, "cache_ttl": 300}],
        **_configurations(),
        **_commercial(),
    }


def _users() -> list[Row]:
    people = (
        "Ada Admin", "Ben Okafor", "Chiara Rossi", "Dmitri Volkov", "Elif Kaya", "Fatima Zahra", "Goran Petrov", "Hana Sato",
        "Ines Costa", "Jonas Berg", "Kofi Mensah", "Lucía Gómez", "Mei Lin", "Noah O'Neill",
    )  # fmt: skip
    rows: list[Row] = []
    for number, name in enumerate(people):
        first, last = name.split(" ", 1)
        rows.append(
            {
                "name": name,
                "first_name": first,
                "last_name": last,
                "email": f"user{number + 1}@example.com" if number else "admin@example.com",
                "is_sys_admin": int(number == 0),
                "is_active": int(number != 6),
                "password": _HASHES[number % 3],
                "confirm_code": "y",
                "last_login_date": f"2024-06-{number + 1:02} 07:{number:02}:00",
            }
        )
    return rows


def _services() -> list[Row]:
    known = (
        ("system", "System Management", "system"),
        ("api_docs", "Live API Docs", "swagger"),
        ("files", "Local File Storage", "local_file"),
        ("logs", "Local Log Storage", "local_file"),
        ("db", "Local SQL Database", "sqlite"),
        ("email", "Local Email Service", "local_email"),
        ("user", "User Management", "user"),
        ("erp", "ERP database", "pgsql"),
        ("inventory", "Warehouse stock", "pgsql"),
        ("weather", "Weather forecast", "rws"),
        ("mailer", "Transactional mail", "smtp_email"),
        ("github", "Sign in with GitHub", "oauth_github"),
    )
    return [
        {
            "id": number,
            "name": name,
            "label": label,
            "type": kind,
            "is_active": int(name != "github"),
            "deletable": int(number > 7),
            "mutable": int(number > 1),
        }
        for number, (name, label, kind) in enumerate(known, 1)
    ]


def _apps() -> list[Row]:
    def key(character: str) -> str:
        return character * 64

    return [
        {"id": 1, "name": "admin", "api_key": key("1"), "is_active": 1, "type": 2, "path": "dreamfactory/dist/index.html"},
        {"id": 2, "name": "api_docs", "api_key": key("2"), "is_active": 1, "type": 2, "path": "df-api-docs-ui/dist/index.html"},
        {"id": 3, "name": "file_manager", "api_key": key("3"), "is_active": 1, "type": 2, "path": "filemanager/index.html"},
        {"id": 4, "name": "storefront", "api_key": key("a"), "is_active": 1, "url": "https://shop.example.com/", "role_id": 1},
        {"id": 5, "name": "stocktaking", "api_key": key("b"), "is_active": 1, "role_id": 2},
    ]  # fmt: skip


def _configurations() -> dict[str, list[Row]]:
    def connection(host: str, port: int, user: str, password: str) -> str:
        values = {
            "host": host,
            "port": port,
            "database": "main",
            "username": encrypt(user),
            "password": encrypt(password),
        }
        return json.dumps(values, separators=(",", ":"))

    return {
        "sql_db_config": [
            {"service_id": 5, "connection": json.dumps({"database": "db.sqlite"})},
            {"service_id": 8, "connection": connection("erp.internal.example.com", 5432, "df", "erp demo")},
            {
                "service_id": 9,
                "connection": connection("stock.internal.example.com", 3306, "df", "stock demo"),
            },
        ],
        "smtp_config": [
            {
                "service_id": 11,
                "host": "smtp.example.com",
                "port": "587",
                "username": encrypt("mailer"),
                "password": encrypt("mail demo"),
            }
        ],
        "oauth_config": [
            {
                "service_id": 12,
                "default_role": 1,
                "client_id": "Iv1.0123456789abcdef",
                "client_secret": encrypt("github demo"),
                "redirect_url": "https://api.example.com/api/v2/user/session",
            }
        ],
        "rws_config": [{"service_id": 10, "base_url": "https://weather.example.com/v1"}],
        "file_service_config": [
            {"service_id": 3, "container": "app"},
            {"service_id": 4, "container": "logs"},
        ],
    }


def _commercial() -> dict[str, list[Row]]:
    return {
        "event_script": [
            {
                "name": "erp._table.orders.post.pre_process",
                "type": "nodejs",
                "is_active": 1,
                "content": "if (!event.request.payload.resource) { throw 'no order'; }\n",
                "allow_event_modification": 1,
            },
            {
                "name": "inventory._table.stock.get.post_process",
                "type": "php",
                "is_active": 1,
                "content": "$event['response']['content']['counted'] = true;\n",
            },
        ],
        "limits": [
            {
                "type": "instance",
                "key_text": "instance",
                "rate": 6000,
                "period": 60,
                "name": "whole instance",
            },
            {"type": "instance.role", "key_text": "role:3", "rate": 100, "period": 60, "name": "partners"},
        ],
        "scheduler_tasks": [
            {
                "name": "nightly-stock-sync",
                "service_id": 9,
                "component": "_proc/sync_stock",
                "frequency": 1440,
            },
            {"name": "invoice-reminder", "service_id": 11, "component": "", "frequency": 720},
        ],
        "task_log": [{"task_id": 1, "status_code": 200, "content": "{}"}],
    }


def write_files(instance: Path, release: Release, life: Life) -> None:
    """Write what users and the running application left in the tree."""
    for name, text in life.files(release).items():
        path = instance / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _files(release: Release) -> dict[str, str]:
    """Give uploads, log, caches, the admin UI of 6.x."""
    files = {
        "storage/app/price-list.csv": "sku,price\nA-100,12.50\nA-200,8.00\n",
        "storage/app/terms and conditions.txt": "Prices without tax.\n",
        "storage/app/logos/logo.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>\n',
        "storage/logs/dreamfactory.log": "".join(
            f"[2024-06-03T0{hour}:00:0{hour}.120043+00:00] production.INFO: [REQUEST] GET /api/v2/erp/_table/orders\n"
            for hour in range(1, 9)
        ),
        "storage/framework/cache/data/2f/67/2f67c4": '1748937600s:2:"ok";',
    }
    if release.major == 6:
        files |= {
            "resources/views/index.blade.php": "<!doctype html>\n<html><head><title>DreamFactory</title></head></html>\n",
            "public/main.9043f3e4.js": "/* admin UI */\n",
            "public/polyfills.def01905.js": "/* admin UI */\n",
        }
    return files


IN_USE = Life(
    APP_KEY,
    "https://api.example.com",
    'APP_NAME="DreamFactory"   # shown in mails\n',
    "\nMAIL_HOST=smtp.example.com\nMAIL_PASSWORD='demo mail password'\n",
    _rows,
    _files,
    (
        "create table contact (id integer primary key, name varchar(80) not null)",
        "insert into contact (name) values ('Warehouse'), ('Accounts'), ('Front desk')",
    ),
)
"""An installation that has been in use for years."""
