"""Witnesses: scores learnt from the recent stream that tell its texts from the reference's, and bets on their ranks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.neighbours import Space, mean_of_nearest
from driftwatch.drift.evidence.ranks import Order, hits, order
from driftwatch.drift.evidence.regions import Regions
from driftwatch.drift.evidence.shiryaev import AT_ONCE, GREATEST, Stakes, follow, sums

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftwatch.drift.evidence.lessons import Course

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

Parts = dict[tuple[str, tuple[int, ...]], npt.NDArray[np.floating]]
"""Parts of scores of the same texts, by the part's name and the chunks it was learnt from."""
LEVELS = (1 / 8, 1 / 32, 1 / 64, 1 / 128, 1 / 256)
SHARES = (0.02, 0.06, 0.2)
MOST_CALIBRATED = 2_048
MOST_KNOWN = 3_072
PIECE = 256
"""Most texts that are bet on at once."""
MOST_SCALED = 512
"""TRAIN texts on which the parts of a score are brought to one scale."""
_SHRINKAGE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A recipe for witnesses.

    Args:
        name: of the recipe.
        parts: whose standardised sum is the score: ``neighbours``, ``regions``, ``direction``, ``tokens``.
        chunks: it learns from.
        life: texts it bets on at most, in pieces of 256.
    """

    name: str
    parts: tuple[str, ...]
    chunks: int
    life: int

    @property
    def texts(self) -> int:
        """Texts it bets on at most."""
        return self.life * PIECE


KINDS = (
    Kind(name="near a chunk", parts=("neighbours",), chunks=1, life=4),
    Kind(name="near four chunks", parts=("neighbours",), chunks=4, life=4),
    Kind(name="denser regions", parts=("regions",), chunks=1, life=4),
    Kind(name="direction", parts=("direction",), chunks=2, life=8),
    Kind(name="tokens", parts=("tokens",), chunks=2, life=8),
    Kind(name="all together", parts=("neighbours", "direction", "tokens"), chunks=2, life=4),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """What scores are computed from, for n texts.

    Args:
        values: float32 [n, d] embeddings.
        places: float32 [n, p], where they lie in the space of neighbours.
        regions: float32 [n, r], how near they lie to the landmarks.
        ids: int32 [nonzeros], tokens present.
        indptr: int64 [n + 1].
        known: float32 [n], mean similarity to the nearest known texts of the reference.
        around: by a chunk's number, float32 [n, k], similarities to the nearest of that chunk's texts.
    """

    values: Matrix
    places: Matrix
    regions: Matrix
    ids: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.int64]
    known: Vector
    around: Mapping[int, Matrix]

    @cached_property
    def bare(self) -> npt.NDArray[np.int64]:
        """Return int64, which of the texts hold no token."""
        return np.flatnonzero(self.indptr[1:] == self.indptr[:-1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spread:
    """Mean and shrunk covariance of some texts' values.

    Args:
        mean: float32 [d].
        precision: float32 [d, d], inverse of the shrunk covariance.
    """

    mean: Vector
    precision: Matrix

    def direction(self, mean: Vector) -> Vector:
        """Return the linear discriminant between another mean and this, float32 [d] (Fisher 1936)."""
        found: Vector = self.precision @ (mean - self.mean)
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Base:
    """What all witnesses of a reference share; everything from TRAIN alone.

    Args:
        space: that neighbours are looked for in.
        known: float32 [n, p], places of the known texts there.
        plain: TRAIN's embeddings, for discriminants.
        regions: how near texts lie to the landmarks.
        usual: these, of TRAIN's texts, for discriminants.
        shares: float64 [vocabulary], of TRAIN's texts that hold each token.
    """

    space: Space
    known: Matrix
    plain: Spread
    regions: Regions
    usual: Spread
    shares: Floats


def base(values: Matrix, ids: npt.NDArray[np.int32], vocabulary: int) -> Base:
    """Return what witnesses need of TRAIN.

    Args:
        values: float32 [n, d], TRAIN's embeddings.
        ids: int32 [nonzeros], tokens present in TRAIN's texts, each once a text.
        vocabulary: number of tokens.
    """
    mean, covariance, ridge = _shrunk(values)
    space, regions = Space(mean, covariance, ridge), Regions(values)
    return Base(
        space=space,
        known=space(values[:MOST_KNOWN]),
        plain=_spread(mean, covariance, ridge),
        regions=regions,
        usual=_spread(*_shrunk(regions(values))),
        shares=np.asarray((np.bincount(ids, minlength=vocabulary) + 0.5) / (len(values) + 1.0), dtype=np.float64),
    )


def _shrunk(values: Matrix) -> tuple[Vector, Floats, float]:
    """Return mean, covariance and ridge of some texts' values [n, d]."""
    covariance = np.cov(values.T.astype(np.float64))
    return values.mean(0), covariance, _SHRINKAGE * float(np.trace(covariance)) / values.shape[1]


