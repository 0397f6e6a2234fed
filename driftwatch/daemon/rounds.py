"""One round of each of the daemon's loops; every round may be interrupted, and leaves the store whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from driftwatch.cycle import Progressed
from driftwatch.daemon.memory import hand_back
from driftwatch.domain.decision import Action
from driftwatch.domain.protocols import AcknowledgedSource
from driftwatch.domain.run import RunState

if TYPE_CHECKING:
    import threading

    from driftwatch.config import StreamSettings
    from driftwatch.cycle import Cycle
    from driftwatch.domain.protocols import Clock, Source
    from driftwatch.intake.pipeline import Pipeline
    from driftwatch.metrics import Observations
    from driftwatch.policy.ruleset import Policy
    from driftwatch.store import Store

PAGE = 1_000
"""Texts read from a source and committed at once."""

Beat = Callable[[], None]


def reading(  # noqa: PLR0913 - a source, where its texts go, and who is told of what
    source: Source,
    pipeline: Pipeline,
    store: Store,
    *,
    stream: str,
    name: str,
    stopping: threading.Event,
    beat: Beat,
    taken: Callable[[int], None],
    full: Callable[[], bool],
) -> Callable[[], None]:
    """Return the round that moves everything a source has into the store, page by page, while there is room.

    A broker is told of a page after its commit. While the backlog is full nothing is read: files wait, and brokers keep
    what they have.
    """

    def read_all() -> None:
        more = True
        while more and not stopping.is_set() and not full():
            page = source.read(store.texts.cursor(stream, name), limit=PAGE)
            if page.cursor is not None:
                stored = pipeline.take(page).stored
                if isinstance(source, AcknowledgedSource):
                    source.acknowledge(page.cursor)
                taken(stored)
            beat()
            more = page.more

    return read_all


def assessing(
    cycles: Sequence[Cycle],
    *,
    stopping: threading.Event,
    beat: Beat,
    stepped: Callable[[], None],
    watch: Observations,
    clock: Clock,
    leads: Callable[[], bool] = lambda: True,
) -> Callable[[], None]:
    """Return the round that assesses every full window of every stream, a window of each in turn, while it leads."""

    def step(cycle: Cycle) -> Progressed:
        if stopping.is_set() or not leads():
            return Progressed.WAITING
        began = monotonic()
        outcome = cycle.step()
        seconds = monotonic() - began
        if outcome is not Progressed.WAITING:
            at = clock.now().timestamp()
            watch.attempt(cycle.stream, outcome.value, seconds=seconds, window=cycle.window, at=at)
        beat()
        return outcome

    def assess_all() -> None:
        waiting = False
        while not waiting and not stopping.is_set():
            outcomes = [step(cycle) for cycle in cycles]
            if any(outcome not in (Progressed.WAITING, Progressed.FAILED) for outcome in outcomes):
                stepped()
                hand_back()
            waiting = all(outcome in (Progressed.WAITING, Progressed.FAILED) for outcome in outcomes)

    return assess_all


def pruning(
    store: Store, streams: Sequence[StreamSettings], clock: Clock, policy: Callable[[], Policy]
) -> Callable[[], None]:
    """Return the round that deletes texts past their retention, but none still to be assessed or trained on.

    Args:
        store: where they are.
        streams: with their retention.
        clock: what past is.
        policy: returns the rules in force.
    """

    def prune_all() -> None:
        for stream in streams:
            age = stream.retention.age
            store.texts.prune(
                stream.name,
                older_than=clock.now() - age if age is not None else None,
                keep=stream.retention.texts,
                before_seq=_wanted_from(store, stream.name, policy()),
            )

    return prune_all


def _wanted_from(store: Store, stream: str, policy: Policy) -> int:
    """Return the first text that something still needs.

    A rule that holds keeps the texts since its onset where it would train on them: not where it only tells, and not
    where there is no model.
    """
    learning = store.registry.champion(stream) is not None
    unfinished = [state for state in RunState if not state.final]
    starts = [run.spec.first_seq for run in store.runs.list(stream=stream, states=unfinished)]
    streak = [
        result.first_seq
        for state in store.decisions.rule_states(stream).values()
        if learning
        and state.since_window is not None
        and (rule := policy.rule(stream, state.rule)) is not None
        and rule.action is Action.RETRAIN
        and (result := store.windows.result(stream, state.since_window)) is not None
    ]
    return min([store.windows.position(stream).after_seq + 1, *starts, *streak])
