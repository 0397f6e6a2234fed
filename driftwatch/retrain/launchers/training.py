"""The training of an order in this process: what one device does alone, and each of several together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.retrain.launchers.order import Order


def train_here(
    order: Order, *, on_progress: Callable[[int, int, float], None], should_stop: Callable[[], bool]
) -> bool:
    """Fine-tune on the run's saved mix, and return whether the candidate is there; see ``finetune``."""
    from driftwatch.retrain.dataset import load_mix
    from driftwatch.retrain.finetune import finetune

    return finetune(
        order.champion,
        [text.body for text in load_mix(order.data).train],
        order.recipe,
        round=order.round,
        out=order.out,
        checkpoints=order.checkpoints,
        on_progress=on_progress,
        should_stop=should_stop,
        threads=order.threads,
    )
