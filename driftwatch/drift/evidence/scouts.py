"""Scouts: short-lived witnesses born of a handful of texts, for drifts that are large and must be seen at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.crossing import threshold
from driftwatch.drift.evidence.ranks import Newborn, order, within
from driftwatch.drift.evidence.shiryaev import CUT_EVERY, GREATEST, sums

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
LEVELS = (1 / 8, 1 / 32, 1 / 128)
SHARES = (0.06, 0.25, 0.8)
_PULL = np.float32(1.5)
_MOST_FAR = 3.0
_MOST_CALIBRATED = 1_024
_LOST = np.tile(1.0 - np.asarray(SHARES), len(LEVELS))
_WON = _LOST + (np.asarray(SHARES) / np.asarray(LEVELS)[:, None]).ravel()
_COIN = np.asarray(1.0)
"""What each text adds; an array without an axis is taken in with less ado than a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patrol:
    """Scouts of one kind, born at even distances.

    Args:
        chunk: newest texts that each is born of.
        every: texts between births.
        life: texts that each bets on.
        focus: how much more texts count that lie far from known ones; 0 for all alike.
    """

    chunk: int
    every: int
    life: int
    focus: float

    @property
    def name(self) -> str:
        """Name of such a scout, for people."""
        return f"near {self.chunk} texts in a row"


