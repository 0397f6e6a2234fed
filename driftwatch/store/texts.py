"""Retained texts in the order they came, and how far each source has been read."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, or_, select, update

from driftwatch.domain.text import Cursor, StoredText, Text, Turn
from driftwatch.store.bulk import Rows, insert_texts, rows_of
from driftwatch.store.counts import Counted, add_counts
from driftwatch.store.feedback import drop_of_group, drop_old
from driftwatch.store.tables import cursors, feedback, streams, texts
from driftwatch.store.together import Together
from driftwatch.store.upsert import put
from driftwatch.store.values import load, micros, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from driftwatch.domain.protocols import Clock
    from driftwatch.store.database import Database

_BATCH = 1_000


_MOST_ROWS = 10_000
"""Rows at which a transaction takes no further batch: beyond it waiting grows and a row's cost hardly falls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one commit of intake came to."""

    stored: int
    duplicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """What is to be stored of one source, in one transaction with whatever else waits."""

    stream: str
    source: str
    rows: Rows
    cursor: Cursor | None
    counts: Mapping[str, int]


class Texts:
    """The texts of all streams."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._guard = threading.Lock()
        self._together: dict[str | None, Together[_Batch, Taken]] = {}

    def take_in(
        self,
        stream: str,
        *,
        source: str,
        texts: Sequence[Text] | Rows,
        cursor: Cursor | None,
        counts: Mapping[str, int],
    ) -> Taken:
        """Store texts, the source's cursor and the counts in one transaction; known ids are skipped.

        Batches that several threads bring at once share a transaction.

        Args:
            stream: whose texts.
            source: name of the source they came from.
            texts: in the source's order, or as rows already.
            cursor: the source's position after them; None to leave it.
            counts: further outcomes to count, such as ``sampled-out``.

        Raises:
            StoreUnavailableError: nothing was stored, nothing moved.
        """
        rows = texts if isinstance(texts, Rows) else rows_of(texts, source=None)
        batch = _Batch(stream=stream, source=source, rows=rows, cursor=cursor, counts=counts)
        return self._sharing(stream).take(batch, size=len(rows.values))

    def take_in_each(
        self, stream: str, *, source: str, batches: Sequence[tuple[Rows, Mapping[str, int]]]
    ) -> list[Taken | BaseException]:
        """Store several batches of a source without a cursor, in as few transactions as they fit into.

        Args:
            stream: whose texts.
            source: name of the source they came from.
            batches: rows of each, and further outcomes to count of it.

        Returns:
            What each came to, once all are settled: a batch that is refused does not take the others with it.
        """
        made = [_Batch(stream=stream, source=source, rows=rows, cursor=None, counts=counts) for rows, counts in batches]
        return self._sharing(stream).take_each(made, sizes=[len(each.rows.values) for each in made])

    def _sharing(self, stream: str) -> Together[_Batch, Taken]:
        """Return what a stream's batches are committed with: a PostgreSQL is written by streams, a SQLite in turn."""
        line = stream if self._database.file is None else None
        with self._guard:
            return self._together.setdefault(line, Together(self._commit, most=_MOST_ROWS))

    def _commit(self, batches: Sequence[_Batch]) -> list[Taken]:
        now, counts, found, grown = micros(self._clock.now()), Counted(), [], dict[str, None]()
        with self._database.write(order=batches[0].stream) as connection:
            for each in batches:
                stored = insert_texts(connection, each.stream, each.rows, taken_at=now)
                taken = Taken(stored=stored, duplicates=len(each.rows.values) - stored)
                outcomes = {**each.counts, "stored": taken.stored, "duplicate": taken.duplicates}
                counts.note(each.stream, each.source, outcomes)
                found.append(taken)
                grown.update({each.stream: None} if stored else {})
            counts.add(connection)
            for each in batches:
                if each.cursor is not None:
                    _move(connection, each.stream, each.source, each.cursor)
            for stream in grown:
                touch_stream(connection, stream, last_text_at=now)
        return found

    def cursor(self, stream: str, source: str) -> Cursor | None:
        """Return how far the source has been read durably."""
        query = select(cursors.c.position).where(cursors.c.stream == stream, cursors.c.source == source)
        with self._database.read() as connection:
            position = connection.execute(query).scalar_one_or_none()
        return Cursor(source=source, position=position) if position is not None else None

    def window(self, stream: str, *, after_seq: int, limit: int) -> list[StoredText]:
        """Return the next texts that are not set aside, with the classes that their own records name.

        Feedback is left out: it mostly is of answers that somebody found wrong, so a window's loss would look worse.
        """
        query = select(_TEXTS).where(_of(stream), _TEXTS.c.seq > after_seq).order_by(_TEXTS.c.seq).limit(limit)
        with self._database.read() as connection:
            return [_text(row, target=row.target) for row in connection.execute(query)]

    def span(self, stream: str, *, first_seq: int, last_seq: int) -> Iterator[StoredText]:
        """Return the texts between two places, both included, in constant memory.

        The class that feedback names wins over the record's own, whichever came first.
        """
        own = and_(feedback.c.stream == _TEXTS.c.stream, feedback.c.text == _TEXTS.c.id)
        said = select(_TEXTS, feedback.c.target.label("said")).select_from(_TEXTS.outerjoin(feedback, own))
        after = first_seq - 1
        while True:
            within = (_of(stream), _TEXTS.c.seq > after, _TEXTS.c.seq <= last_seq)
            with self._database.read() as connection:
                rows = connection.execute(said.where(*within).order_by(_TEXTS.c.seq).limit(_BATCH)).all()
            if not rows:
                return
            yield from (_text(row, target=row.target if row.said is None else row.said) for row in rows)
            after = rows[-1].seq

    def backlog(self, stream: str, *, after_seq: int) -> int:
        """Return how many texts wait after a place."""
        query = select(func.count()).select_from(_TEXTS).where(_of(stream), _TEXTS.c.seq > after_seq)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def taken_at(self, stream: str, *, after_seq: int, number: int) -> datetime | None:
        """Return when the ``number``-th text that waits after a place was taken in; None where fewer wait."""
        waiting = select(_TEXTS.c.taken_at).where(_of(stream), _TEXTS.c.seq > after_seq).order_by(_TEXTS.c.seq)
        with self._database.read() as connection:
            taken = connection.execute(waiting.offset(number - 1).limit(1)).scalar_one_or_none()
        return moment(taken) if taken is not None else None

    def count(self, stream: str, *, first_seq: int, last_seq: int) -> int:
        """Return how many texts are retained between two places, both included, those set aside left out."""
        within = (_of(stream), _TEXTS.c.seq >= first_seq, _TEXTS.c.seq <= last_seq)
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(_TEXTS).where(*within)).scalar_one()

    def quarantine(self, stream: str, *, first_seq: int, last_seq: int, reason: str) -> int:
        """Set texts aside: kept, counted, never assessed nor trained on."""
        with self._database.write() as connection:
            return set_aside(connection, stream, first_seq=first_seq, last_seq=last_seq, reason=reason)

    def prune(self, stream: str, *, older_than: datetime | None, keep: int | None, before_seq: int) -> int:
        """Delete texts taken in before a moment and all but the newest ``keep``, none from ``before_seq`` on."""
        with self._database.write() as connection:
            past = [_TEXTS.c.taken_at < micros(older_than)] if older_than is not None else []
            if keep is not None:
                order = select(_TEXTS.c.seq).where(_TEXTS.c.stream == stream).order_by(_TEXTS.c.seq.desc())
                oldest_kept = connection.execute(order.offset(max(keep - 1, 0)).limit(1)).scalar_one_or_none()
                past += [_TEXTS.c.seq < oldest_kept] if oldest_kept is not None else []
            if not past:
                return 0
            scope = and_(_TEXTS.c.stream == stream, _TEXTS.c.seq < before_seq, or_(*past))
            gone = connection.execute(delete(_TEXTS).where(scope)).rowcount
            drop_old(connection, stream)
            return gone

    def forget(self, stream: str, *, group: str) -> int:
        """Delete every text of a group, with what was said of it, and return how many there were."""
        with self._database.write() as connection:
            drop_of_group(connection, stream, group)
            scope = and_(_TEXTS.c.stream == stream, _TEXTS.c.group == group)
            return connection.execute(delete(_TEXTS).where(scope)).rowcount


