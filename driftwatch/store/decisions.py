"""Decisions, kept for ever, and what rules remember."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from driftwatch.domain.decision import Decision, RuleState
from driftwatch.domain.errors import NotFoundError
from driftwatch.domain.run import RunId
from driftwatch.store.tables import decisions, rule_states
from driftwatch.store.upsert import insert_new, upsert
from driftwatch.store.values import dump, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Row

    from driftwatch.domain.decision import Action
    from driftwatch.store.database import Database

_PAGE = 500


BY_HAND = "/by-hand/"
"""Stands behind the rule's name in the column of a decision by hand: a rule decides on a window once, people often."""

BY_ITSELF = decisions.c.rule.not_like(f"%{BY_HAND}%")
"""That a rule decided by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDecision:
    """A decision with its number and the run it led to."""

    id: int
    decision: Decision
    run: RunId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallied:
    """How many decisions, and the number of the newest."""

    count: int
    newest: int


class Decisions:
    """The decisions of all streams."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recent(self, stream: str | None = None, *, limit: int) -> list[StoredDecision]:
        """Return the newest decisions, newest first."""
        query = select(decisions).order_by(decisions.c.id.desc()).limit(limit)
        if stream is not None:
            query = query.where(decisions.c.stream == stream)
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def newest(self) -> int:
        """Return the number of the newest decision; 0 before the first."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.coalesce(func.max(decisions.c.id), 0))).scalar_one())

    def after(self, number: int, *, action: Action) -> list[StoredDecision]:
        """Return the decisions of an action with higher numbers than one, oldest first."""
        query = select(decisions).where(decisions.c.id > number, decisions.c.action == action.value)
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(query.order_by(decisions.c.id))]

    def between(self, stream: str, *, first: int, last: int) -> list[StoredDecision]:
        """Return the decisions on a stream's windows from one to another, both included, oldest first."""
        within = (decisions.c.stream == stream, decisions.c.window >= first, decisions.c.window <= last)
        with self._database.read() as connection:
            return [
                _stored(row) for row in connection.execute(select(decisions).where(*within).order_by(decisions.c.id))
            ]

    def get(self, number: int) -> StoredDecision:
        """Return one decision.

        Raises:
            NotFoundError: there is none of this number.
        """
        with self._database.read() as connection:
            row = connection.execute(select(decisions).where(decisions.c.id == number)).one_or_none()
        if row is None:
            cure = f"the newest is {newest}" if (newest := self.newest()) else "no rule has decided on anything yet"
            raise NotFoundError(f"there is no decision {number}", cure=cure)
        return _stored(row)

    def asked(self) -> set[RunId]:
        """Return the runs that rules asked for by themselves."""
        query = select(decisions.c.run).where(decisions.c.run.is_not(None), BY_ITSELF)
        with self._database.read() as connection:
            return {RunId(run) for run in connection.execute(query).scalars()}

    def of(self, stream: str, window: int, rule: str) -> StoredDecision:
        """Return what a rule decided on a window.

        Raises:
            NotFoundError: it decided nothing there.
        """
        there = self.between(stream, first=window, last=window)
        found = next((each for each in there if each.decision.rule == rule), None)
        if found is None:
            what = f"rule {rule} decided nothing on window {window} of stream {stream}"
            raise NotFoundError(what, cure=self._decided(stream, there))
        return found

    def _decided(self, stream: str, there: Sequence[StoredDecision]) -> str:
        """Return what to ask for instead of a decision that is not there."""
        if there:
            return f"these did: {', '.join(dict.fromkeys(each.decision.rule for each in there))}"
        newest = self.recent(stream, limit=1)
        if newest:
            return f"its newest decisions are on window {newest[0].decision.window}"
        return "no rule has decided on this stream yet; driftwatch status shows the streams"

    def back_from(self, stream: str, rule: str, window: int) -> Iterator[StoredDecision]:
        """Return what a rule decided on a window and on those before it, newest first, in constant memory."""
        of = (decisions.c.stream == stream, decisions.c.rule == rule)
        last = window
        while True:
            query = select(decisions).where(*of, decisions.c.window <= last).order_by(decisions.c.window.desc())
            with self._database.read() as connection:
                rows = connection.execute(query.limit(_PAGE)).all()
            yield from (_stored(row) for row in rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1].window - 1

    def rule_states(self, stream: str) -> dict[str, RuleState]:
        """Return what the stream's rules remember, by rule."""
        query = select(rule_states.c.rule, rule_states.c.state).where(rule_states.c.stream == stream)
        with self._database.read() as connection:
            return {rule: load(state, RuleState) for rule, state in connection.execute(query)}

    def tally(self, *, after: int = 0) -> dict[tuple[str, str, str], Tallied]:
        """Return the decisions with higher numbers than one, by (stream, rule, action)."""
        of = (decisions.c.stream, decisions.c.rule, decisions.c.action)
        query = select(*of, func.count(), func.max(decisions.c.id)).where(decisions.c.id > after).group_by(*of)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return {
            (stream, rule, action): Tallied(count=count, newest=newest) for stream, rule, action, count, newest in rows
        }

    def count(self) -> dict[tuple[str, str, str], int]:
        """Return decisions by (stream, rule, action)."""
        return {key: tallied.count for key, tallied in self.tally().items()}


def add_decisions(connection: Connection, linked: Sequence[tuple[Decision, RunId | None]]) -> None:
    """Store decisions with the runs they led to within the caller's transaction."""
    rows: list[dict[str, Any]] = [
        {
            "stream": decision.stream,
            "window": decision.window,
            "rule": decision.rule if decision.by is None else f"{decision.rule}{BY_HAND}{run}",
            "action": decision.action.value,
            "run": run,
            "decision": dump(decision),
        }
        for decision, run in linked
    ]
    insert_new(connection, decisions, rows, unique=["stream", "window", "rule"])


def save_rule_states(connection: Connection, stream: str, states: Iterable[RuleState]) -> None:
    """Store what rules remember within the caller's transaction."""
    for state in states:
        change = {"state": dump(state)}
        upsert(connection, rule_states, {"stream": stream, "rule": state.rule, **change}, change=change)


def _stored(row: Row[Any]) -> StoredDecision:
    return StoredDecision(id=row.id, decision=load(row.decision, Decision), run=RunId(row.run) if row.run else None)
