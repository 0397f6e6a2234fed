"""Texts that are like no other: robust limits that never leave out a kind of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.retrain.collect.card import WHOLE_CHARACTERS, Limit

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = npt.NDArray[np.float64]

_DEVIATIONS = 6.0
"""Of the standard deviation that the median deviation stands for; a normal text lies beyond once in 10^9."""

_NORMAL = 1.4826
"""Median absolute deviation to standard deviation, for a normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How a figure is looked at.

    Args:
        name: of the limit on the card.
        unit: of its figures.
        least: smallest standard deviation, on the transformed figure: where most texts are alike, a new kind among
            them is no outlier yet (documentation among tweets: 20 times as long at most).
        both: whether too small a figure is an outlier as well.
        logarithmic: whether figures are compared by ratio.
    """

    name: str
    unit: str
    least: float
    both: bool = False
    logarithmic: bool = False


LENGTH = Scale(name="length", unit=WHOLE_CHARACTERS, least=0.5, both=True, logarithmic=True)
CHARACTERS = Scale(name="characters", unit="share neither letters nor spaces", least=0.1)
LOSS = Scale(name="loss", unit="nats per token", least=0.25)


def outliers(figures: Floats, scale: Scale, *, most: float) -> tuple[npt.NDArray[np.bool_], Limit]:
    """Return which figures lie too far from the median to be of use, and the limits.

    More than ``most`` of them beyond the limits are no outliers but a kind of text, such as the new topic that the
    run is for: then none is left out.

    Args:
        figures: float64 [n], finite.
        scale: how they are looked at.
        most: greatest share that may be left out, 0 to 1.

    Returns:
        bool [n] and the limits.
    """
    if not len(figures):
        return np.zeros(0, dtype=bool), Limit(
            name=scale.name, unit=scale.unit, low=None, high=float("inf"), beyond=0, trimmed=False
        )
    to, back = _ways(logarithmic=scale.logarithmic)
    values = to(figures)
    middle = float(np.median(values))
    reach = _DEVIATIONS * max(_NORMAL * float(np.median(np.abs(values - middle))), scale.least)
    beyond = values > middle + reach
    if scale.both:
        beyond |= values < middle - reach
    count = int(beyond.sum())
    trimmed = 0 < count <= most * len(figures)
    low = float(back(np.array(middle - reach))) if scale.both else None
    limit = Limit(
        name=scale.name,
        unit=scale.unit,
        low=low,
        high=float(back(np.array(middle + reach))),
        beyond=count,
        trimmed=trimmed,
    )
    return beyond if trimmed else np.zeros(len(figures), dtype=bool), limit


def _ways(*, logarithmic: bool) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
    """Return the transformation of figures and its inverse."""
    if logarithmic:
        return (lambda values: np.log(np.maximum(values, 1.0))), np.exp
    return (lambda values: values), (lambda values: values)
