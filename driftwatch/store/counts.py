"""Counters of intake: durable, and changed in the transaction of what they count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from driftwatch.store.tables import intake_counts, streams
from driftwatch.store.upsert import upsert
from driftwatch.store.values import moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from driftwatch.store.database import Database


class Counts:
    """Reads the counters."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def intake(self) -> dict[tuple[str, str, str], int]:
        """Return texts by (stream, source, outcome)."""
        with self._database.read() as connection:
            rows = connection.execute(select(intake_counts)).all()
        return {(stream, source, outcome): count for stream, source, outcome, count in rows}

    def last_text_at(self) -> dict[str, datetime]:
        """Return when each stream's last text was stored."""
        with self._database.read() as connection:
            rows = connection.execute(select(streams.c.stream, streams.c.last_text_at)).all()
        return {row.stream: moment(row.last_text_at) for row in rows if row.last_text_at is not None}


def add_counts(connection: Connection, stream: str, source: str, counts: Mapping[str, int]) -> None:
    """Raise the counters within the caller's transaction."""
    for outcome, count in counts.items():
        if count:
            upsert(
                connection,
                intake_counts,
                {"stream": stream, "source": source, "outcome": outcome, "count": count},
                change={"count": intake_counts.c.count + count},
            )
