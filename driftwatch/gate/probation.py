"""The serving model against its predecessor, paired on the same texts, gathered over the windows of a probation.

What is kept from window to window are sums over buckets of texts, never a text: a bucket is chosen by a hash of the
text's group (or of its id), so that a group's texts stay together however many windows they are spread over. The
bootstrap draws whole buckets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np
import numpy.typing as npt

from driftwatch.domain.analysis import Comparison
from driftwatch.domain.features import LossUnit
from driftwatch.gate.bootstrap import RESAMPLES, weighted_mean
from driftwatch.gate.verdicts import LEAST_TEXTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.features import TextLosses
    from driftwatch.domain.text import Text

STATE = "probation"
"""Name of the state among the monitors'."""
BUCKETS = 4_096
_SEED = 7
_TAIL_DRAWS = 20
"""Least resamples in a tail of the interval."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    run: str
    windows: int
    texts: int
    buckets: list[int]
    nats: list[float]
    tokens: list[int]
    unit: LossUnit = LossUnit.TOKEN


@dataclass(slots=True, kw_only=True)
class Watch:
    """One run's probation.

    Args:
        run: whose.
        windows: looked at so far.
        texts: compared so far.
        nats: float64 [4096], the serving model's loss less the predecessor's, summed by bucket.
        tokens: int64 [4096], predicted by both, by bucket.
        unit: of the losses.
    """

    run: str
    windows: int
    texts: int
    nats: npt.NDArray[np.float64]
    tokens: npt.NDArray[np.int64]
    unit: LossUnit = LossUnit.TOKEN

    @classmethod
    def of(cls, run: str, state: bytes | None) -> Self:
        """Go on from a state; begin anew where there is none, or it is another run's."""
        fresh = cls(run=run, windows=0, texts=0, nats=np.zeros(BUCKETS), tokens=np.zeros(BUCKETS, np.int64))
        kept = msgspec.msgpack.decode(state, type=_Kept) if state is not None else None
        if kept is not None and kept.run == run:
            fresh.windows, fresh.texts, fresh.unit = kept.windows, kept.texts, kept.unit
            fresh.nats[kept.buckets], fresh.tokens[kept.buckets] = kept.nats, kept.tokens
        return fresh

    def state(self) -> bytes:
        """Return what a restart needs to go on as if it had never stopped."""
        used = np.flatnonzero(self.tokens)
        kept = _Kept(
            run=self.run,
            windows=self.windows,
            texts=self.texts,
            buckets=used.tolist(),
            nats=self.nats[used].tolist(),
            tokens=self.tokens[used].tolist(),
            unit=self.unit,
        )
        return msgspec.msgpack.encode(kept)

    def add(self, texts: Sequence[Text], serving: TextLosses, before: TextLosses, *, confidence: float) -> Comparison:
        """Add a window and estimate the increase of the loss over all windows so far.

        Args:
            texts: of the window.
            serving: their losses with the serving model.
            before: their losses with its predecessor.
            confidence: of the interval.
        """
        difference = serving.nats - before.nats
        if serving.unit is not before.unit:
            why = f"the loss of the serving model is in {serving.unit}, its predecessor's in {before.unit}"
            return self.skip(why, confidence=confidence)
        if not np.array_equal(serving.tokens, before.tokens):
            return self.skip("the two models split the texts into different tokens", confidence=confidence)
        if not np.isfinite(difference).all():
            return self.skip("a loss is no number", confidence=confidence)
        self.unit = serving.unit
        places = [_bucket(text) for text in texts]
        np.add.at(self.nats, places, difference)
        np.add.at(self.tokens, places, serving.tokens)
        self.texts += int((serving.tokens > 0).sum())
        return self._look(confidence)

    def skip(self, trouble: str, *, confidence: float) -> Comparison:
        """Count a window that could not be compared; what earlier windows showed stays."""
        return self._look(confidence, trouble)

    def _look(self, confidence: float, trouble: str | None = None) -> Comparison:
        self.windows += 1
        used = np.flatnonzero(self.tokens)
        if len(used) < LEAST_TEXTS:
            few = f"only {len(used)} independent texts could be scored, {LEAST_TEXTS} are needed"
            return Comparison(windows=self.windows, texts=self.texts, trouble=trouble or few)
        estimate = weighted_mean(
            self.nats[used],
            self.tokens[used].astype(np.float64),
            seed=_SEED,
            resamples=max(RESAMPLES, math.ceil(2 * _TAIL_DRAWS / (1 - confidence))),
            confidence=confidence,
        )
        return Comparison(
            windows=self.windows,
            texts=self.texts,
            increase=estimate.value,
            low=estimate.low,
            high=estimate.high,
            trouble=trouble,
            unit=self.unit,
        )


def _bucket(text: Text) -> int:
    name = f"id {text.id}" if text.group is None else f"group {text.group}"
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest()) % BUCKETS
