"""Advice on the rules, by what they say and by the windows that are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.policy.advice import Advice, Sizes, advise
from driftwatch.policy.basis import read_facts
from driftwatch.policy.history import Moment, Record, advise_by, recorded
from driftwatch.wiring.base import CLOCK, open_store

if TYPE_CHECKING:
    from driftwatch.config import Config
    from driftwatch.domain.drift import WindowResult
    from driftwatch.policy.ruleset import Policy
    from driftwatch.store import Store

LOOKED_BACK = 1_000
"""Recorded windows of each stream that conditions are held against."""


def advice_of(config: Config, policy: Policy) -> tuple[Advice, ...]:
    """Return what a policy says and surely does not mean, for the streams as they are configured."""
    sizes = {name: Sizes(window=stream.window) for name, stream in config.streams.items()}
    return advise(policy, sizes=sizes, now=CLOCK.now())


def advice_by_history(config: Config, policy: Policy) -> tuple[tuple[Advice, ...], tuple[Record, ...]]:
    """Return advice by what is recorded, and the record itself; nothing where nothing is stored yet.

    Raises:
        StoreError: there is a store and it cannot be read.
    """
    if config.store is None and not (config.state_dir / "driftwatch.db").exists():
        return (), ()
    store = open_store(config, read_only=True)
    try:
        windows = {name: store.windows.recent(name, limit=LOOKED_BACK) for name in config.streams}
        kept = {name: found for name, found in windows.items() if found}
        records = recorded(policy, kept, lambda result: _moment(store, result))
    finally:
        store.close()
    return tuple(advise_by(records, policy)), records


def _moment(store: Store, result: WindowResult) -> Moment | None:
    past = store.history.window(result.stream, result.index)
    if past is None or past.facts is None:
        return None
    return Moment(at=past.at, facts=read_facts(past.facts, lambda _since: 0))
