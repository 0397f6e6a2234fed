"""A small daemon on the schedule room, to try the unit on: ready, watchdog, a child that outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from driftwatch.schedule import Loop, Loops, Systemd

STATE = Path(os.environ["STATE_DIRECTORY"].partition(":")[0])


class Now:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.now(UTC)


def main() -> None:
    """Run until told to stop; SIGUSR1 makes the loop stand still."""
    stop, stand = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    signal.signal(signal.SIGUSR1, lambda _number, _frame: stand.set())
    os.nice(5)
    systemd = Systemd(os.environ, pid=os.getpid())
    job = STATE / "job.pid"
    if not job.exists():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        job.write_text(str(child.pid))

    def work() -> None:
        while stand.is_set():
            stop.wait(1)

    loops: Loops

    def watch() -> None:
        if not loops.stuck():
            systemd.alive()

    every, patience = timedelta(seconds=0.1), timedelta(seconds=0.5)
    loops = Loops(
        [
            Loop(name="work", every=every, round=work, patience=patience),
            Loop(name="watchdog", every=every, round=watch, patience=patience),
        ],
        clock=Now(),
    )
    loops.start()
    systemd.ready("watching the test")
    stop.wait()
    systemd.stopping()
    loops.stop()


if __name__ == "__main__":
    main()
