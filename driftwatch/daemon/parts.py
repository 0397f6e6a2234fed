"""What one daemon is made of, each part built after those that it needs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from driftwatch import wiring
from driftwatch.cycle import Cycle
from driftwatch.daemon.backlog import Backlog
from driftwatch.daemon.child import WorkerChild
from driftwatch.daemon.company import Company
from driftwatch.daemon.leadership import Leadership
from driftwatch.daemon.rulebook import Rulebook
from driftwatch.daemon.supervisor import Supervisor
from driftwatch.daemon.watcher import Watcher
from driftwatch.metrics import Observations

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.config import Config
    from driftwatch.domain.hosts import Agreement
    from driftwatch.domain.protocols import Clock, Launcher
    from driftwatch.policy.ruleset import Policy


class Parts:
    """Everything that the daemon's loops and its web face work with.

    Args:
        config: as loaded.
        clock: of everything that the daemon notes and decides.
        launcher: starts the jobs; None for the one that is configured.
        files_changed: called after policy or recipe files have changed, where they are watched.

    Raises:
        DriftwatchError: one of them cannot be built.
    """

    def __init__(
        self, config: Config, *, clock: Clock, launcher: Launcher | None, files_changed: Callable[[], None]
    ) -> None:
        self.config, self.clock = config, clock
        self.stopping = threading.Event()
        self.entrance = wiring.entrance(config)
        self.store = wiring.open_store(config, clock=clock)
        wiring.check_seen(config, self.store)
        self.identity = wiring.identity_of(config, at=clock.now())
        self.lead = self._leadership()
        self._agreed: tuple[Policy, Agreement] | None = None
        self.watcher = self._watching(files_changed)
        self.rules = Rulebook(
            lambda: wiring.load_policy(config),
            record=wiring.PolicyRecord(self.store, clock),
            clock=clock,
        )
        self.worker = WorkerChild(config.path, threads=config.daemon.threads)
        self.notifiers = wiring.notifiers(config, clock=clock)
        self.receivers = tuple(notifier.name for notifier in self.notifiers)
        self.cycles = [self._cycle(name) for name in config.streams]
        self.watch = Observations(config.streams)
        self.supervisor = Supervisor(
            self.store,
            launcher or wiring.launcher(config),
            receivers=lambda: self.receivers,
            clock=clock,
            concurrent=config.retrain.concurrent,
        )
        self.backlog = Backlog(config.daemon.backlog, drops=config.daemon.when_full == "drop")
        self.readers = wiring.readers(
            config, self.store, clock=clock, lengths=self.watch.texts, dropping=self.backlog.dropping
        )

    def _leadership(self) -> Leadership:
        name = wiring.daemon_name(self.config)
        company = Company(
            self.store.host_book,
            name=name,
            identity=self.identity,
            own=self._agreement,
            clock=self.clock,
        )
        return Leadership(self.store.lead(name), company)

    def _agreement(self) -> Agreement:
        policy, known = self.rules.current(), self._agreed
        if known is None or known[0] is not policy:
            self._agreed = known = policy, wiring.agreement_of(self.config, policy)
        return known[1]

    def _watching(self, files_changed: Callable[[], None]) -> Watcher | None:
        """Return what reloads rules when their files change; what it compares with is read before the rules are."""
        if not self.config.daemon.watch_policies:
            return None
        patterns = (*self.config.policies, *self.config.recipes)
        return Watcher(patterns, files_changed, clock=self.clock)

    def _cycle(self, stream: str) -> Cycle:
        return Cycle(
            stream=stream,
            size=self.config.streams[stream].window,
            budget=self.config.streams[stream].budget,
            store=self.store,
            analyst=self.worker,
            policy=self.rules.current,
            receivers=self.receivers,
            clock=self.clock,
        )
