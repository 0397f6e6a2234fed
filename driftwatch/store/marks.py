"""What people said of alarms, kept for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from driftwatch.domain.mark import Mark
from driftwatch.store.audit import add_entry
from driftwatch.store.tables import marks
from driftwatch.store.upsert import upsert
from driftwatch.store.values import micros, moment

if TYPE_CHECKING:
    from sqlalchemy import Row

    from driftwatch.domain.audit import AuditEntry
    from driftwatch.store.database import Database


class Marks:
    """The marks of all streams, at most one an alarm."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, mark: Mark, *, entry: AuditEntry) -> None:
        """Keep a mark and its entry of the audit log; an earlier mark of the same alarm is replaced."""
        said = {"false": mark.false, "note": mark.note, "who": mark.who, "at": micros(mark.at)}
        with self._database.write() as connection:
            upsert(connection, marks, {"stream": mark.stream, "window": mark.window, **said}, change=said)
            add_entry(connection, entry)

    def get(self, stream: str, window: int) -> Mark | None:
        """Return the mark of the alarm that began in a window."""
        return next(iter(self.between(stream, first=window, last=window)), None)

    def between(self, stream: str, *, first: int, last: int) -> list[Mark]:
        """Return the marks of alarms that began in a window from one to another, both included, oldest first."""
        within = (marks.c.stream == stream, marks.c.window >= first, marks.c.window <= last)
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(select(marks).where(*within).order_by(marks.c.window))]

    def false(self, stream: str) -> int:
        """Return how many alarms of a stream are marked false."""
        query = select(func.count()).select_from(marks).where(marks.c.stream == stream, marks.c.false)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())


def _stored(row: Row[Any]) -> Mark:
    return Mark(stream=row.stream, window=row.window, false=row.false, note=row.note, who=row.who, at=moment(row.at))
