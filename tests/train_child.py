"""A job's training stage on two devices, to be killed by a test. Arguments: an order's file; it prints each step."""

from __future__ import annotations

import sys
from pathlib import Path

from driftwatch.retrain.launchers.order import Order, read_order
from driftwatch.retrain.launchers.torchrun import train_on_devices


def train(order: Order) -> bool:
    """Train as ordered, printing steps done and in all."""
    return train_on_devices(
        order.champion,
        order.data,
        order.recipe,
        round=order.round,
        out=order.out,
        checkpoints=order.checkpoints,
        on_progress=lambda done, total, _: print("step", done, total, flush=True),
        should_stop=lambda: False,
        threads=order.threads,
    )


if __name__ == "__main__":
    train(read_order(Path(sys.argv[1])))
