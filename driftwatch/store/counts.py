"""Counters of intake: durable, and changed in the transaction of what they count."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import select

from driftwatch.store.tables import intake_counts, streams
from driftwatch.store.upsert import put
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


class Counted:
    """What is to be added to the counters, summed up, so that each is changed once."""

    def __init__(self) -> None:
        self._sums = Counter[tuple[str, str, str]]()

    def note(self, stream: str, source: str, counts: Mapping[str, int]) -> None:
        """Note texts of a source by what became of them."""
        for outcome, count in counts.items():
            if count:
                self._sums[stream, source, outcome] += count

    def add(self, connection: Connection) -> None:
        """Raise the counters within the caller's transaction."""
        keys = ("stream", "source", "outcome")
        rows = [dict(zip((*keys, "count"), (*key, count), strict=True)) for key, count in sorted(self._sums.items())]
        put(connection, intake_counts, rows, add=("count",))


def add_counts(connection: Connection, stream: str, source: str, counts: Mapping[str, int]) -> None:
    """Raise a source's counters within the caller's transaction."""
    counted = Counted()
    counted.note(stream, source, counts)
    counted.add(connection)
