"""Times as the store keeps them: texts that sort."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(at: datetime) -> str:
    """A time as the store keeps it: UTC, microseconds, sortable as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def unstamp(text: str) -> datetime:
    """Back from `stamp`."""
    return datetime.fromisoformat(text)
