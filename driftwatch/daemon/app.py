"""``driftwatch run``: builds the daemon, runs it, stops it in order."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from driftwatch import __version__, wiring
from driftwatch.alert.outbox import deliver_due
from driftwatch.config import load_config
from driftwatch.cycle import Cycle
from driftwatch.daemon import champions, pages, rounds
from driftwatch.daemon.backlog import Backlog
from driftwatch.daemon.child import WorkerChild
from driftwatch.daemon.company import Company
from driftwatch.daemon.degraded import Degraded
from driftwatch.daemon.gone import Gone
from driftwatch.daemon.leadership import Leadership
from driftwatch.daemon.local import LocalDoor
from driftwatch.daemon.memory import give_memory_back
from driftwatch.daemon.reports import Reporting
from driftwatch.daemon.rhythm import RHYTHM, Rhythm
from driftwatch.daemon.rulebook import Asked, Rulebook
from driftwatch.daemon.supervisor import Supervisor
from driftwatch.daemon.watcher import Watcher
from driftwatch.domain.protocols import AcknowledgedSource, ClosedSource, TroubledSource
from driftwatch.metrics import (
    DaemonFigures,
    Expected,
    ExpectedStream,
    Exposition,
    Memory,
    Observations,
    Snapshot,
    WatchFigures,
    snapshot_from,
)
from driftwatch.metrics.reading import ASSESSMENT
from driftwatch.schedule import Loop, Loops
from driftwatch.schedule.systemd import Systemd
from driftwatch.web import App, Health, ReloadResult, WebSettings, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.domain.hosts import Agreement
    from driftwatch.domain.protocols import Clock, Launcher
    from driftwatch.policy.ruleset import Policy

log = structlog.get_logger()

ASSESSMENT_PATIENCE = timedelta(minutes=30)
"""A window of thousands of texts on a slow processor takes minutes; a worker that hangs is noticed after this."""
_LEAD_EVERY = timedelta(seconds=1)
_PATIENCE = timedelta(minutes=5)
_START_LONGEST = timedelta(hours=1)
_STOP_LONGEST = timedelta(minutes=5)


class Daemon:
    """Everything one daemon holds.

    Args:
        config: as loaded.
        systemd: the service manager, if any.
        clock: of everything that the daemon notes and decides; its loops come round by the machine's.
        rhythm: how often they do.
        launcher: starts the jobs; None for the one that is configured.
    """

    def __init__(
        self,
        config: Config,
        systemd: Systemd,
        *,
        clock: Clock = wiring.CLOCK,
        rhythm: Rhythm = RHYTHM,
        launcher: Launcher | None = None,
    ) -> None:
        self._config = config
        self._systemd = systemd
        self._clock = clock
        self._rhythm = rhythm
        self._stopping = threading.Event()
        self._entrance = wiring.entrance(config)
        self._store = wiring.open_store(config, clock=clock)
        wiring.check_seen(config, self._store)
        self.identity = wiring.identity_of(config, at=self._clock.now())
        self._lead = self._leadership(config)
        self._agreed: tuple[Policy, Agreement] | None = None
        self._watcher = self._watching(config)
        self._rules = Rulebook(
            lambda: wiring.load_policy(config),
            record=wiring.PolicyRecord(self._store, self._clock),
            clock=self._clock,
        )
        self._worker = WorkerChild(config.path)
        self._notifiers = wiring.notifiers(config, clock=self._clock)
        self._receivers = tuple(notifier.name for notifier in self._notifiers)
        self._cycles = [self._cycle(name) for name in config.streams]
        self._watch = Observations(config.streams)
        self._supervisor = Supervisor(
            self._store,
            launcher or wiring.launcher(config),
            receivers=lambda: self._receivers,
            clock=self._clock,
            concurrent=config.retrain.concurrent,
        )
        self._backlog = Backlog(config.daemon.backlog, drops=config.daemon.when_full == "drop")
        self._readers = wiring.readers(
            config, self._store, clock=self._clock, lengths=self._watch.texts, dropping=self._backlog.dropping
        )
        self._loops = Loops(self._all_loops(), clock=wiring.CLOCK)
        self._memory = Memory(observed=self._watch)
        self._unseen: tuple[str, ...] = ()
        self._newest = self._counted()

    def run(self) -> None:
        """Serve until told to stop."""
        self._lead.tend()
        if self._lead.leads:
            with self._systemd.taking_time(most=_START_LONGEST):
                wiring.reconcile(self._config, self._store)  # which may hold gigabytes of a model against their hashes
        app = App(
            intake=wiring.http_intakes(
                self._config,
                self._store,
                clock=self._clock,
                taken=self._taken,
                backlog=self._backlog.blocking,
                dropping=self._backlog.dropping,
                lengths=self._watch.texts,
            ),
            metrics=Exposition(self._shown).render,
            health=self._health,
            reload=lambda who: self._reload(Asked.HTTP, who),
            pages=pages.pages(
                self._config,
                self._store,
                clock=self._clock,
                unready=lambda: self._health().unready,
                failing=lambda: tuple(self._failing()),
            ),
            settings=WebSettings(backlog=self._config.daemon.backlog),
            now=monotonic,
            feedback=wiring.feedback_intakes(self._config, self._store, clock=self._clock),
            otlp=wiring.otlp_intakes(
                self._config,
                self._store,
                clock=self._clock,
                taken=self._taken,
                backlog=self._backlog.blocking,
                dropping=self._backlog.dropping,
                lengths=self._watch.texts,
            ),
            guard=self._entrance.guard,
            identity=lambda: replace(self.identity, failing=tuple(self._failing())),
        )
        server = serve(app, self._config.daemon.host, self._config.daemon.port, tls=self._entrance.tls)
        local = LocalDoor(app, wiring.control_socket(self._config))
        signal.signal(signal.SIGHUP, self._hang_up)
        self._loops.start()
        if self._watcher is not None:
            self._watcher.start()
        part = "watching" if self._lead.leads else "following another daemon on"
        self._systemd.ready(f"{part} {len(self._config.streams)} stream(s)")
        log.info(
            "daemon_started", version=__version__, streams=list(self._config.streams), listen=self._config.daemon.listen
        )
        try:
            server.run()
        finally:
            local.close()
            self._stop()

    def _stop(self) -> None:
        self._systemd.stopping()
        with self._systemd.taking_time(most=_STOP_LONGEST):
            self._end()
        log.info("daemon_stopped")

    def _end(self) -> None:
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.stop()
        self._worker.stop()
        self._loops.stop()
        for reader in self._readers:
            if isinstance(reader.source, ClosedSource):
                reader.source.close()
        self._lead.give_up()
        self._store.close()

    def _leadership(self, config: Config) -> Leadership:
        name = wiring.daemon_name(config)
        company = Company(
            self._store.host_book,
            name=name,
            identity=self.identity,
            own=self._agreement,
            clock=self._clock,
        )
        return Leadership(self._store.lead(name), company)

    def _agreement(self) -> Agreement:
        policy, known = self._rules.current(), self._agreed
        if known is None or known[0] is not policy:
            self._agreed = known = policy, wiring.agreement_of(self._config, policy)
        return known[1]

    def _cycle(self, stream: str) -> Cycle:
        return Cycle(
            stream=stream,
            size=self._config.streams[stream].window,
            budget=self._config.streams[stream].budget,
            store=self._store,
            analyst=self._worker,
            policy=self._rules.current,
            receivers=self._receivers,
            clock=self._clock,
        )

    def _all_loops(self) -> list[Loop]:
        poll = self._config.daemon.poll
        assess = rounds.assessing(
            self._cycles,
            stopping=self._stopping,
            beat=lambda: self._loops.beat("assess"),
            stepped=self._refresh,
            watch=self._watch,
            clock=self._clock,
            leads=lambda: self._lead.leads,
        )
        only, rhythm = self._lead.only, self._rhythm
        streams = list(self._config.streams.values())
        prune_texts = rounds.pruning(self._store, streams, self._clock, self._rules.current)
        reports = Reporting(self._config, self._store, clock=self._clock, receivers=self._receivers)

        def prune() -> None:
            prune_texts()
            reports.prune_all()

        loops = [
            Loop(name="assess", every=poll, round=assess, patience=ASSESSMENT_PATIENCE),
            Loop(name="lead", every=_LEAD_EVERY, round=self._lead.tend, patience=_PATIENCE),
            Loop(name="deliver", every=rhythm.deliver, round=only(self._deliver), patience=_PATIENCE),
            Loop(name="runs", every=rhythm.tend, round=only(self._supervisor.tend), patience=_PATIENCE),
            Loop(name="degraded", every=rhythm.health, round=self._degraded().look, patience=_PATIENCE),
            *self._hosts_loops(),
            Loop(name="pauses", every=rhythm.tend, round=only(self._tend_pauses), patience=_PATIENCE),
            Loop(name="prune", every=rhythm.prune, round=only(prune), patience=rhythm.prune + _PATIENCE),
            Loop(
                name="reports",
                every=rhythm.deliver,
                round=only(reports.make_all),
                patience=wiring.REPORT_LONGEST + _PATIENCE,
            ),
            *self._champion_loops(),
            Loop(name="snapshot", every=rhythm.snapshot, round=self._refresh, patience=_PATIENCE),
            *self._reading_loops(poll),
        ]
        if (ping := self._systemd.ping_every) is not None:
            loops.append(Loop(name="watchdog", every=ping, round=self._ping, patience=_PATIENCE + ping))
        return loops

    def _hosts_loops(self) -> list[Loop]:
        if self._lead.alone:
            return []
        gone = Gone(self._store, self._clock)
        return [Loop(name="hosts", every=self._rhythm.health, round=self._lead.only(gone.look), patience=_PATIENCE)]

    def _champion_loops(self) -> list[Loop]:
        only, rhythm = self._lead.only, self._rhythm
        tend = champions.Tending(self._config, self._store, clock=self._clock).tend_all
        prune = champions.pruning(self._config, self._store)
        patience = champions.patience(self._config)
        loops = [
            Loop(name="champions", every=rhythm.tend, round=only(tend), patience=patience),
            Loop(name="models", every=rhythm.prune, round=only(prune), patience=rhythm.prune + _PATIENCE),
        ]
        if any(stream.export.wanted for stream in self._config.streams.values()):
            export = champions.Exporting(self._config, self._store, clock=self._clock).export_all
            longest = wiring.EXPORT_LONGEST * len(self._config.streams)
            loops.append(Loop(name="export", every=rhythm.export, round=only(export), patience=longest + _PATIENCE))
        return loops

    def _reading_loops(self, poll: timedelta) -> list[Loop]:
        loops = []
        for reader in self._readers:
            name = f"read:{reader.stream}:{reader.name}"
            read = rounds.reading(
                reader.source,
                reader.pipeline,
                self._store,
                stream=reader.stream,
                name=reader.name,
                stopping=self._stopping,
                beat=lambda name=name: self._loops.beat(name),  # type: ignore[misc]
                taken=partial(self._taken, reader.stream),
                full=partial(self._holds_off, reader),
            )
            loops.append(Loop(name=name, every=poll, round=read, patience=_PATIENCE + poll))
        return loops

    def _degraded(self) -> Degraded:
        name = None if self._lead.alone else wiring.daemon_name(self._config)
        return Degraded(
            self._store, receivers=lambda: self._receivers, reasons=self._troubles, clock=self._clock, name=name
        )

    def _holds_off(self, reader: wiring.Reader) -> bool:
        """Whether nothing is read for now: there is no room, or it is for the leader alone to read.

        A broker gives each text to one of its readers; what is read by a cursor has one reader.
        """
        mine = self._lead.leads or isinstance(reader.source, AcknowledgedSource)
        return not mine or self._backlog.full(reader.stream)

    def _troubles(self) -> tuple[str, ...]:
        health, wrong = self._health(), self._entrance.wrong()
        others = (each for each in (wrong, self._lead.differs) if each is not None)
        return (*health.unhealthy, *health.unready, *others, *self._failing())

    def _failing(self) -> Iterator[str]:
        """Yield the sources that cannot be read: no reason to take the daemon for unready, since all else goes on."""
        for reader in self._readers:
            if isinstance(reader.source, TroubledSource) and (trouble := reader.source.trouble) is not None:
                yield f"source {reader.name} of stream {reader.stream}: {trouble}"

    def _deliver(self) -> None:
        deliver_due(self._store.outbox, self._notifiers, self._clock)

    def _tend_pauses(self) -> None:
        wiring.tend_pauses(self._store, receivers=self._receivers, now=self._clock.now())

    def _wake(self) -> None:
        self._loops.wake("assess")

    def _taken(self, stream: str, texts: int) -> None:
        self._backlog.stored(stream, texts)
        self._wake()

    def _ping(self) -> None:
        if not self._loops.stuck():
            self._systemd.alive()

    def _refresh(self) -> None:
        self._unseen = () if self._lead.alone else wiring.not_seen(self._config, self._store)
        self._newest = self._counted()

    def _shown(self) -> Snapshot:
        """Return the newest snapshot; who leads is known without the store that it is read from."""
        newest, leads = self._newest, self._lead.leads
        return newest if newest.daemon.leads == leads else replace(newest, daemon=replace(newest.daemon, leads=leads))

    def _counted(self) -> Snapshot:
        stored = self._backlog.look()
        snapshot = self._snapshot()
        self._backlog.counted({figures.name: int(figures.backlog) for figures in snapshot.streams}, stored)
        return snapshot

    def _hang_up(self, *_: object) -> None:
        threading.Thread(target=self._reload, args=(Asked.SIGNAL, "signal SIGHUP")).start()

    def _watching(self, config: Config) -> Watcher | None:
        """Return what reloads rules when their files change; what it compares with is read before the rules are."""
        if not config.daemon.watch_policies:
            return None
        patterns = (*config.policies, *config.recipes)
        return Watcher(patterns, self._files_changed, clock=self._clock)

    def _files_changed(self) -> None:
        self._reload_rules(Asked.FILES, "file watcher")

    def _reload_rules(self, asked: Asked, who: str) -> tuple[str, ...]:
        errors = self._rules.reload(asked, who)
        self._refresh()
        return errors

    def _reload(self, asked: Asked, who: str) -> ReloadResult:
        wrong = self._entrance.again()
        errors = (*self._reload_rules(asked, who), *((wrong,) if wrong is not None else ()))
        return ReloadResult(errors=errors, detail=f"policy {self._rules.current().hash}")

    def _health(self) -> Health:
        return Health(unhealthy=tuple(self._loops.stuck()), unready=tuple(self._unready()))

    def _unready(self) -> Iterator[str]:
        if self._lead.trouble is not None:
            yield self._lead.trouble
        yield from self._unseen
        yield from (cycle.trouble for cycle in self._cycles if self._lead.leads and cycle.trouble is not None)

    def _snapshot(self) -> Snapshot:
        policy = self._rules.current()
        expected = Expected(
            streams={
                name: ExpectedStream(
                    sources=(*(source.name for source in stream.sources), ASSESSMENT),
                    rules=tuple(rule.name for rule in policy.of(name)),
                    drills=tuple(drill.name for drill in stream.drills),
                )
                for name, stream in self._config.streams.items()
            },
            receivers=self._receivers,
        )
        figures = DaemonFigures(
            version=__version__,
            started_at=self.identity.started_at,
            ready=not any(self._unready()),
            leads=self._lead.leads,
            agrees=self._lead.differs is None,
            heartbeats=self._loops.heartbeats(),
            loop_failures=self._loops.failures(),
            patience=self._loops.patience(),
            loop_rounds=self._loops.rounds(),
            loop_misses=self._loops.misses(),
            loop_delays=self._loops.delays(),
            troubled=frozenset(cycle.stream for cycle in self._cycles if cycle.trouble),
            backlog_limit=self._config.daemon.backlog,
            worker_up=self._worker.pid is not None,
            worker_restarts=self._worker.restarts,
            reload_ok=self._rules.last_ok,
            reloaded_at=self._rules.loaded_at,
            loads=self._rules.counts(),
            load_tried_at=self._rules.last.at,
            watch=WatchFigures(up=self._watcher.up, looked_at=self._watcher.looked_at) if self._watcher else None,
        )
        return snapshot_from(self._store, expected, figures, at=self._clock.now(), memory=self._memory)


def run(
    config_path: Path, *, clock: Clock = wiring.CLOCK, rhythm: Rhythm = RHYTHM, launcher: Launcher | None = None
) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    Args:
        config_path: of the configuration.
        clock: as ``Daemon`` takes it.
        rhythm: likewise.
        launcher: likewise.

    Raises:
        DriftwatchError: it cannot start.
    """
    give_memory_back()
    systemd = Systemd(os.environ, pid=os.getpid())
    config = load_config(config_path, environ=os.environ)
    wiring.log_to_stderr(config.daemon.log)
    with systemd.taking_time(most=_START_LONGEST):
        # Brings the database up to date, which takes as long as it is large.
        daemon = Daemon(config, systemd, clock=clock, rhythm=rhythm, launcher=launcher)
    daemon.run()