def _spread(mean: Vector, covariance: Floats, ridge: float) -> Spread:
    precision = np.linalg.inv(covariance + ridge * np.eye(len(covariance)))
    return Spread(mean=mean, precision=precision.astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """A frozen scoring function, learnt from a few chunks and TRAIN.

    Args:
        kind: recipe.
        chunks: numbers of the chunks it learnt from.
        direction: float32 [d]; empty where no part of the recipe asks for it, as are the next two.
        regions: float32 [r].
        weights: float32 [vocabulary], of the tokens.
        scaling: mean and standard deviation of each part on TRAIN.
    """

    kind: Kind
    chunks: tuple[int, ...]
    direction: Vector
    regions: Vector
    weights: Vector
    scaling: tuple[tuple[float, float], ...]

    def __call__(self, base: Base, material: Material, known: Parts | None = None) -> Vector:
        """Return the texts' scores, float32 [n]; higher is more like the chunks.

        Args:
            base: what all witnesses share.
            material: the texts'.
            known: parts of scores of the same material; new ones are added.
        """
        known = {} if known is None else known
        parts = [self.known_part(part, base, material, known) for part in self.kind.parts]
        if len(parts) == 1:
            return parts[0].astype(np.float32)
        scaled = [(part - mean) / deviation for part, (mean, deviation) in zip(parts, self.scaling, strict=True)]
        total: Vector = np.sum(scaled, axis=0).astype(np.float32)
        return total

    def known_part(self, part: str, base: Base, material: Material, known: Parts) -> npt.NDArray[np.floating]:
        """Return one part of the score, float [n], computed once for all witnesses that learnt alike."""
        key = (part, self.chunks)
        if key not in known:
            known[key] = self.part(part, base, material)
        return known[key]

    def part(self, part: str, base: Base, material: Material) -> npt.NDArray[np.floating]:
        """Return one part of the score, float [n]."""
        if part == "neighbours":
            return mean_of_nearest([material.around[number] for number in self.chunks]) - material.known
        if part == "direction":
            return material.values @ self.direction - base.plain.mean @ self.direction
        if part == "regions":
            return material.regions @ self.regions
        held = np.empty(len(material.ids) + 1, dtype=np.float32)
        np.take(self.weights, material.ids, out=held[:-1], mode="clip")
        held[-1] = 0.0
        found: Vector = np.add.reduceat(held, material.indptr[:-1])
        # Where a text holds no token reduceat returns the next text's first weight.
        found[material.bare] = 0.0
        return found


def learn(kind: Kind, base: Base, course: Course, train: Material, known: Parts | None = None) -> Score:
    """Return the score that a recipe learns from some chunks.

    Neighbours: how much nearer the nearest of the chunks' texts lie than the nearest known ones. Direction: linear
    discriminant between the chunks' mean and TRAIN's (Fisher 1936), with a shrunk covariance. Regions: the same of the
    kernels around landmarks. Tokens: naive Bayes log ratio of presence.

    Args:
        kind: recipe.
        base: what is known of TRAIN.
        course: what the chunks teach.
        train: some known TRAIN texts, to bring several parts to one scale.
        known: parts of scores of ``train``; new ones are added.
    """
    nothing = np.zeros(0, dtype=np.float32)
    direction = course.direction if "direction" in kind.parts else nothing
    regions = course.regions if "regions" in kind.parts else nothing
    weights = course.weights if "tokens" in kind.parts else nothing
    unscaled = Score(kind, course.chunks, direction, regions, weights, ())
    if len(kind.parts) == 1:
        return unscaled
    known = {} if known is None else known
    parts = [unscaled.known_part(part, base, train, known) for part in kind.parts]
    scaling = tuple((float(part.mean()), float(part.std()) + 1e-9) for part in parts)
    return replace(unscaled, scaling=scaling)


class Witness:
    r"""A frozen score, and Shiryaev–Roberts bets on the ranks it gives to the texts that come after its birth.

    Let :math:`p_i = (\#\{s > s_i\} + U_i (\#\{s = s_i\} + 1))/(N + 1)` be the smoothed rank of text i among CAL's N
    texts and those since the birth before it; U comes from a hash of the text. The score is chosen from TRAIN,
    from those of the reference's other texts that are never ranked, and from older texts only, so without drift CAL's
    ranked texts and those since the birth are exchangeable under it and the p are independent and uniform (Vovk,
    Gammerman and Shafer 2022, Algorithmic Learning in a Random World, theorem 11.1): the null rate of {p ≤ ε} is ε
    exactly, however few are ranked. A text that the reference knows word for word never hits and ranks lowest: the
    scores that stream and CAL are compared by then are those of texts yet unknown, which lie as low as CAL's or lower
    (see :mod:`known`), so that a text hits no more often than ε on average. (Sunk to the lowest rank it makes a later
    text's p a little smaller than its exact one, so given the hits before, where known texts occur, the rate is
    measured, not proved.) The bets are those of :class:`Bank`. A witness lives for a fixed number of texts, and no
    choice of witnesses looks at CAL or at evidence; so the chance that any of those born within T texts reaches its
    threshold is at most the sum over them.

    In blocks of independent texts a block's hit fraction has mean ε given the past, and Ville's inequality needs no
    more. Where the texts of a block depend on each other, this holds on average over pasts but not given each: hits
    that enter the pool together make later hits rarer, and their absence makes them more likely than ε. Opposed
    deviations keep products of bets small, so the bound is not used up; that is measured (with blocks of one text eight
    times, ``tests/property/test_evidence_budget.py``), not proved.

    So a witness has one of two heights (:mod:`crossing`) for its whole life. An exact one bets on lone texts one by
    one, and dies, without betting on it, when a window names a group: up to that time, which looks at names of groups
    and at no rank, its statistic is one of the exact law, so its chance of a call is no more than that of a whole life.
    All others have Ville's height, while they bet on lone texts as well, where his inequality holds too.
    Were the height chosen window by window, what a witness won on groups would be held against the lower height that
    lone texts allow, and its chance of a call could be that of both laws together.

    Args:
        score: the frozen score.
        calibration: float32 [n], CAL's scores under it, ascending.
        born: number of the chunk after which it was born.
        error: chance of a call in its whole life without drift, which the texts of that chunk have paid for.
        exact: whether it bets on lone texts only, one by one, so that the law of its highest statistic is known.
    """

    def __init__(self, score: Score, calibration: Vector, *, born: int, error: float, exact: bool = False) -> None:
        self.score = score
        self.born = born
        self.error = error
        self.exact = exact
        self.calibration = calibration
        self.count = 0
        self.values: Floats = np.zeros((len(LEVELS), len(SHARES)))
        # Whoever has more than this many above it has a p above the highest level for the whole life.
        self.most = int(np.ceil(LEVELS[0] * (len(calibration) + score.kind.texts + 1))) + 1
        self.highest = order(calibration[-self.most :])

    @property
    def known(self) -> int:
        """Return how many texts there are to rank among."""
        return len(self.calibration) + self.count

    @property
    def name(self) -> str:
        """Name of its recipe."""
        return self.score.kind.name

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels that it bets at."""
        return LEVELS

    def go_on(self, highest: Order, values: Floats, count: int) -> None:
        """Go on from the highest scores so far, their orders int32 [n], the statistics and the number of texts."""
        self.highest, self.values, self.count = highest, values.copy(), count

    def lives(self, texts: int) -> bool:
        """Say whether it may bet on so many more texts."""
        return self.count + texts <= self.score.kind.texts


def ranked(witnesses: Sequence[Witness], scores: Sequence[Vector], uniform: Floats) -> npt.NDArray[np.bool_]:
    """Return which of the next texts have ranks p within each level, bool [n, w, levels], and count them as come.

    Args:
        witnesses: w of them.
        scores: float32 [n] under each.
        uniform: float64 [n], U.
    """
    found = hits(witnesses, order(np.stack(scores)), uniform, np.asarray(LEVELS))
    for witness in witnesses:
        witness.count += len(uniform)
    return found


def bet(witnesses: Sequence[Witness], means: Floats | npt.NDArray[np.bool_], gaps: Floats) -> Floats:
    """Let witnesses bet on block after block; returns the means of their statistics, float64 [blocks, witnesses].

    Args:
        witnesses: w of them.
        means: float64 [blocks, w · levels], hit fractions of every witness at every level; or bool, hits of blocks of
            one text.
        gaps: float64 [blocks], texts that each block stands for.
    """
    shape = (len(SHARES), len(witnesses), len(LEVELS))
    stakes = _stakes(len(witnesses))
    before = np.stack([witness.values.T for witness in witnesses], axis=1).ravel()
    found = np.empty((len(gaps), *shape[1:]))
    for first in range(0, len(gaps), AT_ONCE):
        rows = stakes.factors(means[first : first + AT_ONCE])
        last = follow(before, rows, gaps[first : first + AT_ONCE])
        np.sum(rows.reshape(-1, *shape), axis=1, out=found[first : first + AT_ONCE])
        before = np.minimum(last, GREATEST)
    for witness, kept in zip(witnesses, before.reshape(shape).transpose(1, 2, 0), strict=True):
        witness.values = kept.copy()
    return sums(found) / (len(SHARES) * len(LEVELS))


@lru_cache(maxsize=8)
def _stakes(witnesses: int) -> Stakes:
    """Return what the bets of so many witnesses pay."""
    return Stakes(np.tile(LEVELS, witnesses), np.asarray(SHARES)[:, None])
