"""Numbers of bytes in words, for messages and for what a backup says; as `reports.measures.size` writes them, and at once there."""

from __future__ import annotations


def size_text(size: float) -> str:
    """Write a number of bytes for people: `512 B`, `96.2 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
