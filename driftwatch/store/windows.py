"""Window results, where assessment stands, and the one transaction of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select

from driftwatch.domain.decision import Action
from driftwatch.domain.drift import WindowResult
from driftwatch.store.basis import columns, keep_basis
from driftwatch.store.decisions import add_decisions, save_rule_states
from driftwatch.store.outbox import put_alerts, resolve_alert
from driftwatch.store.runs import add_run, add_verdict, note_progress, refuse_second_run
from driftwatch.store.tables import monitor_states, streams, windows
from driftwatch.store.texts import set_aside, touch_stream
from driftwatch.store.upsert import insert_new, upsert
from driftwatch.store.values import dump, load, micros

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from driftwatch.domain.protocols import Clock
    from driftwatch.store.database import Database
    from driftwatch.store.step import Step

_PAGE = 500
_LARGEST = 2**63 - 1
"""The largest number that the database takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a stream's assessment stands.

    Args:
        index: number of the next window.
        after_seq: place of the last text that was assessed or set aside.
        attempts: times the next window was begun and not finished.
    """

    index: int = 0
    after_seq: int = 0
    attempts: int = 0


class Windows:
    """The window results of all streams."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def position(self, stream: str) -> Position:
        """Return where the stream's assessment stands."""
        with self._database.read() as connection:
            return _position(connection, stream)

    def begin_attempt(self, stream: str, index: int) -> int:
        """Note durably that a window is being assessed and return how often that was begun, 1 the first time."""
        with self._database.write() as connection:
            position = _position(connection, stream)
            attempts = position.attempts + 1 if position.index == index else 1
            touch_stream(connection, stream, attempts=attempts)
            return attempts

    def withdraw_attempt(self, stream: str, index: int) -> None:
        """Undo ``begin_attempt``: what ended it was not the texts' fault."""
        with self._database.write() as connection:
            position = _position(connection, stream)
            if position.index == index and position.attempts:
                touch_stream(connection, stream, attempts=position.attempts - 1)

    def skip(self, stream: str, index: int, *, last_seq: int, reason: str) -> None:
        """Set the next window's texts aside and go on after them; the window's number is used again."""
        with self._database.write() as connection:
            position = _position(connection, stream)
            if position.index == index and position.after_seq < last_seq:
                set_aside(connection, stream, first_seq=position.after_seq + 1, last_seq=last_seq, reason=reason)
                touch_stream(connection, stream, after_seq=last_seq, attempts=0)

    def commit_step(self, step: Step) -> None:
        """Make a step durable, once: a second commit of the same window changes nothing.

        Raises:
            ConflictError: it asks for a run, and one of the stream was asked for by hand meanwhile; nothing was stored.
        """
        result, now = step.result, self._clock.now()
        row = {
            "stream": result.stream,
            "index": result.index,
            "outcome": result.outcome.value,
            "assessed_at": micros(now),
            "result": dump(result),
            **(columns(step.basis) if step.basis is not None else {}),
        }
        with self._database.write() as connection:
            if not insert_new(connection, windows, [row], unique=["stream", "index"]):
                return
            touch_stream(connection, result.stream, next_window=result.index + 1, after_seq=result.last_seq, attempts=0)
            for detector, state in step.states.items():
                change = {"reference": result.reference, "state": state}
                key = {"stream": result.stream, "detector": detector}
                upsert(connection, monitor_states, {**key, **change}, change=change)
            self._decide(connection, step, now)

    def _decide(self, connection: Connection, step: Step, now: datetime) -> None:
        if step.basis is not None:
            keep_basis(connection, step.basis)
        runs = {spec.rule: spec.id for spec in step.runs}
        linked = [(d, runs.get(d.rule) if d.action is Action.RETRAIN else None) for d in step.decisions]
        for spec in step.runs:
            refuse_second_run(connection, spec.stream)
            add_run(connection, spec, reason=f"rule {spec.rule} asked for it on window {spec.window}", at=now)
        add_decisions(connection, linked)
        save_rule_states(connection, step.result.stream, step.rule_states)
        for key in step.resolved:
            resolve_alert(connection, key, at=now)
        put_alerts(connection, step.alerts, step.receivers, at=now)
        if (watched := step.watched) is not None:
            add_verdict(connection, watched.run, watched.verdict)
            note_progress(connection, watched.run, watched.progress, at=now)

    def result(self, stream: str, index: int) -> WindowResult | None:
        """Return one window's result, or None where there is no such window."""
        if not 0 <= index <= _LARGEST:
            return None
        query = select(windows.c.result).where(windows.c.stream == stream, windows.c.index == index)
        with self._database.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return load(found, WindowResult) if found is not None else None

    def recent(self, stream: str, *, limit: int) -> list[WindowResult]:
        """Return the newest results, newest first."""
        query = select(windows.c.result).where(windows.c.stream == stream).order_by(windows.c.index.desc()).limit(limit)
        with self._database.read() as connection:
            return [load(text, WindowResult) for text in connection.execute(query).scalars()]

    def between(self, stream: str, *, first: int, last: int) -> list[WindowResult]:
        """Return the results from one window to another, both included, oldest first."""
        within = (windows.c.stream == stream, windows.c.index >= first, windows.c.index <= last)
        query = select(windows.c.result).where(*within).order_by(windows.c.index)
        with self._database.read() as connection:
            return [load(text, WindowResult) for text in connection.execute(query).scalars()]

    def since(self, at: datetime, *, stream: str | None = None) -> Iterator[WindowResult]:
        """Return the results assessed since a moment, oldest first within each stream, in constant memory."""
        names = [stream] if stream is not None else self._streams()
        for name in names:
            after = -1
            while page := self._page(name, at, after):
                yield from page
                after = page[-1].index

    def positions(self) -> dict[str, Position]:
        """Return where the assessment of every stream stands that has begun."""
        with self._database.read() as connection:
            return {row.stream: _stands(row) for row in connection.execute(select(streams))}

    def outcomes(self, stream: str, *, first: int, before: int) -> dict[str, int]:
        """Return a stream's windows by outcome, from one up to another that is not counted."""
        within = (windows.c.stream == stream, windows.c.index >= first, windows.c.index < before)
        query = select(windows.c.outcome, func.count()).where(*within).group_by(windows.c.outcome)
        with self._database.read() as connection:
            return {str(outcome): int(count) for outcome, count in connection.execute(query)}

    def count(self) -> dict[tuple[str, str], int]:
        """Return windows by (stream, outcome)."""
        query = select(windows.c.stream, windows.c.outcome, func.count()).group_by(windows.c.stream, windows.c.outcome)
        with self._database.read() as connection:
            return {(stream, outcome): count for stream, outcome, count in connection.execute(query)}

    def monitor_states(self, stream: str, *, reference: str) -> dict[str, bytes]:
        """Return the monitors' states that belong to a reference, by detector."""
        query = select(monitor_states).where(monitor_states.c.stream == stream, monitor_states.c.reference == reference)
        with self._database.read() as connection:
            return {row.detector: bytes(row.state) for row in connection.execute(query)}

    def _streams(self) -> list[str]:
        with self._database.read() as connection:
            return list(connection.execute(select(streams.c.stream).order_by(streams.c.stream)).scalars())

    def _page(self, stream: str, at: datetime, after: int) -> list[WindowResult]:
        query = (
            select(windows.c.result)
            .where(windows.c.stream == stream, windows.c.assessed_at >= micros(at), windows.c.index > after)
            .order_by(windows.c.index)
            .limit(_PAGE)
        )
        with self._database.read() as connection:
            return [load(text, WindowResult) for text in connection.execute(query).scalars()]


def drop_monitor_states(connection: Connection, stream: str) -> None:
    """Forget the monitors' states within the caller's transaction: they start anew on another reference."""
    connection.execute(delete(monitor_states).where(monitor_states.c.stream == stream))


def _position(connection: Connection, stream: str) -> Position:
    row = connection.execute(select(streams).where(streams.c.stream == stream)).one_or_none()
    if row is None:
        return Position()
    return _stands(row)


def _stands(row: Row[Any]) -> Position:
    return Position(index=row.next_window, after_seq=row.after_seq, attempts=row.attempts)
