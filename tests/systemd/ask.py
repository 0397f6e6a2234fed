"""Asks the systemd launcher, as the daemon does. Arguments: launch, poll or cancel; the run; grace in seconds."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import structlog

from driftwatch.domain.run import GateLimits, RunId, RunSpec
from driftwatch.retrain.launchers import SystemdLauncher
from driftwatch.retrain.recipe import builtin_recipes

STATE = Path("/var/lib/driftwatch")


def spec(run: RunId) -> RunSpec:
    """Return what a run is asked to do."""
    return RunSpec(
        id=run,
        stream="lab",
        rule="drift",
        window=1,
        first_seq=1,
        last_seq=9,
        reference="r1",
        champion="v1",
        recipe=builtin_recipes()["small"],
        limits=GateLimits(),
    )


def main(verb: str, run: RunId, grace: float) -> None:
    """Ask, and print what is known afterwards."""
    launcher = SystemdLauncher(STATE / "runs", spool=STATE / "spool")
    if verb == "launch":
        launcher.launch(spec(run))
    elif verb == "cancel":
        launcher.cancel(run, grace=timedelta(seconds=grace))
    status = launcher.poll(run)
    print("running" if status.running else "idle", status.detail)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    main(sys.argv[1], RunId(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 10.0)
