"""From a small training to the whole run: the gain at first order grows as a power of the tokens trained on.

A short training has two effects on held-out text: it moves towards the new text, which the whole run goes on with, and
it is knocked about by the first steps of a new optimiser at its highest rates, which the whole run recovers from.
Between champion (0) and trained model (1) the gain at x is about ``first x - shock x^2``; so the gain is measured not
at the trained model but a part of the way towards it, and divided by that part, which leaves little of the shock.
Without this, slight drifts, which are the ones that a probe is for, look like losses.

From there the gain is carried on as a power of the tokens. Its exponent differs little between drifts: median and
spread are those of ``benchmarks.retraining.probe``. A slope measured between two small trainings says less than that:
it is taken where the curve is steepest, and its noise is multiplied by the whole distance. The interval draws the
exponent, the held-out texts and the noise of the training itself anew each time; the exponent's spread is wider for
trainings of few steps, the noise larger for those on few tokens.

Source of the power law: Hestness et al., Deep Learning Scaling is Predictable, Empirically (2017), arXiv 1712.00409.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.retrain.probe.record import STEPS

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 2_000
CONFIDENCE = 0.9
PART = 0.1
"""Where between champion (0) and trained model (1) the gain is measured."""

EXPONENT = 0.24
"""Of the tokens, with which the gain grows (median)."""

SPREAD = 0.1
"""Standard deviation of the exponent, for a training of enough steps."""

NOISE = 0.8
"""Standard deviation of a gain by the training's own noise, nats per token, times the root of its tokens."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """Losses on the same held-out texts, of the champion and a part of the way towards the small training's model.

    Args:
        champion: float64 [texts], nats.
        towards: float64 [texts], nats.
        tokens: float64 [texts].
        groups: of each text; texts of one group are drawn together.
    """

    champion: Floats
    towards: Floats
    tokens: Floats
    groups: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its 90% interval, nats per token."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Extrapolated:
    """The first-order gain of the small training and the gain of the whole run."""

    small: Interval
    whole: Interval


def extrapolate(measured: Measured, *, tokens: int, full: float, steps: int, seed: int) -> Extrapolated:
    """Foretell the whole run's gain.

    Args:
        measured: losses.
        tokens: of the small training.
        full: tokens of the whole run.
        steps: optimiser steps of the small training.
        seed: of the draws.

    Raises:
        ValueError: fewer than two groups of texts, or no tokens.
    """
    gains = (measured.champion - measured.towards) / PART
    totals = _by_group(np.column_stack((gains, measured.tokens)), measured.groups)
    if len(totals) < 2 or totals[:, 1].sum() <= 0:  # noqa: PLR2004 - a spread takes two
        raise ValueError("too few held-out texts")
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(len(totals), np.full(len(totals), 1 / len(totals)), size=RESAMPLES) @ totals
    drawn = drawn[drawn[:, 1] > 0]
    means, value = drawn[:, 0] / drawn[:, 1], float(totals[:, 0].sum() / totals[:, 1].sum())
    means += generator.normal(0, NOISE / sqrt(tokens), len(means))
    growth, spread = full / tokens, SPREAD * sqrt(max(1.0, STEPS / max(steps, 1)))
    exponents = np.maximum(generator.normal(EXPONENT, spread, len(means)), 0.0)
    return Extrapolated(
        small=_interval(means, value), whole=_interval(means * growth**exponents, value * growth**EXPONENT)
    )


def _interval(values: Floats, value: float) -> Interval:
    low, high = np.quantile(values, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return Interval(value=value, low=min(float(low), value), high=max(float(high), value))


def _by_group(sums: Floats, groups: Sequence[str]) -> Floats:
    _, places = np.unique(np.asarray(groups), return_inverse=True)
    totals = np.zeros((int(places.max()) + 1, sums.shape[1]))
    np.add.at(totals, places, sums)
    return totals
