"""A program that works on a queued run and tells its progress step by step, to be killed by a test.

Arguments: the configuration, the run.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.domain.run import RunId
from driftwatch.job import Job

TOLD = "told "
"""Beginning of a line of progress: steps done, then the stage."""


def work(config_file: Path, run: RunId) -> None:
    """Work until the run ends or waits, printing what the store knows of it whenever it looks at the clock."""
    config = load_config(config_file, environ={})
    store, seconds = wiring.open_store(config), count()

    def now() -> float:
        progress = store.runs.get(run).progress
        if progress is not None:
            print(f"{TOLD}{progress.done} {progress.stage}", flush=True)
        return float(next(seconds))  # every look is a second later, so that every step is told to the store

    Job(config, store, run, now=now).work()
    store.close()


if __name__ == "__main__":
    work(Path(sys.argv[1]), RunId(sys.argv[2]))
