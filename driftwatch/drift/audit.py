"""Detector ``audit``: the evidence watched in its turn, on a shadow stream of reference texts that must stay silent."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from driftwatch.domain.drift import DriftResult, Measure, Reference, ReferencePart, Window
from driftwatch.drift.evidence.blocks import group_numbers
from driftwatch.drift.evidence.detector import EvidenceDetector
from driftwatch.drift.evidence.settings import EvidenceSettings
from driftwatch.drift.features import take

TEXTS = 96
"""Shadow texts a window."""
ARL_TEXTS = 2_000.0
"""The shadow's own budget: strict enough to mean something, lax enough to be counted within weeks."""
LEAST_TEXTS = 1_000
"""CAL texts without which there is no audit."""
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How far the shadow stream has come.

    Args:
        epoch: times that the held-back texts were begun anew.
        place: texts of this epoch that were streamed.
        texts: streamed in all.
        alarms: raised in all, every one of them false.
    """

    epoch: int = 0
    place: int = 0
    texts: int = 0
    alarms: int = 0


@dataclass(frozen=True, slots=True)
class AuditDetector:
    """Measures the achieved false-alarm rate of the evidence.

    The detector ``evidence`` is fitted a second time, to TRAIN and every other text of CAL; the others are its stream,
    in a random order. They are of the reference's own kind, so every alarm is false, and no more than one in 2,000
    texts is allowed. When they are used up they are shuffled anew and all evidence begins anew: no text meets
    itself.
    """

    @property
    def name(self) -> str:
        """Name in results."""
        return "audit"

    def fit(self, reference: Reference, *, seed: int, state: bytes | None = None) -> AuditMonitor:
        """Fit the shadow, go on from the state."""
        return AuditMonitor(reference, seed=seed, state=state)


class AuditMonitor:
    """The shadow stream and the detector that watches it; measures nothing where CAL is too small to be halved."""

    def __init__(self, reference: Reference, *, seed: int, state: bytes | None) -> None:
        self._seed = seed
        self._tally = Tally()
        self._stream = _half(reference.cal, 1)
        self._enough = len(reference.cal.texts) >= LEAST_TEXTS
        if not self._enough:
            return
        shadow = EvidenceDetector(EvidenceSettings(dependence=8, seasons="none"))
        # The champion learnt CAL, and reads it better than texts held out: the shadow does not bet on its loss.
        half = replace(reference, cal=_half(reference.cal, 0), heldout=_nothing(reference.heldout))
        self._shadow = shadow.fit(half, seed=seed)
        self._fresh = self._shadow.state()
        if state:
            (length,) = _LENGTH.unpack_from(state)
            self._tally = msgspec.json.decode(state[_LENGTH.size : _LENGTH.size + length], type=Tally)
            self._shadow.go_on(state[_LENGTH.size + length :])

    def update(self, window: Window) -> DriftResult:
        """Stream some shadow texts; the window itself is not looked at."""
        if not self._enough:
            return DriftResult(detector="audit", measures=())
        texts = self._stream.texts
        if self._tally.place + TEXTS > len(texts):
            self._tally = replace(self._tally, epoch=self._tally.epoch + 1, place=0)
            self._shadow.go_on(self._fresh)
        order = np.random.default_rng([self._seed, 8, self._tally.epoch]).permutation(len(texts))
        rows = order[self._tally.place : self._tally.place + TEXTS]
        self._shadow.update(
            Window(
                stream=window.stream,
                index=window.index,
                texts=tuple(texts[row] for row in rows),
                features=take(self._stream.features, rows),
                seqs=tuple(range(self._tally.place + 1, self._tally.place + len(rows) + 1)),
                arl_texts=ARL_TEXTS,
            )
        )
        self._tally = replace(
            self._tally,
            place=self._tally.place + len(rows),
            texts=self._tally.texts + len(rows),
            alarms=self._tally.alarms + (self._shadow.peak.height >= 0),
        )
        return DriftResult(
            detector="audit",
            measures=(
                Measure(name="audit.texts", value=float(self._tally.texts)),
                Measure(name="audit.alarms", value=float(self._tally.alarms)),
                Measure(name="audit.arl_texts", value=ARL_TEXTS),
            ),
        )

    def state(self) -> bytes:
        """Return the tally and the shadow's own state."""
        if not self._enough:
            return b""
        head = msgspec.json.encode(self._tally)
        return _LENGTH.pack(len(head)) + head + self._shadow.state()


def _nothing(part: ReferencePart) -> ReferencePart:
    return ReferencePart(texts=(), features=take(part.features, np.empty(0, dtype=np.int64)))


def _half(part: ReferencePart, which: int) -> ReferencePart:
    # Halves hold whole groups: a session in both would make the shadow too quiet.
    rows = np.flatnonzero(group_numbers([text.group for text in part.texts]) % 2 == which)
    # In a shadow every text is alone: groups of the training data say nothing of its order.
    texts = tuple(replace(part.texts[row], group=None) for row in rows)
    return ReferencePart(texts=texts, features=take(part.features, rows))
