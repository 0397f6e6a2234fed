"""The past as it was decided on: windows with what their decisions rested on, in order and in constant memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 the figures' types are resolved when rows are read
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from driftwatch.domain.decision import Action, RuleState
from driftwatch.domain.drift import DriftState, Measure, Outcome, WindowResult
from driftwatch.domain.features import LossUnit
from driftwatch.domain.run import RunId
from driftwatch.store.decisions import BY_ITSELF
from driftwatch.store.tables import decisions, facts, policies, windows
from driftwatch.store.values import load, micros, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from driftwatch.store.database import Database

_PAGE = 1_000
_CACHED = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a rule decided, in short.

    Args:
        rule: which.
        action: taken.
        unmet: subjects of the reasons that spoke against acting, in order.
        run: that it led to.
    """

    rule: str
    action: Action
    unmet: tuple[str, ...]
    run: RunId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A window as it was decided on.

    Args:
        result: its figures, as far as rules look at them; words, exemplars, clusters and map are left out.
        at: the moment it was decided as of.
        policy: hash of the rules then in force; None where an earlier version decided, as with the two below.
        facts: what else counted, as the policy's own text.
        memory: what the rules remembered before it, by rule.
        decisions: taken then, in order.
    """

    result: WindowResult
    at: datetime
    policy: str | None
    facts: str | None
    memory: Mapping[str, RuleState] | None
    decisions: tuple[Recorded, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    """The fields of a window's result that rules look at; whatever else stands in the row is skipped over."""

    stream: str
    index: int
    first_seq: int
    last_seq: int
    texts: int
    distinct: int
    first_seen_at: datetime
    last_seen_at: datetime
    reference: str
    champion: str | None
    outcome: Outcome
    measures: tuple[Measure, ...]
    state: DriftState | None = None
    loss_unit: LossUnit = LossUnit.TOKEN


class _Said(msgspec.Struct):
    subject: str
    met: bool


class _Reasons(msgspec.Struct):
    reasons: tuple[_Said, ...]


class History:
    """Windows, decisions and what they rested on, of all streams."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._figures = msgspec.json.Decoder(_Figures)
        self._reasons = msgspec.json.Decoder(_Reasons)

    def windows(self, stream: str, *, since: datetime | None = None, until: datetime | None = None) -> Iterator[Past]:
        """Return a stream's windows in order, those decided on within a span of time, in constant memory."""
        texts: dict[str, str] = {}
        memories: dict[str, Mapping[str, RuleState]] = {}
        after = -1
        while rows := self._page(stream, after, since, until):
            after = rows[-1].number
            told = self._told(stream, rows[0].number, after)
            self._learn(rows, texts)
            for number, assessed_at, decided_at, policy, known, memory, result in rows:
                if memory is not None and memory not in memories:
                    memories[memory] = load(texts[memory], dict[str, RuleState])
                yield Past(
                    result=self._result(result),
                    at=moment(assessed_at if decided_at is None else decided_at),
                    policy=policy,
                    facts=None if known is None else texts[known],
                    memory=None if memory is None else memories[memory],
                    decisions=tuple(told.get(number, ())),
                )
            if len(texts) > _CACHED:
                texts.clear()
                memories.clear()

    def window(self, stream: str, index: int) -> Past | None:
        """Return one window as it was decided on; None where there is no such window."""
        query = select(windows).where(windows.c.stream == stream, windows.c.index == index)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            texts = _texts(connection, {key for key in (row.facts, row.memory) if key is not None})
        return Past(
            result=load(row.result, WindowResult),
            at=moment(row.assessed_at if row.decided_at is None else row.decided_at),
            policy=row.policy,
            facts=None if row.facts is None else texts[row.facts],
            memory=None if row.memory is None else load(texts[row.memory], dict[str, RuleState]),
            decisions=tuple(self._told(stream, index, index).get(index, ())),
        )

    def policy(self, policy: str) -> str | None:
        """Return the text of all rules of a hash, as it was when they first decided; None where it is not known."""
        with self._database.read() as connection:
            found = connection.execute(select(policies.c.text).where(policies.c.hash == policy)).scalar_one_or_none()
        return str(found) if found is not None else None

    def streams(self) -> list[str]:
        """Return the streams that have windows."""
        with self._database.read() as connection:
            query = select(windows.c.stream).distinct().order_by(windows.c.stream)
            return list(connection.execute(query).scalars())

    def _page(self, stream: str, after: int, since: datetime | None, until: datetime | None) -> list[Any]:
        moments = (windows.c.index.label("number"), windows.c.assessed_at, windows.c.decided_at)
        query = select(*moments, windows.c.policy, windows.c.facts, windows.c.memory, windows.c.result)
        query = query.where(windows.c.stream == stream, windows.c.index > after)
        if since is not None:
            query = query.where(windows.c.assessed_at >= micros(since))
        if until is not None:
            query = query.where(windows.c.assessed_at < micros(until))
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(windows.c.index).limit(_PAGE)).all())

    def _told(self, stream: str, first: int, last: int) -> dict[int, list[Recorded]]:
        columns = (decisions.c.window, decisions.c.rule, decisions.c.action, decisions.c.run, decisions.c.decision)
        within = (decisions.c.stream == stream, decisions.c.window >= first, decisions.c.window <= last, BY_ITSELF)
        query = select(*columns).where(*within).order_by(decisions.c.id)
        told: dict[int, list[Recorded]] = {}
        # The same few words are said again and again: each is made once.
        made: dict[tuple[str, str, tuple[str, ...], str | None], Recorded] = {}
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        for window, rule, action, run, decision in rows:
            reasons = self._reasons.decode(decision).reasons
            key = rule, action, tuple([reason.subject for reason in reasons if not reason.met]), run
            said = made.get(key)
            if said is None:
                asked = RunId(run) if run else None
                said = made[key] = Recorded(rule=rule, action=Action(action), unmet=key[2], run=asked)
            told.setdefault(window, []).append(said)
        return told

    def _learn(self, rows: list[Any], texts: dict[str, str]) -> None:
        """Read the texts that a page refers to and that are not known yet."""
        wanted = {key for row in rows for key in (row.facts, row.memory) if key is not None}
        with self._database.read() as connection:
            texts.update(_texts(connection, wanted - texts.keys()))

    def _result(self, text: str) -> WindowResult:
        seen = self._figures.decode(text)
        return WindowResult(
            stream=seen.stream,
            index=seen.index,
            first_seq=seen.first_seq,
            last_seq=seen.last_seq,
            texts=seen.texts,
            distinct=seen.distinct,
            first_seen_at=seen.first_seen_at,
            last_seen_at=seen.last_seen_at,
            reference=seen.reference,
            champion=seen.champion,
            outcome=seen.outcome,
            measures=seen.measures,
            words=(),
            state=seen.state,
            loss_unit=seen.loss_unit,
        )


def _texts(connection: Connection, keys: set[str]) -> dict[str, str]:
    query = select(facts.c.key, facts.c.text).where(facts.c.key.in_(sorted(keys)))
    return {row.key: row.text for row in connection.execute(query)} if keys else {}
