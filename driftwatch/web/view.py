"""What the status page shows, read off the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.run import RunState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from driftwatch.domain.decision import Decision, RuleState
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.run import Run
    from driftwatch.store import Store

WINDOWS = 60
_DECISIONS = 8
_RUNS = 5


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """The whole page: the streams, and why the daemon is not ready, where it is not."""

    version: str
    at: datetime
    unready: tuple[str, ...]
    streams: tuple[StreamView, ...]


def status_from(
    store: Store, streams: Iterable[str], *, version: str, at: datetime, unready: Sequence[str] = ()
) -> StatusView:
    """Read what the status page shows.

    Raises:
        StoreError: the store cannot be read.
    """
    last_text_at = store.counts.last_text_at()
    return StatusView(
        version=version,
        at=at,
        unready=tuple(unready),
        streams=tuple(_stream(store, name, last_text_at.get(name)) for name in streams),
    )


def _stream(store: Store, name: str, last_text_at: datetime | None) -> StreamView:
    champion, reference = store.registry.champion(name), store.registry.reference(name)
    windows, runs = store.windows.recent(name, limit=WINDOWS), store.runs.list(stream=name, limit=_RUNS)
    states = store.decisions.rule_states(name).values()
    return StreamView(
        name=name,
        standing=standing(runs, states, assessed=bool(windows)),
        since=min((state.since_at for state in states if state.since_at is not None), default=None),
        last_text_at=last_text_at,
        backlog=store.texts.backlog(name, after_seq=store.windows.position(name).after_seq),
        champion=champion.version if champion else None,
        reference=reference.version if reference else None,
        windows=tuple(windows),
        decisions=tuple(stored.decision for stored in store.decisions.recent(name, limit=_DECISIONS)),
        runs=tuple(runs),
    )


def standing(runs: Iterable[Run], states: Iterable[RuleState], *, assessed: bool) -> str:
    """Return where a stream stands, the most pressing thing first."""
    running = {run.state for run in runs}
    if RunState.AWAITING_APPROVAL in running:
        return "approval wanted"
    if any(state.working for state in running):
        return "retraining"
    if any(state.since_window is not None for state in states):
        return "drift"
    if RunState.PROBATION in running:
        return "probation"
    return "quiet" if assessed else "waiting for text"
