"""Detector ``loss``: does the champion suffer? Its loss per token on the window against its baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import DriftResult, Measure, Reference, ReferencePart, Window
from driftwatch.drift.evidence.known import known_of
from driftwatch.drift.newness import Newness
from driftwatch.drift.rows import distinct

if TYPE_CHECKING:
    from driftwatch.domain.features import TextLosses

LEAST_HELDOUT = 100
LEAST_SCORED = 20
"""Fewest texts of a window with a loss: of a classifier those of a known class."""
RESAMPLES = 1_000
_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class LossDetector:
    """Compares the champion's loss with that on texts it never saw (``heldout``), or on CAL where those are too few."""

    resamples: int = RESAMPLES

    @property
    def name(self) -> str:
        """Name in results."""
        return "loss"

    def fit(self, reference: Reference, *, seed: int, state: bytes | None = None) -> LossMonitor:
        """Take the baseline; there is no state to restart from."""
        del state
        part = reference.heldout if _scored(reference.heldout) >= LEAST_HELDOUT else reference.cal
        newness = Newness(reference.train.features.embeddings.values, part, known=known_of(reference), seed=seed)
        return LossMonitor(part.features.losses, newness, resamples=self.resamples, seed=seed)


class LossMonitor:
    """Holds the baseline's losses; measures nothing on a stream without a model."""

    def __init__(self, baseline: TextLosses | None, newness: Newness, *, resamples: int, seed: int) -> None:
        self._newness = newness
        self._baseline = baseline
        self._resamples = resamples
        self._seed = seed

    def update(self, window: Window) -> DriftResult:
        """Measure the window's distinct texts, with 95% bootstrap intervals over texts of window and baseline.

        Raises:
            DigestMismatchError: another model scored the window.
        """
        losses = window.features.losses
        if self._baseline is None or losses is None or not self._baseline.tokens.sum():
            return DriftResult(detector="loss", measures=())
        rows, _ = distinct(window)
        nats, tokens = losses.nats[rows], losses.tokens[rows]
        if (tokens > 0).sum() < LEAST_SCORED:
            return DriftResult(detector="loss", measures=())
        random = np.random.default_rng([self._seed, 4, window.index])
        now = _bootstrap(nats, tokens, self._resamples, random)
        before = _bootstrap(self._baseline.nats, self._baseline.tokens, self._resamples, random)
        loss = float(nats.sum() / tokens.sum())
        increase = loss - float(self._baseline.nats.sum() / self._baseline.tokens.sum())
        low, high = (float(each) for each in np.quantile(now - before, [_TAIL, 1 - _TAIL]))
        now_low, now_high = (float(each) for each in np.quantile(now, [_TAIL, 1 - _TAIL]))
        ratio = [float(np.exp(each)) for each in (increase, low, high)]
        return DriftResult(
            detector="loss",
            measures=(
                Measure(name="loss.nats", value=loss, low=now_low, high=now_high),
                Measure(name="loss.increase", value=increase, low=low, high=high),
                Measure(name="loss.perplexity_ratio", value=ratio[0], low=ratio[1], high=ratio[2]),
                *self._where_new(window),
            ),
        )

    def _where_new(self, window: Window) -> tuple[Measure, ...]:
        rise = self._newness.rise(window)
        return () if rise is None else (Measure(name="loss.where_new", value=rise.value, low=rise.low, high=rise.high),)

    def state(self) -> bytes:
        """Return nothing: windows are measured one by one."""
        return b""


def _scored(part: ReferencePart) -> int:
    """Return of how many texts something was predicted."""
    return 0 if part.features.losses is None else int((part.features.losses.tokens > 0).sum())


def _bootstrap(
    nats: npt.NDArray[np.float64], tokens: npt.NDArray[np.int64], resamples: int, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return the mean loss per token of texts drawn with replacement, float64 [resamples]."""
    found = np.empty(resamples)
    for number in range(resamples):
        rows = random.integers(len(nats), size=len(nats))
        found[number] = nats[rows].sum() / max(tokens[rows].sum(), 1)
    return found
