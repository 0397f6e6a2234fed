"""Replays of what the store holds: under given rules, or under those of then."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.errors import DataError
from driftwatch.policy.basis import read_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from driftwatch.policy.replay import Difference, Fates, PastRun, Replayer, Tally, World
    from driftwatch.policy.ruleset import Policy
    from driftwatch.store import Past, Store

_ALL_RUNS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One rule of one stream: what it did, and what it would have done."""

    stream: str
    rule: str
    recorded: Tally
    replayed: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a replay came to.

    Args:
        policy: hash of the rules; None for those of then.
        first: moment of the first window.
        last: moment of the last window.
        windows: replayed, by stream.
        diverged: when other runs began to be asked for than really were, by stream; absent where never.
        rules: of all streams, those in force first.
        differing: decisions that came out otherwise.
        differences: the first of them.
        assumptions: what was taken for granted, in sentences.
    """

    policy: str | None
    first: datetime
    last: datetime
    windows: Mapping[str, int]
    diverged: Mapping[str, datetime]
    rules: tuple[Compared, ...]
    differing: int
    differences: tuple[Difference, ...]
    assumptions: tuple[str, ...]

    def name(self, each: Compared) -> str:
        """Return what a rule is called here: with its stream where there are several."""
        several = sum(count > 0 for count in self.windows.values()) > 1
        return f"{each.stream}: {each.rule}" if several else each.rule


def replay(
    store: Store,
    policy: Policy | None,
    *,
    streams: Sequence[str],
    since: datetime | None = None,
    until: datetime | None = None,
) -> Replay:
    """Decide on the recorded windows once more.

    Args:
        store: where they are.
        policy: rules to decide by; None for those that were in force at each window.
        streams: whose windows.
        since: first moment of windows; None for all.
        until: the moment before which windows lie; None for all.

    Raises:
        DataError: there is no window, or rules of then were not recorded.
        PolicyError: rules of then are no longer taken by this version.
    """
    from driftwatch.policy.replay import Fates, past_runs  # a daemon replays nothing

    asked = store.decisions.asked()
    runs = past_runs(store.runs.list(limit=_ALL_RUNS), asked)
    fates = Fates(runs)
    rules = _of_then(store) if policy is None else _given(policy)
    replayers = [replayer(store, stream, rules=rules, runs=runs, fates=fates) for stream in streams]
    moments: list[datetime] = []
    with _no_cycles():
        for each in replayers:
            for past in store.history.windows(each.stream, since=since, until=until):
                moments = [min(past.at, *moments[:1]), max(past.at, *moments[1:])] if moments else [past.at, past.at]
                each.see(past)
    if not moments:
        raise DataError("no window was decided on in that time", cure="driftwatch status shows what there is")
    return _told(policy, replayers, moments, fates)


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Keep the collector from looking for cycles, which windows and decisions have none of: it takes half the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def replayer(
    store: Store, stream: str, *, rules: Callable[[Past], Policy], runs: Sequence[PastRun], fates: Fates
) -> Replayer:
    """Return what replays a stream's windows."""
    from driftwatch.policy.replay import Replayer

    of = [run for run in runs if run.run.spec.stream == stream]

    def earlier(first: int, after: int) -> int:
        return sum(result.texts for result in store.windows.between(stream, first=first, last=after - 1))

    return Replayer(stream, rules=rules, world=_world(store, stream, of), runs=of, fates=fates, earlier=earlier)


def _world(store: Store, stream: str, runs: Sequence[PastRun]) -> World:
    from driftwatch.policy.replay import World, WorldRun

    return World(
        runs=[
            WorldRun(
                rule=run.run.spec.rule,
                began_at=run.run.created_at,
                ends_at=run.ended_at,
                hours=run.run.training_hours,
                promoted_at=run.promoted_at,
            )
            for run in runs
        ],
        champions=sorted(champion.at for champion in store.registry.champions(stream)),
        references=sorted(reference.created_at for reference in store.registry.references(stream)),
    )


def _given(policy: Policy) -> Callable[[Past], Policy]:
    return lambda _past: policy


def _of_then(store: Store) -> Callable[[Past], Policy]:
    """Return what gives the rules that were in force at a window, each read once."""
    known: dict[str, Policy] = {}

    def rules(past: Past) -> Policy:
        text = store.history.policy(past.policy) if past.policy is not None and past.policy not in known else None
        if past.policy is not None and text is not None:
            known[past.policy] = read_policy(text)
        if past.policy is None or past.policy not in known:
            raise DataError(
                f"the rules of window {past.result.index} of stream {past.result.stream} were not recorded",
                cure="an earlier version decided on it: name rules with --rules, or begin later with --since",
            )
        return known[past.policy]

    return rules


def _told(policy: Policy | None, replayers: Sequence[Replayer], moments: Sequence[datetime], fates: Fates) -> Replay:
    diverged = {each.stream: each.diverged_at for each in replayers if each.diverged_at is not None}
    differences = [found for each in replayers for found in each.differences]
    return Replay(
        policy=policy.hash if policy is not None else None,
        first=moments[0],
        last=moments[1],
        windows={each.stream: each.windows for each in replayers},
        diverged=diverged,
        rules=tuple(compared for each in replayers for compared in _compared(each)),
        differing=sum(each.differing for each in replayers),
        differences=tuple(differences),
        assumptions=tuple(fates.assumptions()) if diverged else (),
    )


def _compared(each: Replayer) -> list[Compared]:
    from driftwatch.policy.replay import Tally

    names = dict.fromkeys((*each.replayed, *each.recorded))
    return [
        Compared(
            stream=each.stream,
            rule=name,
            recorded=each.recorded.get(name) or Tally(stream=each.stream, rule=name),
            replayed=each.replayed.get(name) or Tally(stream=each.stream, rule=name),
        )
        for name in names
    ]
