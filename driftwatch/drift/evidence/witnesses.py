"""The bank of witnesses: one born of every recipe after each chunk, each with its share of the false-alarm budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.crossing import threshold
from driftwatch.drift.evidence.lessons import Course, Lesson, lesson
from driftwatch.drift.evidence.neighbours import mean_of_nearest, nearest
from driftwatch.drift.evidence.recent import LEAST_CHUNK
from driftwatch.drift.evidence.scouts import Scout, Scouts
from driftwatch.drift.evidence.witness import (
    KINDS,
    LEVELS,
    MOST_CALIBRATED,
    MOST_SCALED,
    SHARES,
    Base,
    Material,
    Parts,
    Witness,
    base,
    bet,
    learn,
    ranked,
)
from driftwatch.drift.features import concatenate, take

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.features import Features
    from driftwatch.drift.evidence.blocks import Blocks
    from driftwatch.drift.evidence.ranks import Order
    from driftwatch.drift.evidence.recent import Chunk, Recent
    from driftwatch.drift.evidence.state import Alive

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Leader = Witness | Scout
SCOUT_PART = 0.4
"""Of the witnesses' budget, where texts are bet on one by one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Texts whose scores are needed at each birth.

    Args:
        values: float32 [n, d].
        places: float32 [n, p], where they lie in the space of neighbours.
        regions: float32 [n, r], how near they lie to the landmarks.
        ids: int32 [nonzeros], tokens present.
        indptr: int64 [n + 1].
        known: float32 [n], mean similarity to the nearest known texts.
    """

    values: npt.NDArray[np.float32]
    places: npt.NDArray[np.float32]
    regions: npt.NDArray[np.float32]
    ids: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.int64]
    known: npt.NDArray[np.float32]


class Witnesses:
    """All witnesses alive.

    Args:
        train: TRAIN's features.
        cal: CAL's features; what it has beyond the texts that are ranked, 2,048, is learnt from as TRAIN is.
    """

    def __init__(self, train: Features, cal: Features) -> None:
        ranked = min(len(cal.embeddings.values), MOST_CALIBRATED)
        train, cal = _learning(train, cal, ranked)
        self.base: Base = base(train.embeddings.values, train.tokens.ids, train.tokens.vocabulary)
        self._train = self._sample(train, min(len(self.base.known), MOST_SCALED), own=True)
        self._cal = self._sample(cal, ranked, own=False)
        usual = float(self._train.known.mean()), float(self._train.known.std()) + 1e-9
        self.scouts = Scouts(self._cal.places, self._cal.known, usual)
        self.alive: list[Witness] = []
        self._around: dict[int, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] = {}
        self._lessons: dict[int, Lesson] = {}
        self._last: Material | None = None

    def update(
        self, piece: Chunk, blocks: Blocks, uniform: Floats, counted: Mask, *, rate: float, exact: bool
    ) -> tuple[Floats, list[Leader | None]]:
        """Let all witnesses and scouts alive bet on some texts.

        Args:
            piece: the texts that can hit, in the order of ``blocks.rows``.
            blocks: how all of them are bet on.
            uniform: float64 [n] within 0 and 1, a hash of each text, to break ties.
            counted: bool [n], which of ``blocks.rows`` can hit; the others are misses.
            rate: false alarms per text that the scouts may raise.
            exact: whether all are bet on one by one and none names a group, so that scouts and exact witnesses may bet.

        Returns:
            log10 of the highest statistic over its threshold after each block, and whose it is.
        """
        heights = np.full(len(blocks), -np.inf)
        leaders: list[Leader | None] = [None] * len(blocks)
        self._last = None
        self.alive = [witness for witness in self.alive if witness.lives(len(counted))]
        if not exact:
            self.scouts.forget(len(counted))
            self.alive = [witness for witness in self.alive if not witness.exact]
        if not (exact or self.alive):
            return heights, leaders
        material = self.material(piece)
        # So many texts close a chunk, and witnesses are born of it right away.
        self._last = material if len(piece) >= LEAST_CHUNK else None
        if exact:
            places, known = material.places, material.known
            heights, scouts = self.scouts.update(places, known, uniform, counted, rate=rate)
            leaders = list(scouts)
        if self.alive:
            climbed = self._climbed(material, blocks, uniform, counted)
            best = climbed.argmax(1)
            highest = climbed[np.arange(len(blocks)), best]
            for place in np.flatnonzero(highest > heights).tolist():
                leaders[place] = self.alive[best[place]]
            heights = np.maximum(heights, highest)
        return heights, leaders

    def _climbed(self, material: Material, blocks: Blocks, uniform: Floats, counted: Mask) -> Floats:
        """Let the witnesses bet; returns log10 of statistics over thresholds, float64 [blocks, witnesses]."""
        parts: Parts = {}
        scores = np.full((len(self.alive), len(counted)), -np.inf, dtype=np.float32)
        scores[:, counted] = [witness.score(self.base, material, parts) for witness in self.alive]
        hits = ranked(self.alive, list(scores), uniform).reshape(len(uniform), -1)
        means = blocks.means(hits & counted[:, None])
        climbed = np.log10(bet(self.alive, means, blocks.gaps))
        climbed -= np.log10([self._threshold(witness) for witness in self.alive])
        return climbed

    def material(self, texts: Chunk) -> Material:
        """Return what the scores of all witnesses alive need of some texts."""
        scores = [witness.score for witness in self.alive if "neighbours" in witness.score.kind.parts]
        wanted = {number for score in scores for number in score.chunks}
        values = texts.values.astype(np.float32)
        places = self.base.space(values)
        around = {number: self._nearest(places, number) for number in sorted(wanted)}
        return self._measured(texts, values, places, around)

    def recent_material(self, texts: Chunk, recent: Recent, witness: Witness) -> Material:
        """Return what one witness's score needs of the recent texts; none of them speaks for itself."""
        values = texts.values.astype(np.float32)
        places = self.base.space(values)
        chunks, around = numbered(recent), {}
        for number in witness.score.chunks:
            own = np.isin(texts.seqs, chunks[number].seqs)
            around[number] = self._nearest(places, number)
            around[number][own] = nearest(places[own], self._lessons[number].places, own=True)
        return self._measured(texts, values, places, around)

    def _measured(
        self,
        texts: Chunk,
        values: npt.NDArray[np.float32],
        places: npt.NDArray[np.float32],
        around: dict[int, npt.NDArray[np.float32]],
    ) -> Material:
        """Return the material of some texts, whose similarities to chunks are known."""
        return Material(
            values=values,
            places=places,
            regions=self.base.regions(values),
            ids=texts.ids,
            indptr=texts.indptr,
            known=mean_of_nearest([nearest(places, self.base.known)]),
            around=around,
        )

    def reset(self) -> None:
        """Forget all evidence."""
        self.alive = []
        self.scouts.reset()

    def recent_scores(self, texts: Chunk, recent: Recent, leader: Leader) -> npt.NDArray[np.float32]:
        """Return the recent texts' scores by a leader, float32 [n]."""
        if isinstance(leader, Witness):
            return leader.score(self.base, self.recent_material(texts, recent, leader))
        places = self.base.space(texts.values.astype(np.float32))
        return leader.score(places, mean_of_nearest([nearest(places, self.base.known)]))

    def bear(self, recent: Recent, *, paid: float, exact: bool) -> None:
        """Let a witness of every recipe be born of the newest chunks.

        Every text pays the rate of its time once: to the witnesses born of its chunk, one of each recipe, in equal
        parts. What was paid at birth is a witness's for life, whatever the rate is later.

        Args:
            recent: chunks of texts.
            paid: false alarms that those born now may raise, together and in their whole lives.
            exact: whether texts are bet on one by one and none has named a group yet: those born now die when one does.
        """
        chunks, newest = numbered(recent), recent.closed
        measured, self._last = self._last, None
        # The newest chunk ends with the texts that were bet on last; mostly it is these.
        alone = measured is not None and len(measured.values) == len(chunks[newest])
        self._remember(chunks, measured if alone else None)
        train = self._material(self._train, 0)
        cal = self._material(self._cal, 1)
        learnt: Parts = {}
        calibrated: Parts = {}
        courses: dict[int, Course] = {}
        for kind in KINDS:
            numbers = range(newest - kind.chunks + 1, newest + 1)
            if all(number in chunks for number in numbers):
                course = courses.setdefault(kind.chunks, Course(self.base, self._lessons, numbers))
                score = learn(kind, self.base, course, train, learnt)
                error = paid / len(KINDS)
                calibration = np.sort(score(self.base, cal, calibrated))
                self.alive.append(Witness(score, calibration, born=newest, error=error, exact=exact))

    def restore(self, recent: Recent, alive: Sequence[tuple[Alive, Order, Floats]]) -> None:
        """Bring witnesses back to life from notes, their highest scores and statistics.

        One whose texts are no longer at hand stays dead.
        """
        chunks = numbered(recent)
        self._around, self._lessons, self._last = {}, {}, None  # chunks of these numbers may have been other texts
        self._remember(chunks)
        train, cal = self._material(self._train, 0), self._material(self._cal, 1)
        kinds = {kind.name: kind for kind in KINDS}
        self.alive = []
        for note, highest, values in alive:
            kind, born = kinds[note.kind], note.born
            numbers = range(born - kind.chunks + 1, born + 1)
            if not all(number in chunks for number in numbers):
                continue
            score = learn(kind, self.base, Course(self.base, self._lessons, numbers), train)
            calibration = np.sort(score(self.base, cal))
            witness = Witness(score, calibration, born=born, error=note.error, exact=note.exact)
            witness.go_on(highest, values, note.count)
            self.alive.append(witness)

    def _remember(self, chunks: dict[int, Chunk], newest: Material | None = None) -> None:
        """Keep how near the chunks at hand lie to TRAIN's and CAL's texts.

        Args:
            chunks: at hand.
            newest: material of the newest one's texts, where it is known.
        """
        self._around = {number: found for number, found in self._around.items() if number in chunks}
        self._lessons = {number: found for number, found in self._lessons.items() if number in chunks}
        for number, chunk in chunks.items():
            if number not in self._around:
                self._lessons[number] = lesson(chunk, self.base, newest if number == max(chunks) else None)
                train, cal = (self._nearest(sample.places, number) for sample in (self._train, self._cal))
                self._around[number] = (train, cal)

    def _nearest(self, places: npt.NDArray[np.float32], number: int) -> npt.NDArray[np.float32]:
        """Return the similarities of some texts to the nearest of a chunk."""
        return nearest(places, self._lessons[number].places)

    def _material(self, sample: Sample, which: int) -> Material:
        around = {number: found[which] for number, found in self._around.items()}
        return Material(
            values=sample.values,
            places=sample.places,
            regions=sample.regions,
            ids=sample.ids,
            indptr=sample.indptr,
            known=sample.known,
            around=around,
        )

    def _sample(self, features: Features, rows: int, *, own: bool) -> Sample:
        indptr = features.tokens.indptr[: rows + 1]
        values = features.embeddings.values[:rows]
        places = self.base.space(values)
        return Sample(
            values=values,
            places=places,
            regions=self.base.regions(values),
            ids=features.tokens.ids[: indptr[-1]],
            indptr=indptr,
            known=mean_of_nearest([nearest(places, self.base.known, own=own)]),
        )

    @staticmethod
    def _threshold(witness: Witness) -> float:
        """Return the height at which a witness alarms."""
        life = witness.score.kind.texts
        return threshold(witness.error, life=life, levels=LEVELS, shares=SHARES, exact=witness.exact)


def numbered(recent: Recent) -> dict[int, Chunk]:
    """Return the closed chunks at hand by their number, 1 for the first ever closed."""
    first = recent.closed - len(recent.chunks) + 1
    return dict(enumerate(recent.chunks, first))


def _learning(train: Features, cal: Features, ranked: int) -> tuple[Features, Features]:
    """Return what is learnt from, TRAIN and what CAL has beyond the texts that are ranked, and what is ranked."""
    rows = np.arange(len(cal.embeddings.values))
    return concatenate([train, take(cal, rows[ranked:])]), take(cal, rows[:ranked])
