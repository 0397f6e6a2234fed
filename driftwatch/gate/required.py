"""The checks that every candidate must hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.gate.bias.builtin import builtin_suite
from driftwatch.gate.bias.gate import BiasGate
from driftwatch.gate.forgetting import ForgettingGate
from driftwatch.gate.quality import QualityGate

if TYPE_CHECKING:
    from driftwatch.domain.protocols import Gate
    from driftwatch.domain.run import GateLimits
    from driftwatch.gate.bias.cells import Scores


def required_gates(limits: GateLimits, *, seed: int, neutral: Scores | None = None) -> tuple[Gate, ...]:
    """Return the gates in the order they are judged.

    Args:
        limits: what a candidate must hold.
        seed: of their bootstraps.
        neutral: float64 [seeds, pairs], how neutral fine-tunes of the champion score the suite's pairs that it can
            read; None to assume their spread.
    """
    return (
        QualityGate(min_gain=limits.quality_min_gain, max_slice_loss=limits.forgetting_max_loss, seed=seed),
        ForgettingGate(max_loss=limits.forgetting_max_loss, seed=seed),
        BiasGate(
            pairs=builtin_suite(),
            max_increase=limits.bias_max_increase,
            neutral=neutral,
            not_shown=limits.bias_not_shown,
            more=limits.bias_suites,
        ),
    )
