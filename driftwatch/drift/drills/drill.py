"""One drill: when it is due, how its drift is mixed in, how it ends."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec
import numpy as np
import structlog

from driftwatch.domain.drift import Measure
from driftwatch.domain.errors import DataError, DriftwatchError
from driftwatch.drift.features import concatenate, take

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftwatch.domain.drift import Reference, Window
    from driftwatch.domain.features import Features
    from driftwatch.domain.text import Text
    from driftwatch.drift.drills.settings import DrillSettings
    from driftwatch.drift.evidence.detector import EvidenceDetector
    from driftwatch.drift.evidence.monitor import EvidenceMonitor

log = structlog.get_logger()
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How the drill went so far.

    Args:
        number: times it was begun.
        missed: times it ended without an alarm.
        delay: texts from begin to alarm, the last time there was one.
        begun_at: time of the last text before it was last begun; None where it is due as soon as it can be.
        running: whether it runs.
        texts: of the stream since it was begun.
        used: texts of the file that were mixed in.
    """

    number: int = 0
    missed: int = 0
    delay: int | None = None
    begun_at: datetime | None = None
    running: bool = False
    texts: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Texts that are mixed in, in the order in which they are, and their features."""

    texts: Sequence[Text]
    features: Features


class Drill:
    """A drill of one stream, on a shadow of the monitor of its evidence.

    A drill begins with the state of the stream's own monitor after a window. From the next window on the shadow is
    given every window with a share of its texts replaced by the drill's, until it alarms, or has not for as many texts
    as it should. An alarm of the stream itself ends the drill without a result: it would be unclear what was detected.
    The stream's own monitor is not touched.

    Args:
        settings: of the drill.
        detector: of the stream's evidence.
        reference: that it is fitted to.
        read: returns the drill's texts, in order.
        extract: returns the features of bodies.
        seed: of what is mixed in where.
        state: to go on from.
    """

    def __init__(
        self,
        settings: DrillSettings,
        *,
        detector: EvidenceDetector,
        reference: Reference,
        read: Callable[[], Sequence[Text]],
        extract: Callable[[Sequence[str]], Features],
        seed: int,
        state: bytes | None = None,
    ) -> None:
        self._settings = settings
        self._detector = detector
        self._reference = reference
        self._read = read
        self._extract = extract
        self._seed = [seed, 16, crc32(settings.name.encode())]
        self._tally = Tally()
        self._shadow: EvidenceMonitor | None = None
        self._material: Material | None = None
        if state:
            self._restore(state)

    @property
    def name(self) -> str:
        """Under which its state is kept."""
        return f"drill.{self._settings.name}"

    def update(self, window: Window, live: EvidenceMonitor) -> tuple[Measure, ...]:
        """Go on with the drill, or begin it where it is due.

        Args:
            window: that the stream's monitor has just assessed.
            live: that monitor.
        """
        try:
            if self._tally.running and live.alarm is not None:
                self._end(begun_at=None)
            elif self._tally.running:
                self._go_on(window)
            elif self._due(window, live):
                self._begin(window, live)
        except DriftwatchError as error:
            log.warning("drill_impossible", drill=self._settings.name, error=str(error))
            self._end(begun_at=_last(window))
        return self._measures()

    def state(self) -> bytes:
        """Return the tally, and the shadow's state while the drill runs."""
        head = msgspec.json.encode(self._tally)
        return _LENGTH.pack(len(head)) + head + (self._shadow.state() if self._shadow is not None else b"")

    def _restore(self, state: bytes) -> None:
        (length,) = _LENGTH.unpack_from(state)
        head, rest = state[_LENGTH.size : _LENGTH.size + length], state[_LENGTH.size + length :]
        self._tally = msgspec.json.decode(head, type=Tally)
        if self._tally.running:
            self._shadow = self._detector.fit(self._reference, seed=self._seed[0], state=rest)

    def _due(self, window: Window, live: EvidenceMonitor) -> bool:
        if live.alarm is not None or (live.dependence is not None and not live.dependence.settled):
            return False
        begun_at = self._tally.begun_at
        return begun_at is None or _last(window) - begun_at >= self._settings.every

    def _begin(self, window: Window, live: EvidenceMonitor) -> None:
        self._tally = replace(
            self._tally, number=self._tally.number + 1, begun_at=_last(window), running=True, texts=0, used=0
        )
        self._material = self._drawn()
        self._shadow = self._detector.fit(self._reference, seed=self._seed[0], state=live.state())

    def _drawn(self) -> Material:
        """Return the texts of this drill in a random order, without copies."""
        texts = list({text.body: text for text in self._read()}.values())
        if len(texts) < self._settings.least_texts:
            raise DataError(
                f"{len(texts)} different texts are too few for a drill of {self._settings.least_texts}",
                where=str(self._settings.texts),
                cure="give more texts, or a smaller share or within",
            )
        order = np.random.default_rng([*self._seed, self._tally.number]).permutation(len(texts))
        chosen = [texts[row] for row in order[: 2 * self._settings.least_texts]]
        return Material(chosen, self._extract([text.body for text in chosen]))

    def _go_on(self, window: Window) -> None:
        self._material = self._material or self._drawn()
        if self._shadow is None:
            raise DataError("the drill's state holds no shadow", cure="it begins anew by itself")
        mixed, used = self._mixed(window, self._material)
        self._shadow.update(mixed)
        if self._shadow.peak.height >= 0:
            delay = self._tally.texts + self._shadow.peak.texts
            self._tally = replace(self._tally, delay=delay)
            self._end(begun_at=self._tally.begun_at)
            log.info("drill_detected", drill=self._settings.name, texts=delay)
            return
        self._tally = replace(self._tally, texts=self._tally.texts + len(window.texts), used=used)
        if self._tally.texts >= self._settings.within or used >= len(self._material.texts):
            self._tally = replace(self._tally, missed=self._tally.missed + 1)
            self._end(begun_at=self._tally.begun_at)
            log.warning("drill_missed", drill=self._settings.name, texts=self._settings.within)

    def _mixed(self, window: Window, material: Material) -> tuple[Window, int]:
        """Return the window with some of its texts replaced, and how many of the drill's are used up then."""
        random = np.random.default_rng([*self._seed, self._tally.number, window.index])
        rows = np.flatnonzero(random.random(len(window.texts)) < self._settings.share)
        rows = rows[: len(material.texts) - self._tally.used]
        taken = np.arange(self._tally.used, self._tally.used + len(rows))
        texts = list(window.texts)
        for row, place in zip(rows.tolist(), taken.tolist(), strict=True):
            new = material.texts[place]
            texts[row] = replace(texts[row], id=f"drill:{new.id}", body=new.body, group=None)
        order = np.arange(len(texts))
        order[rows] = len(texts) + np.arange(len(rows))
        features = take(concatenate([window.features, take(material.features, taken)]), order)
        return replace(window, texts=tuple(texts), features=features), self._tally.used + len(rows)

    def _end(self, *, begun_at: datetime | None) -> None:
        self._tally = replace(self._tally, running=False, texts=0, used=0, begun_at=begun_at)
        self._shadow = self._material = None

    def _measures(self) -> tuple[Measure, ...]:
        missed = Measure(name=f"{self.name}.missed", value=float(self._tally.missed))
        if self._tally.delay is None:
            return (missed,)
        return missed, Measure(name=f"{self.name}.delay", value=float(self._tally.delay))


def _last(window: Window) -> datetime:
    return max(text.seen_at for text in window.texts)
