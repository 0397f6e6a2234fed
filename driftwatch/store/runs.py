"""Retraining runs: each move is one transaction, with its reason and its alerts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from driftwatch.domain.errors import ConflictError, NotFoundError
from driftwatch.domain.run import Progress, Run, RunId, RunSpec, RunState, Transition, Verdict
from driftwatch.store.audit import add_entry
from driftwatch.store.decisions import add_decisions
from driftwatch.store.machine import MOVES
from driftwatch.store.outbox import put_alerts
from driftwatch.store.run_facts import run_facts, spoken_ill
from driftwatch.store.tables import runs, transitions, verdicts
from driftwatch.store.upsert import insert_new, upsert
from driftwatch.store.values import dump, load, micros, moment

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from driftwatch.domain.alert import Alert
    from driftwatch.domain.audit import AuditEntry
    from driftwatch.domain.decision import Decision, RunFact
    from driftwatch.domain.protocols import Clock
    from driftwatch.store.database import Database

_FINAL = tuple(state.value for state in RunState if state.final)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """What tells that a run has changed: it stands elsewhere, or was touched at another time."""

    id: RunId
    stream: str
    state: RunState
    updated_at: datetime


class Runs:
    """The runs of all streams."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, spec: RunSpec, *, reason: str) -> None:
        """Queue a run; one that is there already stays as it is."""
        with self._database.write() as connection:
            add_run(connection, spec, reason=reason, at=self._clock.now())

    def ask(
        self,
        spec: RunSpec,
        *,
        reason: str,
        decision: Decision,
        entry: AuditEntry,
        alerts: Sequence[Alert] = (),
        receivers: Sequence[str] = (),
    ) -> None:
        """Queue a run that a person asked for, with the decision and the word of it, in one transaction.

        Raises:
            ConflictError: a run of the stream has not ended.
        """
        with self._database.write() as connection:
            refuse_second_run(connection, spec.stream)
            add_run(connection, spec, reason=reason, at=self._clock.now())
            add_decisions(connection, [(decision, spec.id)])
            put_alerts(connection, alerts, receivers, at=self._clock.now())
            add_entry(connection, entry)

    def get(self, run: RunId) -> Run:
        """Return a run.

        Raises:
            NotFoundError: there is none of this id.
        """
        with self._database.read() as connection:
            return get_run(connection, run)

    def list(
        self, *, stream: str | None = None, states: Collection[RunState] | None = None, limit: int = 100
    ) -> list[Run]:
        """Return runs, newest first."""
        query = select(runs).order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
        if stream is not None:
            query = query.where(runs.c.stream == stream)
        if states is not None:
            query = query.where(runs.c.state.in_([state.value for state in states]))
        with self._database.read() as connection:
            return _runs(connection, connection.execute(query).all())

    def lines(self) -> tuple[RunLine, ...]:
        """Return a line for every run, newest first: cheap, to see which are worth reading."""
        query = select(runs.c.id, runs.c.stream, runs.c.state, runs.c.updated_at)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(runs.c.created_at.desc(), runs.c.id.desc())).all()
        return tuple(
            RunLine(id=RunId(row.id), stream=row.stream, state=RunState(row.state), updated_at=moment(row.updated_at))
            for row in rows
        )

    def these(self, ids: Sequence[RunId]) -> tuple[Run, ...]:
        """Return the runs of some ids, newest first; those that are not there are left out."""
        query = select(runs).where(runs.c.id.in_(ids)).order_by(runs.c.created_at.desc(), runs.c.id.desc())
        with self._database.read() as connection:
            return tuple(_runs(connection, connection.execute(query).all()))

    def move(  # noqa: PLR0913 - whatever goes into the move's one transaction
        self,
        run: RunId,
        *,
        to: RunState,
        reason: str,
        alerts: Sequence[Alert] = (),
        receivers: Sequence[str] = (),
        round: int | None = None,  # noqa: A002 - the glossary's word
        candidate: str | None = None,
        expect: Collection[RunState] | None = None,
        entry: AuditEntry | None = None,
    ) -> Run:
        """Move a run on, with its reason and alerts; a move to where it stands (and to the same round) changes nothing.

        Args:
            run: to move.
            to: its next state.
            reason: of the move.
            alerts: that tell of it.
            receivers: of the alerts.
            round: that begins.
            candidate: that there is now.
            expect: states it must be in.
            entry: of the audit log, where a person moves it.

        Raises:
            ConflictError: it stands elsewhere than expected, or no such move exists.
            NotFoundError: there is no such run.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            change = {"round": round, "candidate": candidate}
            moved = move_run(connection, run, to=to, reason=reason, at=now, change=change, expect=expect)
            if moved:
                put_alerts(connection, alerts, receivers, at=now)
            if moved and entry is not None:
                add_entry(connection, entry)
            return get_run(connection, run)

    def add_verdict(self, run: RunId, verdict: Verdict) -> None:
        """Store a gate's word; the same gate in the same round has one."""
        with self._database.write() as connection:
            add_verdict(connection, run, verdict)

    def progress(self, run: RunId, progress: Progress) -> None:
        """Note how far the present stage is."""
        with self._database.write() as connection:
            note_progress(connection, run, progress, at=self._clock.now())

    def request_cancel(self, run: RunId, *, entry: AuditEntry | None = None) -> None:
        """Ask for a run's end.

        Args:
            run: that shall end.
            entry: of the audit log, where a person asks.

        Raises:
            ConflictError: it has ended already, or is being promoted.
            NotFoundError: there is no such run.
        """
        with self._database.write() as connection:
            state = get_run(connection, run).state
            if state.final or state is RunState.PROMOTING:
                raise ConflictError(
                    f"run {run} is {state.value}", cure="driftwatch runs list shows which runs can be cancelled"
                )
            connection.execute(update(runs).where(runs.c.id == run).values(cancel_requested=True))
            if entry is not None:
                add_entry(connection, entry)

    def cancel_requested(self, run: RunId) -> bool:
        """Whether somebody asked for the run's end."""
        with self._database.read() as connection:
            query = select(runs.c.cancel_requested).where(runs.c.id == run)
            return bool(connection.execute(query).scalar_one_or_none())

    def last_finished(self, stream: str, *, rule: str | None = None) -> datetime | None:
        """Return when the stream's (or rule's) last run ended."""
        query = select(func.max(runs.c.updated_at)).where(runs.c.stream == stream, runs.c.state.in_(_FINAL))
        if rule is not None:
            query = query.where(runs.c.rule == rule)
        with self._database.read() as connection:
            at = connection.execute(query).scalar_one_or_none()
        return moment(at) if at is not None else None

    def facts(self, stream: str, *, since: datetime) -> tuple[RunFact, ...]:
        """Return what limits need of a stream's runs, newest last: all not ended by then, and the last."""
        with self._database.read() as connection:
            return run_facts(connection, stream, since=since, now=self._clock.now())

    def spoken_ill(self, stream: str) -> int | None:
        """Return of how many groups the texts of the newest run that looked speak ill more; None where none has."""
        with self._database.read() as connection:
            return spoken_ill(connection, stream)

    def elsewhere(self, stream: str) -> int:
        """Return how many runs of other streams have not ended."""
        query = select(func.count()).where(runs.c.state.not_in(_FINAL), runs.c.stream != stream)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())


