"""What a new installation holds: what its seeders make, and the administrator that its installer asked for."""

from __future__ import annotations

from collections.abc import Mapping

from dfwizard.demo.content import Life, Rows
from dfwizard.rules import Release

FRESH_KEY = "base64:dGhlIGtleSB0aGF0IGtleTpnZW5lcmF0ZSBtYWRlISE="
"""The key that the installer made; it protects nothing."""

# As the hashes of `content`, with the cost that releases from 7.0.1 on use.
_HASH = "$2y$12$Cw0zv1P8cOe1Q2Vd0bJtUeP7dK6f9rXG1mZrQw3uJq5o2nYb8sLhW"


def _rows() -> Rows:
    return {
        "user": [
            {
                "name": "New Server Admin",
                "first_name": "New",
                "last_name": "Admin",
                "email": "installer@example.com",
                "is_sys_admin": 1,
                "is_active": 1,
                "password": _HASH,
                "confirm_code": "y",
            }
        ],
        "service": [
            {"id": number, "name": name, "label": label, "type": kind, "is_active": 1, "deletable": 0}
            for number, (name, label, kind) in enumerate(
                (
                    ("system", "System Management", "system"),
                    ("api_docs", "Live API Docs", "swagger"),
                    ("files", "Local File Storage", "local_file"),
                    ("logs", "Local Log Storage", "local_file"),
                    ("db", "Local SQL Database", "sqlite"),
                    ("email", "Local Email Service", "local_email"),
                    ("user", "User Management", "user"),
                ),
                1,
            )
        ],
        "app": [
            {
                "id": number,
                "name": name,
                "api_key": str(number + 5) * 64,
                "is_active": 1,
                "type": 2,
                "path": path,
            }
            for number, (name, path) in enumerate(
                (
                    ("admin", "dreamfactory/dist/index.html"),
                    ("api_docs", "df-api-docs-ui/dist/index.html"),
                    ("file_manager", "filemanager/index.html"),
                ),
                1,
            )
        ],
        "email_template": [
            {"name": name, "subject": f"{name.split(' Default')[0]} - DreamFactory"}
            for name in ("User Invite Default", "User Registration Default", "Password Reset Default")
        ],
        "system_config": [{"service_id": 1}],
        "instance_id": [{"instance_id": "e1b2c3d4a5f647788990aabbccddeeff"}],
        "user_config": [{"service_id": 7, "allow_open_registration": 0}],
        "file_service_config": [
            {"service_id": 3, "container": "app"},
            {"service_id": 4, "container": "logs"},
        ],
    }


def _files(_release: Release) -> Mapping[str, str]:
    line = "production.INFO: [REQUEST] GET /status\n"
    return {"storage/logs/dreamfactory.log": f"[2025-11-03T09:12:44.120043+00:00] {line}"}


FRESH = Life(FRESH_KEY, "https://new.example.com", "", "", _rows, _files)
"""An installation of today: nobody has used it yet."""
