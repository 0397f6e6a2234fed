"""A job's training stage on several devices, to be killed by a test. Argument: an order's file; it prints each step."""

from __future__ import annotations

import sys
from pathlib import Path

from driftwatch.retrain.launchers.order import read_order
from driftwatch.retrain.launchers.torchrun import train_apart

if __name__ == "__main__":
    train_apart(
        read_order(Path(sys.argv[1])),
        on_progress=lambda progress: print("step", progress.done, progress.total, flush=True),
        should_stop=lambda: False,
    )
