"""The process around a job: its signals, its lock, and its patience with what passes."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.domain.run import RunId
from driftwatch.job.work import Job
from driftwatch.retrain.locks import hold_lock
from driftwatch.retrain.patience import patiently
from driftwatch.schedule.systemd import Systemd

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock


def main(run_id: str, config_path: Path, *, clock: Clock = wiring.CLOCK) -> int:
    """Work on a run until it ends, waits, or we are told to stop; a second job on the same run ends at once.

    Args:
        run_id: of the run.
        config_path: of the configuration.
        clock: when its transitions happen.
    """
    config = load_config(config_path, environ=os.environ)
    wiring.log_to_stderr(config.daemon.log)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    patiently(lambda: _hold(config, RunId(run_id), stopping, clock), folder=config.state_dir, stopping=stopping)
    return 0


def _hold(config: Config, run: RunId, stopping: threading.Event, clock: Clock) -> None:
    """Work with the lock held, also while waiting for room; what is waited for outside is room for the lock itself."""
    with hold_lock(config.state_dir / "runs" / run):
        Systemd(os.environ, pid=os.getpid()).ready(f"works on run {run}")
        patiently(lambda: _work(config, run, stopping, clock), folder=config.state_dir, stopping=stopping)


def _work(config: Config, run: RunId, stopping: threading.Event, clock: Clock) -> None:
    store = wiring.open_store(config, clock=clock)
    try:
        Job(config, store, run, stopping=stopping, clock=clock).work()
    finally:
        store.close()
