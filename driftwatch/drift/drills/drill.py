"""One drill: when it is due, how its drift is mixed in, how it ends."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from zlib import crc32

import msgspec
import numpy as np
import numpy.typing as npt
import structlog

from driftwatch.domain.drift import Measure
from driftwatch.domain.errors import DataError, DriftwatchError
from driftwatch.drift.evidence.state import read_notes
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
Rows = npt.NDArray[np.int64]
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How the drill went so far.

    Args:
        number: times it was begun.
        missed: times it ended without an alarm.
        delay: texts from begin to alarm, the last time there was one.
        begun_at: time of the window before it was last begun; None where it is due as soon as it can be.
        running: whether it runs.
        window: number of the last window it saw while it runs.
        drawn: what is mixed in while it runs, as a hash.
        texts: of the stream since it was begun.
        used: texts of the file that were mixed in.
    """

    number: int = 0
    missed: int = 0
    delay: int | None = None
    begun_at: datetime | None = None
    running: bool = False
    window: int = 0
    drawn: str = ""
    texts: int = 0
    used: int = 0


class Extract(Protocol):
    """Returns the features of texts; with two tiers, the transformer's of some rows alone."""

    def __call__(self, texts: Sequence[Text], *, closely: Rows | None = None) -> Features:
        """Return the features of the texts, in their order; see :class:`~driftwatch.features.extractor.Extractor`."""
        ...


