"""What the status page shows, read off the store."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from driftwatch.domain.audit import POLICY_LOADED, POLICY_WORDS, RELOAD_REFUSED
from driftwatch.domain.drift import DriftState
from driftwatch.domain.run import RunState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from driftwatch.domain.decision import Decision, RuleState
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.pause import Pause
    from driftwatch.domain.run import Run
    from driftwatch.store import Hosts, Store
    from driftwatch.web.full import FullView, Room

WINDOWS = 60
_DECISIONS = 8
_RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmView:
    """A drift alarm in force.

    Args:
        since: when the drift is estimated to have begun; the end of the window that raised it, where that is not known.
        texts: from then to the end of the newest window; None where it is not known.
        window: whose incident page shows it best: the newest in which evidence reached its threshold.
    """

    since: datetime
    texts: int | None
    window: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamView:
    """One stream.

    Args:
        name: its name.
        standing: where it stands, in a word or two.
        since: since when a rule's condition holds; None while none does.
        last_text_at: when the last text was taken in.
        backlog: texts not yet assessed.
        champion: version that serves; None without a model.
        reference: version in force; None before the first.
        alarm: of drift, in force at the newest window's end; None where none is.
        pauses: in force.
        full: what becomes of its texts where no more may wait; None where there is room.
        windows: newest first.
        decisions: newest first.
        runs: newest first.
    """

    name: str
    standing: str
    since: datetime | None
    last_text_at: datetime | None
    backlog: int
    champion: str | None
    reference: str | None
    windows: tuple[WindowResult, ...]
    decisions: tuple[Decision, ...]
    runs: tuple[Run, ...]
    alarm: AlarmView | None = None
    pauses: tuple[Pause, ...] = ()
    full: FullView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """The rules in force.

    Args:
        hash: of them.
        since: when they came into force.
        who: asked for them.
        refused: why the files as they are now are not loaded; None where they are.
    """

    hash: str
    since: datetime
    who: str
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """The whole page: the streams, the rules in force, what is wrong with the daemon, and who else is on the store.

    Args:
        version: of driftwatch.
        at: when it was looked.
        unready: why the daemon is not ready.
        streams: all of them.
        policy: the rules in force.
        hosts: who else is on the store.
        failing: sources that cannot be read, and why.
    """

    version: str
    at: datetime
    unready: tuple[str, ...]
    streams: tuple[StreamView, ...]
    policy: PolicyView | None = None
    hosts: Hosts | None = None
    failing: tuple[str, ...] = ()


def status_from(
    store: Store,
    streams: Iterable[str],
    *,
    version: str,
    at: datetime,
    unready: Sequence[str] = (),
    failing: Sequence[str] = (),
    room: Room | None = None,
) -> StatusView:
    """Read what the status page shows.

    Args:
        store: where everything is read from.
        streams: all of them.
        version: of driftwatch.
        at: what now is.
        unready: why the daemon is not ready.
        failing: sources that cannot be read, and why.
        room: how many texts of a stream may wait; None where it is not known.

    Raises:
        StoreError: the store cannot be read.
    """
    last_text_at = store.counts.last_text_at()
    return StatusView(
        version=version,
        at=at,
        unready=tuple(unready),
        failing=tuple(failing),
        streams=tuple(_stream(store, name, last_text_at.get(name), at, room) for name in streams),
        policy=_policy(store),
        hosts=store.hosts(),
    )


def _policy(store: Store) -> PolicyView | None:
    loaded = next(iter(store.audit.recent(what=(POLICY_LOADED,), limit=1)), None)
    newest = next(iter(store.audit.recent(what=POLICY_WORDS, limit=1)), None)
    if loaded is None or newest is None:
        return None
    refused = newest.detail["error"] if newest.what == RELOAD_REFUSED else None
    return PolicyView(hash=loaded.detail["new"], since=loaded.at, who=loaded.who, refused=refused)


def _stream(store: Store, name: str, last_text_at: datetime | None, at: datetime, room: Room | None) -> StreamView:
    champion, reference = store.registry.champion(name), store.registry.reference(name)
    windows, runs = store.windows.recent(name, limit=WINDOWS), store.runs.list(stream=name, limit=_RUNS)
    states = store.decisions.rule_states(name).values()
    after = store.windows.position(name).after_seq
    waiting = store.texts.backlog(name, after_seq=after)
    full = room.full(store, name, waiting=waiting, after_seq=after) if room is not None else None
    newest = windows[0] if windows else None
    return StreamView(
        name=name,
        standing=standing(runs, states, newest=newest) if full is None else full.word,
        since=min((state.since_at for state in states if state.since_at is not None), default=None),
        last_text_at=last_text_at,
        backlog=waiting,
        champion=champion.version if champion else None,
        reference=reference.version if reference else None,
        windows=tuple(windows),
        decisions=tuple(stored.decision for stored in store.decisions.recent(name, limit=_DECISIONS)),
        runs=tuple(runs),
        alarm=alarm_in(windows),
        pauses=store.pauses.in_force(at, stream=name),
        full=full,
    )


def alarm_in(windows: Sequence[WindowResult]) -> AlarmView | None:
    """Return the alarm in force at the end of the newest window, or None.

    Args:
        windows: one after the other, newest first.
    """
    alarmed = list(takewhile(lambda window: window.value("drift.alarm"), windows))
    if not alarmed:
        return None
    newest, onset = alarmed[0], alarmed[0].onset
    return AlarmView(
        since=onset.seen_at if onset else alarmed[-1].last_seen_at,
        texts=onset.texts if onset else None,
        window=next((each.index for each in alarmed if _raised(each)), newest.index),
    )


def _raised(window: WindowResult) -> bool:
    evidence = window.value("drift.evidence")
    return evidence is not None and evidence >= 0


def standing(runs: Iterable[Run], states: Iterable[RuleState], *, newest: WindowResult | None) -> str:
    """Return where a stream stands, the most pressing thing first.

    Args:
        runs: of the stream.
        states: of its rules.
        newest: window that was assessed; None before the first.
    """
    running = {run.state for run in runs}
    if RunState.AWAITING_APPROVAL in running:
        return "approval wanted"
    if any(each.working for each in running):
        return "retraining"
    state = newest.state_words if newest is not None else None
    if state is not None and state != DriftState.STABLE.words:
        return state
    if any(rule.since_window is not None for rule in states):
        return "drift" if state is None else "rule holds"
    if RunState.PROBATION in running:
        return "probation"
    return "quiet" if newest is not None else "waiting for text"
