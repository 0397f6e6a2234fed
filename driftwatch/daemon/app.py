"""``driftwatch run``: builds the daemon, runs it, stops it in order."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from driftwatch import __version__, wiring
from driftwatch.config import load_config
from driftwatch.daemon.alone import alone
from driftwatch.daemon.condition import Condition
from driftwatch.daemon.face import face
from driftwatch.daemon.local import LocalDoor
from driftwatch.daemon.memory import give_memory_back
from driftwatch.daemon.parts import Parts
from driftwatch.daemon.rhythm import RHYTHM, Rhythm
from driftwatch.daemon.rulebook import Asked
from driftwatch.daemon.timetable import Timetable
from driftwatch.domain.protocols import ClosedSource
from driftwatch.schedule.systemd import Systemd
from driftwatch.web import ReloadResult, serve

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock, Launcher

log = structlog.get_logger()

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
        self._parts = Parts(config, clock=clock, launcher=launcher, files_changed=self._files_changed)
        self.identity = self._parts.identity
        self._timetable = Timetable(self._parts, systemd, rhythm, refresh=self._refresh, troubles=self._troubles)
        self._condition = Condition(self._parts, self._timetable.loops)

    def run(self) -> None:
        """Serve until told to stop."""
        parts, daemon = self._parts, self._config.daemon
        parts.lead.tend()
        if parts.lead.leads:
            with self._systemd.taking_time(most=_START_LONGEST):
                wiring.reconcile(self._config, parts.store)  # which may hold gigabytes of a model against their hashes
        app = face(
            parts, self._condition, taken=self._timetable.taken, reload=lambda who: self._reload(Asked.HTTP, who)
        )
        server = serve(app, daemon.host, daemon.port, tls=parts.entrance.tls)
        local = LocalDoor(app, wiring.control_socket(self._config))
        signal.signal(signal.SIGHUP, self._hang_up)
        self._begin()
        try:
            server.run()
        finally:
            local.close()
            self._stop()

    def _begin(self) -> None:
        self._timetable.loops.start()
        if self._parts.watcher is not None:
            self._parts.watcher.start()
        streams = list(self._config.streams)
        part = "watching" if self._parts.lead.leads else "following another daemon on"
        self._systemd.ready(f"{part} {len(streams)} stream(s)")
        log.info("daemon_started", version=__version__, streams=streams, listen=self._config.daemon.listen)

    def _stop(self) -> None:
        self._systemd.stopping()
        with self._systemd.taking_time(most=_STOP_LONGEST):
            self._end()
        log.info("daemon_stopped")

    def _end(self) -> None:
        parts = self._parts
        parts.stopping.set()
        if parts.watcher is not None:
            parts.watcher.stop()
        parts.worker.stop()
        self._timetable.loops.stop()
        for reader in parts.readers:
            if isinstance(reader.source, ClosedSource):
                reader.source.close()
        parts.lead.give_up()
        parts.store.close()

    def _refresh(self) -> None:
        self._condition.refresh()

    def _troubles(self) -> tuple[str, ...]:
        return self._condition.troubles()

    def _hang_up(self, *_: object) -> None:
        threading.Thread(target=self._reload, args=(Asked.SIGNAL, "signal SIGHUP")).start()

    def _files_changed(self) -> None:
        self._reload_rules(Asked.FILES, "file watcher")

    def _reload_rules(self, asked: Asked, who: str) -> tuple[str, ...]:
        errors = self._parts.rules.reload(asked, who)
        self._refresh()
        return errors

    def _reload(self, asked: Asked, who: str) -> ReloadResult:
        wrong = self._parts.entrance.again()
        errors = (*self._reload_rules(asked, who), *((wrong,) if wrong is not None else ()))
        return ReloadResult(errors=errors, detail=f"policy {self._parts.rules.current().hash}")


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
    with alone(config):
        with systemd.taking_time(most=_START_LONGEST):
            # Brings the database up to date, which takes as long as it is large.
            daemon = Daemon(config, systemd, clock=clock, rhythm=rhythm, launcher=launcher)
        daemon.run()