class Drill:
    """A drill of one stream, on a shadow of the monitor of its evidence.

    A drill begins with the state of the stream's own monitor after a window. From the next window on the shadow is
    given every window with a share of its texts replaced by the drill's, until it alarms, or has not for as many texts
    as it should. An alarm of the stream itself ends the drill without a result: it would be unclear what was detected.
    So do windows it did not see, and other texts than it began with. The stream's own monitor is not touched.

    Args:
        settings: of the drill.
        detector: of the stream's evidence.
        reference: that it is fitted to.
        read: returns the drill's texts, in order.
        extract: returns the features of texts.
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
        extract: Extract,
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
        self._drawn: Sequence[Text] = ()
        if state:
            self._restore(state)

    @property
    def name(self) -> str:
        """Under which its state is kept."""
        return f"drill.{self._settings.name}"

    @property
    def _named(self) -> dict[str, str]:
        """What every event of the log names."""
        return {"stream": self._reference.stream, "drill": self._settings.name}

    def update(self, window: Window, live: EvidenceMonitor) -> tuple[Measure, ...]:
        """Go on with the drill, or begin it where it is due.

        Args:
            window: that the stream's monitor has just assessed.
            live: that monitor.
        """
        try:
            if self._tally.running:
                self._go_on(window, live)
            elif self._due(window, live):
                self._begin(window, live)
        except DriftwatchError as error:
            log.warning("drill_impossible", **self._named, error=str(error))
            self._end(begun_at=_time(window))
        return self._measures()

    def state(self) -> bytes:
        """Return the tally, and the shadow's state while the drill runs."""
        head = msgspec.json.encode(self._tally)
        return _LENGTH.pack(len(head)) + head + (self._shadow.state() if self._shadow is not None else b"")

    def _restore(self, state: bytes) -> None:
        (length,) = _LENGTH.unpack_from(state)
        head, rest = state[_LENGTH.size : _LENGTH.size + length], state[_LENGTH.size + length :]
        self._tally = msgspec.json.decode(head, type=Tally)
        if self._tally.running and rest and read_notes(rest) is not None:
            self._shadow = self._detector.fit(self._reference, seed=self._seed[0], state=rest)

    def _due(self, window: Window, live: EvidenceMonitor) -> bool:
        if live.alarm is not None or (live.dependence is not None and not live.dependence.settled):
            return False
        begun_at = self._tally.begun_at
        return begun_at is None or _time(window) - begun_at >= self._settings.every

    def _begin(self, window: Window, live: EvidenceMonitor) -> None:
        self._tally = replace(self._tally, number=self._tally.number + 1, texts=0, used=0)
        self._drawn = self._draw()
        self._shadow = self._detector.fit(self._reference, seed=self._seed[0], state=live.state())
        self._tally = replace(
            self._tally, begun_at=_time(window), running=True, window=window.index, drawn=self._hash(self._drawn)
        )

    def _draw(self) -> Sequence[Text]:
        """Return the texts of this drill in a random order, without copies."""
        texts = list({text.body: text for text in self._read() if text.body.strip()}.values())
        if len(texts) < self._settings.least_texts:
            raise DataError(
                f"{len(texts)} different texts are too few for a drill of {self._settings.least_texts}",
                where=str(self._settings.texts),
                cure="give more texts, or a smaller share or within",
            )
        order = np.random.default_rng([*self._seed, self._tally.number]).permutation(len(texts))
        return [texts[row] for row in order]

    def _hash(self, drawn: Sequence[Text]) -> str:
        """Return what tells a drill from one of other texts, another share or another length."""
        said = [self._settings.share, self._settings.within, *(text.body for text in drawn)]
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]

    def _go_on(self, window: Window, live: EvidenceMonitor) -> None:
        self._drawn = self._drawn or self._draw()
        reason = self._disturbance(window, live)
        if reason is not None or self._shadow is None:
            log.info("drill_without_result", **self._named, reason=reason or "its shadow is of another version")
            self._end(begun_at=None)
            return
        mixed, used = self._mixed(window, self._drawn)
        self._shadow.update(mixed)
        delay = self._tally.texts + self._shadow.peak.texts
        if self._shadow.peak.height >= 0 and delay <= self._settings.within:
            self._tally = replace(self._tally, delay=delay)
            self._end(begun_at=self._tally.begun_at)
            log.info("drill_detected", **self._named, texts=delay)
            return
        texts = self._tally.texts + len(window.texts)
        self._tally = replace(self._tally, window=window.index, texts=texts, used=used)
        if texts >= self._settings.within:
            self._tally = replace(self._tally, missed=self._tally.missed + 1)
            self._end(begun_at=self._tally.begun_at)
            log.warning("drill_missed", **self._named, texts=self._settings.within)
        elif used >= len(self._drawn):
            self._end(begun_at=self._tally.begun_at)
            log.warning("drill_out_of_texts", **self._named, texts=used)

    def _disturbance(self, window: Window, live: EvidenceMonitor) -> str | None:
        """Say why what the shadow shows from now on would say nothing of the drill."""
        if live.alarm is not None:
            return "an alarm of the stream itself is in force"
        if window.index != self._tally.window + 1:
            return "windows passed that it did not see"
        if self._hash(self._drawn) != self._tally.drawn:
            return "its texts, share or length were changed"
        return None

    def _mixed(self, window: Window, drawn: Sequence[Text]) -> tuple[Window, int]:
        """Return the window with some of its texts replaced, and how many of the drill's are used up then."""
        random = np.random.default_rng([*self._seed, self._tally.number, window.index])
        rows = np.flatnonzero(random.random(len(window.texts)) < self._settings.share)
        rows = rows[rows < self._settings.within - self._tally.texts][: len(drawn) - self._tally.used]
        if not len(rows):
            return window, self._tally.used
        taken = drawn[self._tally.used : self._tally.used + len(rows)]
        texts = list(window.texts)
        for row, new in zip(rows.tolist(), taken, strict=True):
            texts[row] = replace(
                new, id=f"drill:{new.id}", seen_at=texts[row].seen_at, group=None, labels=texts[row].labels
            )
        order = np.arange(len(texts))
        order[rows] = len(texts) + np.arange(len(rows))
        features = take(concatenate([window.features, self._features(window, rows, taken)]), order)
        return replace(window, texts=tuple(texts), features=features), self._tally.used + len(rows)

    def _features(self, window: Window, rows: Rows, taken: Sequence[Text]) -> Features:
        """Return the features of texts that take the place of a window's rows, read by the tiers that read those."""
        tier = window.features.tier
        if tier is None:
            return self._extract(taken)
        return self._extract(taken, closely=np.flatnonzero(np.isin(rows, tier.rows)))

    def _end(self, *, begun_at: datetime | None) -> None:
        self._tally = replace(self._tally, running=False, window=0, drawn="", texts=0, used=0, begun_at=begun_at)
        self._shadow, self._drawn = None, ()

    def _measures(self) -> tuple[Measure, ...]:
        missed = Measure(name=f"{self.name}.missed", value=float(self._tally.missed))
        if self._tally.delay is None:
            return (missed,)
        return missed, Measure(name=f"{self.name}.delay", value=float(self._tally.delay))


def _time(window: Window) -> datetime:
    """Return the median time of its texts: a single clock gone wrong must not put the next drill off for years."""
    times = sorted(text.seen_at for text in window.texts)
    return times[len(times) // 2]