PATROLS = (Patrol(chunk=8, every=8, life=32, focus=0.3), Patrol(chunk=32, every=32, life=128, focus=1.0))
_KEPT = max(patrol.chunk + patrol.every + patrol.life for patrol in PATROLS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scout:
    """One scout, when it leads.

    Args:
        name: of its kind.
        heart: float32 [p], weighted mean place of the texts it was born of.
        calibration: float32 [n], CAL's scores under it, ascending.
        values: float64 [levels, shares], its statistics.
        levels: that it bets at.
    """

    name: str
    heart: Vector
    calibration: Vector
    values: Floats
    levels: tuple[float, ...] = LEVELS

    def score(self, places: Matrix, known: Vector) -> Vector:
        """Return texts' scores, float32 [n]."""
        found: Vector = score(places, known, self.heart[None])[0]
        return found


def score(places: Matrix, known: Vector, hearts: Matrix) -> Matrix:
    """Return the scores of n texts by w scouts, float32 [w, n]: near the scout's texts, and far from known ones."""
    found: Matrix = hearts @ places.T
    found *= _PULL
    found -= known
    return found


@dataclass(slots=True, eq=False)
class Trail:
    """The stream's newest texts, as far as scouts alive and to be born need them.

    Args:
        places: float32 [n, p], where they lie.
        known: float32 [n], mean similarity to the nearest known texts.
        uniform: float64 [n], a hash of each, to break ties.
        counted: bool [n], which can hit.
        rate: float64 [n], false alarms per text that scouts could raise when it came.
        end: number of texts ever seen; the trail ends with the last of them.
        quiet: scouts born before so many texts were seen don't bet.
    """

    places: Matrix
    known: Vector
    uniform: Floats
    counted: Mask
    rate: Floats
    end: int = 0
    quiet: int = 0

    @property
    def begin(self) -> int:
        """Number of texts before the trail."""
        return self.end - len(self.known)


class Scouts:
    r"""All scouts alive, all at once.

    After every 8th text a scout is born of the last 8, after every 32nd one of the last 32. Its score of a text is 1.5
    times the inner product with their mean place, in which texts far from known ones weigh more, less the mean
    similarity to the nearest known texts. The score comes from TRAIN and from texts before the birth alone, so without
    drift CAL's texts and those since the birth are exchangeable under it and their smoothed ranks are independent and
    uniform, as those of :class:`Witness`; texts that cannot hit rank lowest, as there. When and of what scouts are born
    depends on the number of texts alone, so the chance that any of those born within T texts reaches its threshold is
    at most the sum over them; an alarm only silences those alive. They bet only where texts are independent, text by
    text, where the law of their highest statistic is known (:mod:`crossing`): in blocks Ville's inequality would eat up
    so short a life.

    Nothing is carried on from text to text but the trail: a scout's statistic is computed anew from its birth on.

    Args:
        places: float32 [n, p], CAL's.
        known: float32 [n], CAL's mean similarity to the nearest known texts.
        usual: mean and standard deviation of that on TRAIN.
    """

    def __init__(self, places: Matrix, known: Vector, usual: tuple[float, float]) -> None:
        self._places, self._known = places[:_MOST_CALIBRATED], known[:_MOST_CALIBRATED]
        self._usual = usual
        self._kept: dict[tuple[int, int], Vector] = {}
        self.trail = self._nothing(0)

    def _nothing(self, end: int) -> Trail:
        places = np.zeros((0, self._places.shape[1]), dtype=np.float32)
        return Trail(
            places, np.zeros(0, dtype=np.float32), np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0), end=end, quiet=end
        )

    def reset(self) -> None:
        """Forget all evidence: no scout alive bets on."""
        self.trail.quiet = self.trail.end + 1

    def forget(self, texts: int) -> None:
        """Begin anew after so many texts that are not bet on."""
        self.trail = self._nothing(self.trail.end + texts)

    def update(
        self, places: Matrix, known: Vector, uniform: Floats, counted: Mask, *, rate: float
    ) -> tuple[Floats, list[Scout | None]]:
        """Bet on text after text.

        Args:
            places: float32 [m, p], of the texts that can hit.
            known: float32 [m], of these.
            uniform: float64 [n] within 0 and 1, of all texts.
            counted: bool [n], which of them can hit; the others are misses, and not learnt from.
            rate: false alarms per text that all scouts born now may raise; those alive have that of their births.

        Returns:
            log10 of the highest statistic over its threshold after each text, and whose it is.
        """
        trail = self.trail
        trail.places = np.concatenate([trail.places, _among(places, counted)])
        trail.known = np.concatenate([trail.known, _among(known, counted)])
        trail.uniform = np.concatenate([trail.uniform, uniform])
        trail.counted = np.concatenate([trail.counted, counted])
        trail.rate = np.concatenate([trail.rate, np.full(len(counted), rate)])
        trail.end += len(counted)
        heights = np.full(len(counted), -np.inf)
        leaders: list[Scout | None] = [None] * len(counted)
        for patrol in PATROLS:
            births = self._births(patrol, len(counted))
            if len(births):
                self._lead(patrol, births, self._needed(patrol, births), heights, leaders)
        self._trim()
        return heights, leaders

    def _births(self, patrol: Patrol, new: int) -> Rows:
        """Return after how many texts those scouts were born that bet on some of the new texts."""
        trail = self.trail
        first = max(trail.end - new - patrol.life + 1, trail.begin + patrol.chunk, trail.quiet)
        found: Rows = np.arange(-(-first // patrol.every) * patrol.every, trail.end, patrol.every)
        return found

    def _needed(self, patrol: Patrol, births: Rows) -> Floats:
        """Return the heights at which scouts alarm, by the rate when they were born, float64 [w]."""
        rates, which = np.unique(self.trail.rate[births - self.trail.begin - 1], return_inverse=True)
        errors = rates * patrol.every / len(PATROLS)
        heights = [threshold(error, life=patrol.life, levels=LEVELS, shares=SHARES, exact=True) for error in errors]
        found: Floats = np.array(heights)[which]
        return found

    def _lead(self, patrol: Patrol, births: Rows, needed: Floats, heights: Floats, leaders: list[Scout | None]) -> None:
        """Let the scouts of a kind bet from their births on, and note where one of them is the highest so far."""
        trail = self.trail
        hearts = self._hearts(patrol, births)
        calibrations = self._calibrations(patrol, births, hearts)
        rows = births[:, None] - trail.begin + np.arange(patrol.life)
        bet_on = np.minimum(rows, len(trail.known) - 1)
        scores = np.take_along_axis(score(trail.places, trail.known, hearts), bet_on, axis=1)
        counted = trail.counted[bet_on]
        scores[~counted] = -np.inf
        history = _bet(hits(scores, trail.uniform[bet_on], calibrations) & counted.T[:, :, None])
        climbed = np.log10(sums(history).T / history.shape[2]) - np.log10(needed)[:, None]
        places = rows - (len(trail.known) - len(heights))
        # Rows beyond the trail are texts still to come: they only fill up the table.
        asked = (rows < len(trail.known)) & (places >= 0)
        table = np.full((len(births), len(heights)), -np.inf)
        numbers, steps = np.nonzero(asked)
        table[numbers, places[asked]] = climbed[asked]
        best = table.argmax(0)
        highest = table[best, np.arange(len(heights))]
        higher = np.flatnonzero(highest > heights)
        heights[higher] = highest[higher]
        last = np.zeros(len(births), dtype=np.int64)
        last[numbers] = steps
        found = {
            number: Scout(
                name=patrol.name,
                heart=hearts[number],
                calibration=calibrations[number],
                values=history[last[number], number].reshape(len(LEVELS), len(SHARES)),
            )
            for number in np.unique(best[higher]).tolist()
        }
        for place in higher.tolist():
            leaders[place] = found[int(best[place])]

    def _hearts(self, patrol: Patrol, births: Rows) -> Matrix:
        """Return the weighted mean places of the texts that scouts are born of, float32 [w, p]."""
        trail = self.trail
        rows = births[:, None] - trail.begin - np.arange(patrol.chunk, 0, -1)
        mean, deviation = self._usual
        weights = np.exp(patrol.focus * np.clip((mean - trail.known[rows]) / deviation, -_MOST_FAR, _MOST_FAR))
        weights *= trail.counted[rows]
        weights /= np.maximum(weights.sum(1, keepdims=True), np.finfo(np.float32).tiny)
        found: Matrix = np.einsum("wc,wcp->wp", weights, trail.places[rows])
        return found

    def _calibrations(self, patrol: Patrol, births: Rows, hearts: Matrix) -> Matrix:
        """Return CAL's scores under each scout, ascending, float32 [w, n]; kept as long as scouts live."""
        keys = [(patrol.chunk, birth) for birth in births.tolist()]
        found = {}
        for key, heart in zip(keys, hearts, strict=True):
            # One by one: a product of many hearts may round otherwise, and a restart must change nothing.
            kept = self._kept.get(key)
            if kept is None:
                kept = score(self._places, self._known, heart[None])[0]
                kept.sort()
            found[key] = kept
        self._kept = {key: kept for key, kept in self._kept.items() if key[0] != patrol.chunk} | found
        return np.stack([found[key] for key in keys])

    def _trim(self) -> None:
        """Keep what scouts alive or to be born need."""
        trail = self.trail
        trail.places, trail.known = trail.places[-_KEPT:], trail.known[-_KEPT:]
        trail.uniform, trail.counted = trail.uniform[-_KEPT:], trail.counted[-_KEPT:]
        trail.rate = trail.rate[-_KEPT:]


def hits(scores: Matrix, uniform: Floats, calibrations: Matrix) -> npt.NDArray[np.bool_]:
    """Return which texts have smoothed ranks within each level, bool [life, w, levels].

    Ranks are among CAL's texts and those since the birth.

    Args:
        scores: float32 [w, life], by each scout of the texts since its birth.
        uniform: float64 [w, life], U of these.
        calibrations: float32 [w, n], CAL's scores by each, ascending.
    """
    known = calibrations.shape[1]
    # Whoever has more than this many above it has a p above the highest level for the whole life.
    most = int(np.ceil(LEVELS[0] * (known + scores.shape[1] + 1))) + 1
    scouts = [Newborn(highest=highest, most=most, known=known) for highest in order(calibrations[:, -most:])]
    return within(scouts, order(scores), uniform, np.asarray(LEVELS))


def _among(values: npt.NDArray[np.float32], counted: Mask) -> npt.NDArray[np.float32]:
    """Return the values [m, …] of texts that are counted among those of all, float32 [n, …], 0 for the others."""
    found = np.zeros((len(counted), *values.shape[1:]), dtype=np.float32)
    found[counted] = values
    return found


def _bet(hits: npt.NDArray[np.bool_]) -> Floats:
    """Return each scout's statistics after each text, float64 [life, w, levels · shares]."""
    life, scouts, _ = hits.shape
    hit = np.repeat(hits.reshape(life, -1), len(SHARES), axis=1)
    factors = np.where(hit, np.tile(_WON, scouts), np.tile(_LOST, scouts))
    values = np.zeros(factors.shape[1])
    grown = np.empty_like(values)
    for number, row in enumerate(factors, 1):
        np.add(values, _COIN, grown)
        values = np.multiply(row, grown, row)
        if number % CUT_EVERY == 0:
            np.minimum(row, GREATEST, out=row)
    return factors.reshape(life, scouts, len(_WON))
