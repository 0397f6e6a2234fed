"""How the daemon is: whether it is healthy and ready, what is wrong with it, and the snapshot that it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from driftwatch import __version__, wiring
from driftwatch.domain.protocols import TroubledSource
from driftwatch.metrics import (
    DaemonFigures,
    Expected,
    ExpectedStream,
    Memory,
    Snapshot,
    WatchFigures,
    snapshot_from,
)
from driftwatch.metrics.reading import ASSESSMENT
from driftwatch.web import Health

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.daemon.parts import Parts
    from driftwatch.schedule import Loops


class Condition:
    """Looks at the daemon's parts and loops.

    Args:
        parts: of the daemon.
        loops: that work on them.
    """

    def __init__(self, parts: Parts, loops: Loops) -> None:
        self._parts, self._loops = parts, loops
        self._memory = Memory(observed=parts.watch)
        self._unseen: tuple[str, ...] = ()
        self._newest = self._counted()

    def health(self) -> Health:
        """Return whether it should be restarted, and whether it takes in and assesses texts."""
        return Health(unhealthy=tuple(self._loops.stuck()), unready=tuple(self._unready()))

    def troubles(self) -> tuple[str, ...]:
        """Return all that is wrong."""
        health, wrong = self.health(), self._parts.entrance.wrong()
        others = (each for each in (wrong, self._parts.lead.differs) if each is not None)
        return (*health.unhealthy, *health.unready, *others, *self.failing())

    def failing(self) -> Iterator[str]:
        """Yield the sources that cannot be read: no reason to take the daemon for unready, since all else goes on."""
        for reader in self._parts.readers:
            if isinstance(reader.source, TroubledSource) and (trouble := reader.source.trouble) is not None:
                yield f"source {reader.name} of stream {reader.stream}: {trouble}"

    def refresh(self) -> None:
        """Take a new snapshot."""
        parts = self._parts
        self._unseen = () if parts.lead.alone else wiring.not_seen(parts.config, parts.store)
        self._newest = self._counted()

    def shown(self) -> Snapshot:
        """Return the newest snapshot; who leads is known without the store that it is read from."""
        newest, leads = self._newest, self._parts.lead.leads
        return newest if newest.daemon.leads == leads else replace(newest, daemon=replace(newest.daemon, leads=leads))

    def _unready(self) -> Iterator[str]:
        lead, cycles = self._parts.lead, self._parts.cycles
        if lead.trouble is not None:
            yield lead.trouble
        yield from self._unseen
        yield from (cycle.trouble for cycle in cycles if lead.leads and cycle.trouble is not None)

    def _counted(self) -> Snapshot:
        stored = self._parts.backlog.look()
        snapshot = self._snapshot()
        self._parts.backlog.counted({figures.name: int(figures.backlog) for figures in snapshot.streams}, stored)
        return snapshot

    def _snapshot(self) -> Snapshot:
        parts, expected, figures = self._parts, self._expected(), self._figures()
        return snapshot_from(parts.store, expected, figures, at=parts.clock.now(), memory=self._memory)

    def _expected(self) -> Expected:
        policy = self._parts.rules.current()
        return Expected(
            streams={
                name: ExpectedStream(
                    sources=(*(source.name for source in stream.sources), ASSESSMENT),
                    rules=tuple(rule.name for rule in policy.of(name)),
                    drills=tuple(drill.name for drill in stream.drills),
                )
                for name, stream in self._parts.config.streams.items()
            },
            receivers=self._parts.receivers,
        )

    def _figures(self) -> DaemonFigures:
        parts, loops, rules, watcher = self._parts, self._loops, self._parts.rules, self._parts.watcher
        return DaemonFigures(
            version=__version__,
            started_at=parts.identity.started_at,
            ready=not any(self._unready()),
            leads=parts.lead.leads,
            agrees=parts.lead.differs is None,
            heartbeats=loops.heartbeats(),
            loop_failures=loops.failures(),
            patience=loops.patience(),
            loop_rounds=loops.rounds(),
            loop_misses=loops.misses(),
            loop_delays=loops.delays(),
            troubled=frozenset(cycle.stream for cycle in parts.cycles if cycle.trouble),
            backlog_limit=parts.config.daemon.backlog,
            worker_up=parts.worker.pid is not None,
            worker_restarts=parts.worker.restarts,
            reload_ok=rules.last_ok,
            reloaded_at=rules.loaded_at,
            loads=rules.counts(),
            load_tried_at=rules.last.at,
            watch=WatchFigures(up=watcher.up, looked_at=watcher.looked_at) if watcher else None,
        )
