"""What a stream came to, so that two stores can be held against each other."""

from __future__ import annotations

from deployment import STREAM

from driftwatch.domain.decision import Decision
from driftwatch.domain.drift import WindowResult
from driftwatch.store import Store


def results(store: Store) -> list[WindowResult]:
    return store.windows.between(STREAM, first=0, last=10_000)


def decisions(store: Store) -> list[Decision]:
    return [each.decision for each in store.decisions.between(STREAM, first=0, last=10_000)]


def monitor_states(store: Store) -> dict[str, bytes]:
    """Return the state of every detector on the reference in force."""
    reference = store.registry.reference(STREAM)
    assert reference is not None
    found = dict(store.windows.monitor_states(STREAM, reference=reference.version))
    assert found
    return found
