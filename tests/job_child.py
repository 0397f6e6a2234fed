"""A tiny job: holds the run's lock and works until it is told to stop.

Arguments: folder of all runs, manner (``polite``, ``stubborn`` or ``brief``), then what a launcher adds.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from driftwatch.retrain.launchers import hold_lock
from driftwatch.schedule.systemd import Systemd


def work(folder: Path, manner: str) -> None:
    """Tell that it began, then wait for the signal that it may heed."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    print("at work", flush=True)
    with (folder / "began").open("a") as began:
        began.write(f"{os.getpid()} {os.nice(0)} {os.getsid(0)} {' '.join(sys.argv[3:])}\n")
    if manner == "polite":
        signal.sigwait({signal.SIGTERM})
    elif manner == "stubborn":
        signal.sigwait({signal.SIGUSR1})


if __name__ == "__main__":
    run = Path(sys.argv[1]) / sys.argv[3]
    with hold_lock(run):
        Systemd(os.environ, pid=os.getpid()).ready("at work")
        work(run, sys.argv[2])
