"""The real daemon and its real jobs on the fast clock: ``python -m benchmarks.soaking.process run|job …``.

Everything else is as ``driftwatch run`` and ``driftwatch job`` start it: configuration, store, worker, sources, alerts.
The loops come round by the machine's clock, so their rhythm is given in its time.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import timedelta
from pathlib import Path

from benchmarks.soaking.clock import FastClock
from driftwatch.daemon.rhythm import Rhythm
from driftwatch.retrain.launchers import ChildLauncher

_FAST = timedelta(seconds=0.1)
"""The two seconds between rounds, shortened as far as rounds are worth their CPU time: 20 times the rounds an hour."""
_HOUR = timedelta(hours=1)


def rhythm(speed: float) -> Rhythm:
    """Return the daemon's rhythm on a fast clock: an hourly round comes every simulated hour, or more often."""
    return Rhythm(snapshot=_FAST, tend=_FAST, deliver=_FAST, health=timedelta(seconds=1), prune=_HOUR / speed)


def command(what: str, clock: Path, speed: float) -> tuple[str, ...]:
    """Return the program that runs the daemon (``run``) or a job (``job``) on the clock."""
    return (sys.executable, "-m", "benchmarks.soaking.process", what, str(clock), repr(speed))


def main() -> int:
    """Be the daemon, or a job of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soaking.process")
    parser.add_argument("what", choices=("run", "job"))
    parser.add_argument("clock", type=Path)
    parser.add_argument("speed", type=float)
    parser.add_argument("run_id", nargs="?")
    parser.add_argument("--config", type=Path, required=True)
    asked = parser.parse_args()
    clock = FastClock(asked.clock)
    if asked.what == "job":
        from driftwatch.job import main as work

        return work(asked.run_id, asked.config, clock=clock)
    _run(asked.config, clock, asked.speed)
    return 0


def _run(config: Path, clock: FastClock, speed: float) -> None:
    from driftwatch.config import load_config
    from driftwatch.daemon import run

    runs = load_config(config, environ=os.environ).state_dir / "runs"
    launcher = ChildLauncher(runs, config=config, program=command("job", clock.file, speed))
    run(config, clock=clock, rhythm=rhythm(speed), launcher=launcher)


if __name__ == "__main__":
    sys.exit(main())
