"""Detector ``loss``: does the champion suffer? Its loss per token on the window against what it is without drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import DriftResult, Measure, Reference, Window
from driftwatch.drift.baseline import LEAST_SCORED, Baseline
from driftwatch.drift.evidence.known import known_of
from driftwatch.drift.newness import Newness

if TYPE_CHECKING:
    from driftwatch.drift.baseline import Sides

RESAMPLES = 1_000
_TAIL = 0.025
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LossDetector:
    """Compares the champion's loss with that on texts it never saw (``heldout``), or on CAL where those are too few.

    Texts that the reference knows word for word are compared with themselves (:class:`Baseline`): with s their share
    of the tokens, the increase is (1 − s) · (loss of the unknown texts less the held-out texts') + s · (loss of the
    known texts less their own when the reference was built). A language model reads a text as it did then, so there the
    second term is nothing; a classifier's is what its known texts cost more by other classes.
    """

    resamples: int = RESAMPLES

    @property
    def name(self) -> str:
        """Name in results."""
        return "loss"

    def fit(self, reference: Reference, *, seed: int, state: bytes | None = None) -> LossMonitor:
        """Take the baseline; there is no state to restart from."""
        del state
        baseline = Baseline(reference)
        newness = Newness(
            reference.train.features.embeddings.values, baseline.part, known=known_of(reference), seed=seed
        )
        return LossMonitor(baseline, newness, resamples=self.resamples, seed=seed)


class LossMonitor:
    """Holds the baseline's losses; measures nothing on a stream without a model."""

    def __init__(self, baseline: Baseline, newness: Newness, *, resamples: int, seed: int) -> None:
        self._newness = newness
        self._baseline = baseline
        self._resamples = resamples
        self._seed = seed

    def update(self, window: Window) -> DriftResult:
        """Measure the window's texts, with 95% bootstrap intervals over bodies of window and baseline.

        Unknown bodies count once, known ones as often as they come. What has fewer than 20 scored bodies, be it unknown
        ones or known ones whose own loss is kept, tells no increase; where that is both, none is measured.

        Raises:
            DigestMismatchError: another model scored the window.
        """
        losses = window.features.losses
        if losses is None or not len(self._baseline.unseen):
            return DriftResult(detector="loss", measures=())
        sides = self._baseline.sides(window, losses)
        if len(sides.unknown) + len(sides.known) < LEAST_SCORED:
            return DriftResult(detector="loss", measures=())
        return DriftResult(detector="loss", measures=(*self._moved(sides, window.index), *self._where_new(window)))

    def _moved(self, sides: Sides, index: int) -> tuple[Measure, ...]:
        """Return the loss and its increase."""
        random = np.random.default_rng([self._seed, 4, index])
        share = sides.known_share
        unknown, unseen = sides.unknown.drawn(self._resamples, random), self._baseline.unseen
        increase, moved = 0.0, np.zeros(self._resamples)
        if len(sides.unknown) >= LEAST_SCORED:
            increase += (1 - share) * (sides.unknown.mean - unseen.mean)
            moved += (1 - share) * (unknown - unseen.drawn(self._resamples, random))
        if len(sides.beyond) >= LEAST_SCORED:
            increase += share * sides.beyond.mean
            moved += share * sides.beyond.drawn(self._resamples, random)
        now = (1 - share) * unknown + share * sides.known.drawn(self._resamples, random)
        low, high = _interval(now)
        loss = Measure(
            name="loss.nats", value=(1 - share) * sides.unknown.mean + share * sides.known.mean, low=low, high=high
        )
        if max(len(sides.unknown), len(sides.beyond)) < LEAST_SCORED:
            return (loss,)
        low, high = _interval(moved)
        ratio = [float(np.exp(each)) for each in (increase, low, high)]
        return (
            loss,
            Measure(name="loss.increase", value=increase, low=low, high=high),
            Measure(name="loss.perplexity_ratio", value=ratio[0], low=ratio[1], high=ratio[2]),
        )

    def _where_new(self, window: Window) -> tuple[Measure, ...]:
        rise = self._newness.rise(window)
        return () if rise is None else (Measure(name="loss.where_new", value=rise.value, low=rise.low, high=rise.high),)

    def state(self) -> bytes:
        """Return nothing: windows are measured one by one."""
        return b""


def _interval(drawn: Floats) -> tuple[float, float]:
    """Return where all but the outer twentieth of the draws lie."""
    low, high = (float(each) for each in np.quantile(drawn, [_TAIL, 1 - _TAIL]))
    return low, high