def add_run(connection: Connection, spec: RunSpec, *, reason: str, at: datetime) -> None:
    """Queue a run within the caller's transaction."""
    row = {
        "id": spec.id,
        "stream": spec.stream,
        "rule": spec.rule,
        "state": RunState.QUEUED.value,
        "round": 0,
        "created_at": micros(at),
        "updated_at": micros(at),
        "cancel_requested": False,
        "spec": dump(spec),
    }
    if insert_new(connection, runs, [row], unique=["id"]):
        _note(connection, spec.id, RunState.QUEUED, reason, at)


def refuse_second_run(connection: Connection, stream: str) -> None:
    """Look, within the caller's transaction, that no run of a stream is under way.

    Raises:
        ConflictError: one is.
    """
    query = select(runs.c.id).where(runs.c.stream == stream, runs.c.state.not_in(_FINAL))
    if (run := connection.execute(query).scalar()) is not None:
        raise ConflictError(f"run {run} of stream {stream} is under way", cure=f"driftwatch runs show {run}")


def get_run(connection: Connection, run: RunId) -> Run:
    """Return a run within the caller's transaction."""
    row = connection.execute(select(runs).where(runs.c.id == run)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no run {run}", cure="driftwatch runs list shows all")
    return _runs(connection, [row])[0]


def add_verdict(connection: Connection, run: RunId, verdict: Verdict) -> None:
    """Store a gate's word within the caller's transaction."""
    change = {"verdict": dump(verdict)}
    key = {"run": run, "round": verdict.round, "gate": verdict.gate}
    upsert(connection, verdicts, {**key, **change}, change=change)


def note_progress(connection: Connection, run: RunId, progress: Progress, *, at: datetime) -> None:
    """Note how far the present stage is within the caller's transaction."""
    change = {"progress": dump(progress), "updated_at": micros(at)}
    connection.execute(update(runs).where(runs.c.id == run).values(**change))


def move_run(
    connection: Connection,
    run: RunId,
    *,
    to: RunState,
    reason: str,
    at: datetime,
    change: dict[str, Any] | None = None,
    expect: Collection[RunState] | None = None,
) -> bool:
    """Move a run within the caller's transaction and return whether it moved."""
    present = get_run(connection, run)
    wanted = {name: value for name, value in (change or {}).items() if value is not None}
    if present.state is to and wanted.get("round", present.round) == present.round:
        return False
    if expect is not None and present.state not in expect:
        standing = " or ".join(sorted(state.value for state in expect))
        raise ConflictError(f"run {run} is {present.state.value}, not {standing}")
    if to not in MOVES[present.state]:
        raise ConflictError(f"run {run} is {present.state.value} and cannot become {to.value}")
    values = {"state": to.value, "updated_at": micros(at), "progress": None, **wanted}
    connection.execute(update(runs).where(runs.c.id == run).values(**values))
    _note(connection, run, to, reason, at)
    return True


def _note(connection: Connection, run: RunId, state: RunState, reason: str, at: datetime) -> None:
    connection.execute(transitions.insert().values(run=run, state=state.value, at=micros(at), reason=reason))


def _runs(connection: Connection, rows: Sequence[Row[Any]]) -> list[Run]:
    """Return the runs of some rows, all their transitions and all their verdicts read at once."""
    ids = [row.id for row in rows]
    moved: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    judged: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    of_these = transitions.c.run.in_(ids)
    for each in connection.execute(select(transitions).where(of_these).order_by(transitions.c.id)):
        moved[each.run].append(each)
    order = (verdicts.c.round, verdicts.c.gate)
    for each in connection.execute(select(verdicts).where(verdicts.c.run.in_(ids)).order_by(*order)):
        judged[each.run].append(each)
    return [_run(row, moved[row.id], judged[row.id]) for row in rows]


def _run(row: Row[Any], moved: Sequence[Row[Any]], judged: Sequence[Row[Any]]) -> Run:
    return Run(
        spec=load(row.spec, RunSpec),
        state=RunState(row.state),
        round=row.round,
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
        transitions=tuple(Transition(state=RunState(m.state), at=moment(m.at), reason=m.reason) for m in moved),
        verdicts=tuple(load(each.verdict, Verdict) for each in judged),
        progress=load(row.progress, Progress) if row.progress else None,
        candidate=row.candidate,
    )