_TEXTS = texts


def set_aside(connection: Connection, stream: str, *, first_seq: int, last_seq: int, reason: str) -> int:
    """Mark texts within the caller's transaction and count them."""
    scope = and_(_of(stream), _TEXTS.c.seq.between(first_seq, last_seq))
    count = connection.execute(update(_TEXTS).where(scope).values(quarantined=reason)).rowcount
    add_counts(connection, stream, "assessment", {"quarantined": count})
    return count


def touch_stream(connection: Connection, stream: str, **change: int) -> None:
    """Change a stream's row within the caller's transaction, making it where there is none."""
    begin = {"stream": stream, "next_window": 0, "after_seq": 0, "attempts": 0}
    put(connection, streams, [{**begin, **change}], change=tuple(change))


def _move(connection: Connection, stream: str, source: str, cursor: Cursor) -> None:
    row = {"stream": stream, "source": source, "position": cursor.position}
    put(connection, cursors, [row], change=("position",))


def _of(stream: str) -> Any:  # noqa: ANN401 - SQLAlchemy's clause
    return and_(_TEXTS.c.stream == stream, _TEXTS.c.quarantined.is_(None))


def _text(row: Row[Any], *, target: str | None) -> StoredText:
    return StoredText(
        seq=row.seq,
        text=Text(
            id=row.id,
            body=row.body,
            seen_at=moment(row.seen_at),
            group=row.group,
            labels=load(row.labels, dict[str, str]) if row.labels else {},
            source=row.source,
            target=target,
            turns=load(row.turns, tuple[Turn, ...]) if row.turns else (),
        ),
    )
