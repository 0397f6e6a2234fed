"""What the limits of rules need to know of a stream's runs, in two statements however many there are."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from driftwatch.domain.decision import RunFact
from driftwatch.domain.run import COST, DATA, SPOKEN_ILL, RunState, Verdict
from driftwatch.store.tables import runs, transitions, verdicts
from driftwatch.store.values import load, micros, moment

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row, Select

_FINAL = tuple(state.value for state in RunState if state.final)


def run_facts(connection: Connection, stream: str, *, since: datetime, now: datetime) -> tuple[RunFact, ...]:
    """Return a stream's runs that had not ended by then, and the one that ended last, newest last.

    Args:
        connection: of the caller's transaction.
        stream: whose runs.
        since: those that ended before are left out.
        now: until when a run that trains is counted.
    """
    wanted = _wanted(stream, since)
    moved = select(func.max(transitions.c.at)).where(transitions.c.run == runs.c.id).scalar_subquery()
    columns: list[ColumnElement[Any]] = [runs.c.id, runs.c.rule, runs.c.state, runs.c.created_at, runs.c.updated_at]
    query: Select[Any] = select(*columns, moved.label("moved_at")).where(wanted).order_by(runs.c.created_at, runs.c.id)
    rows = connection.execute(query).all()
    hours: defaultdict[str, float] = defaultdict(float)
    of_these = verdicts.c.run.in_(select(runs.c.id).where(wanted))
    for row in connection.execute(select(verdicts).where(of_these, verdicts.c.gate == COST)):
        hours[row.run] += sum(measure.value for measure in load(row.verdict, Verdict).measures)
    return tuple(_fact(row, hours[row.id], now) for row in rows)


def spoken_ill(connection: Connection, stream: str) -> int | None:
    """Return what the data check of a stream's newest run that looked counted; None where none has looked."""
    of = (verdicts.c.run == runs.c.id) & (runs.c.stream == stream) & (verdicts.c.gate == DATA)
    query = select(verdicts.c.verdict).where(of).order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(1)
    found = connection.execute(query).scalar_one_or_none()
    measures = load(found, Verdict).measures if found is not None else ()
    return next((int(measure.value) for measure in measures if measure.name == SPOKEN_ILL), None)


def _wanted(stream: str, since: datetime) -> ColumnElement[bool]:
    of, ended = runs.c.stream == stream, runs.c.state.in_(_FINAL)
    last = select(func.max(runs.c.updated_at)).where(of, ended).scalar_subquery()
    return of & or_(~ended, runs.c.updated_at >= micros(since), runs.c.updated_at == last)


def _fact(row: Row[Any], accounted: float, now: datetime) -> RunFact:
    state = RunState(row.state)
    trains = state in (RunState.PROBING, RunState.TRAINING)
    spent = max(now - moment(row.moved_at), timedelta(0)) / timedelta(hours=1) if trains else 0.0
    return RunFact(
        rule=row.rule,
        began_at=moment(row.created_at),
        ended_at=moment(row.updated_at) if state.final else None,
        training_hours=accounted + spent,
    )
