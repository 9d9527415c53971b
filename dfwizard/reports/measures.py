"""Sizes, spans and moments in words."""

from __future__ import annotations

import math
from datetime import datetime, timezone

from dfwizard.reports.terminal import plain


def size(number: int | None) -> str:
    """Give bytes in words (`96.2 MB`); None is `not known`."""
    if number is None:
        return "not known"
    from humanize import naturalsize

    return naturalsize(number)


def span(seconds: float) -> str:
    """Give a span of time in words (`2 minutes and 5 seconds`, `0.4 s`)."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    from humanize import precisedelta

    return precisedelta(round(seconds), minimum_unit="seconds", format="%d")


def brief(seconds: float) -> str:
    """Give a span of time in at most ten columns (`0.4 s`, `12 s`, `1 min 4 s`, `1 h 12 min`)."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    minutes = whole // 60
    return f"{minutes // 60} h {minutes % 60} min"


def about(seconds: float) -> str:
    """Give a span that is only roughly known, in words (`about 3 min`)."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 60:
        return f"about {math.ceil(seconds / 10) * 10} s"
    if seconds < 3600:
        return f"about {math.ceil(seconds / 60)} min"
    minutes = math.ceil(seconds / 600) * 10
    return f"about {minutes // 60} h {minutes % 60} min" if minutes % 60 else f"about {minutes // 60} h"


def moment(text: str | None) -> str:
    """Give an ISO 8601 moment as `2026-11-23 00:41:07 UTC`; what cannot be read stays as it is, made plain."""
    if not text:
        return ""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
        if found.tzinfo is None:
            return f"{found:%Y-%m-%d %H:%M:%S}"
        return f"{found.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError):
        return plain(text)


def between(start: str | None, end: str | None) -> float | None:
    """Give the seconds between two ISO 8601 moments, None when one is missing or cannot be read."""
    try:
        return (_read(end) - _read(start)).total_seconds() if start and end else None
    except (ValueError, TypeError):
        return None


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def count(number: int, noun: str, plural: str = "") -> str:
    """Give `1 step`, `2 steps`."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"
