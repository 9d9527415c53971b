"""What a login does to the stored password: from Laravel 11 on one of another cost is hashed again, and DreamFactory hashes the hash."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from datetime import datetime, timezone

from . import world

_RAISED = 12
"""The cost that Laravel 11 and later hash with where `.env` does not say."""
_SESSION = "POST /api/v2/user/session"


def when_open() -> None:
    """Let the program that waits for the API log in twice, where the scenario has one: `{"email": ACCOUNT}`."""
    wanted = world.fault("php", "login")
    if wanted is not None:
        for _ in range(2):
            _log_in(str(wanted.get("email", "")))


def _log_in(email: str) -> None:
    connection = sqlite3.connect(world.database(), isolation_level=None, timeout=5)
    stored = connection.execute("select password from user where email = ?", (email,)).fetchone()[0]
    if not _is_of_password(stored):
        _log("ERROR", f"[REQUEST] {_SESSION} 401 Invalid credentials supplied.")
    elif _is_hashed_again(stored):
        connection.execute("update user set password = ? where email = ?", (_hash_of_hash(stored), email))
        query = f'select count(*) as aggregate from "user" where "username" = {email} and "2" <> 2'  # noqa: S608
        said = f"SQLSTATE[HY000]: General error: 1 no such column: 2 (Connection: sqlite, SQL: {query})"
        _log("ERROR", f"[REQUEST] {_SESSION} 500 {said}")
    else:
        connection.execute("update user set last_login_date = ? where email = ?", (_now()[:19], email))
        _log("INFO", f"[REQUEST] {_SESSION} 200")
    connection.close()


def _is_hashed_again(stored: str) -> bool:
    rounds = world.dotenv().get("BCRYPT_ROUNDS", "")
    cost = int(rounds) if rounds.isdigit() else _RAISED
    return world.numbers(world.laravel()) >= (11,) and int(stored[4:6]) != cost


def _hash_of_hash(stored: str) -> str:
    """Give what stands there then, as long as the real one: nobody knows the password of it."""
    return f"$2y${_RAISED}$" + hashlib.sha256(stored.encode()).hexdigest()[:53]


def _is_of_password(stored: str) -> bool:
    """Tell whether the password that the program knows opens this; here that means that no login has hashed it again."""
    return not stored.startswith(f"$2y${_RAISED}$")


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")


def _log(level: str, text: str) -> None:
    stamp = _now().replace(" ", "T")
    with open(
        os.path.join(world.INSTANCE, "storage", "logs", "dreamfactory.log"), "a", encoding="utf-8"
    ) as file:
        file.write(f"[{stamp}+00:00] production.{level}: {text}\n")
