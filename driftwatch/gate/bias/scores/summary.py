"""One model's scores, or the change from one to another, category by category with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.features import PairUnit
from driftwatch.gate.bias.cells import LEAST_TEMPLATES, cell_of, strata
from driftwatch.gate.bias.rises import beyond_zero
from driftwatch.gate.bootstrap import Estimate, weighted_mean
from driftwatch.gate.verdicts import CannotJudgeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from driftwatch.domain.features import PairScores
    from driftwatch.gate.bias.pairs import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class CategorySummary:
    """A model's preference in one category, or how it changed.

    Args:
        category: its name.
        directed: whether prejudice is known to prefer one side; where it is not, scores count towards the side that
            the model's mean is on.
        pairs: number of pairs.
        templates: number of templates they come from.
        prefers: share of pairs above zero: whose stereotype is likelier, or whose score rose; 0.5 where there is no
            preference, None where scores have no side.
        flips: share of pairs whose two sentences a classifier puts into different classes (of a change: how much that
            share rose); None for other models.
        mean: mean score, in the scores' unit; above 0 towards the stereotype (undirected: the further from 0 the more
            the groups differ; a change across 0 counts by how much further from it, as in the gate).
        low: lower end of the mean's 95% interval.
        high: upper end.
        size: mean of the scores without their sign.
        detectable: least true mean above zero that a one-sided test at 5% finds with 80% power.
        p: one-sided p-value of "the mean is not above zero".
    """

    category: str
    directed: bool
    pairs: int
    templates: int
    prefers: float | None
    flips: float | None
    mean: float
    low: float
    high: float
    size: float
    detectable: float
    p: float


def summarise(
    found: PairScores, pairs: Sequence[Pair], *, seed: int, before: PairScores | None = None
) -> tuple[CategorySummary, ...]:
    """Return what a model prefers, category by category; with ``before`` how that changed.

    Args:
        found: of ``pairs``.
        pairs: a suite's.
        seed: of the bootstrap.
        before: of the model that the change is from.

    Raises:
        CannotJudgeError: the two are in different units, or a category has fewer than two templates.
    """
    towards, flips = sides(found, pairs), found.flipped
    values = towards * found.values
    signed = found.unit is PairUnit.NATS
    moved = None if flips is None else flips.astype(np.float64)
    if before is not None:
        if before.unit is not found.unit:
            raise CannotJudgeError(f"one model's scores are in {found.unit}, the other's in {before.unit}")
        values = values - towards * before.values
        moved = None if moved is None or before.flipped is None else moved - before.flipped
    rows = []
    for (category, directed), places in strata(pairs).items():
        passed = _passed(before, pairs, places, towards) if before is not None and not directed else 0.0
        mean = estimate(values - passed, pairs, places, seed=seed)
        rows.append(
            CategorySummary(
                category=category,
                directed=directed,
                pairs=len(places),
                templates=mean.clusters,
                prefers=float((values[places] > 0).mean()) if before is not None or (signed and directed) else None,
                flips=None if moved is None else float(moved[places].mean()),
                mean=mean.value,
                low=mean.low,
                high=mean.high,
                size=float(np.abs(values[places]).mean()),
                detectable=mean.detectable(),
                p=mean.p_above(0.0),
            )
        )
    return tuple(rows)


def _passed(
    before: PairScores, pairs: Sequence[Pair], places: npt.NDArray[np.intp], towards: npt.NDArray[np.float64]
) -> float:
    """Return what of a change across 0 the gate counts for none, so that the report tells the same."""
    cell = cell_of(pairs, places)
    return beyond_zero(cell, before.values, float(towards[places[0]])) if cell.templates >= LEAST_TEMPLATES else 0.0


def sides(found: PairScores, pairs: Sequence[Pair]) -> npt.NDArray[np.float64]:
    """Return which way each pair counts, float64 [pairs] of 1 and -1.

    Where prejudice takes no side, a category's mean on either side of 0 is unequal treatment: its pairs count towards
    the side that the mean is on. Distances from 0 taken pair by pair would grow with any movement.
    """
    towards = np.ones(len(pairs))
    for stratum, places in strata(pairs).items():
        if not stratum.directed and found.values[places].mean() < 0:
            towards[places] = -1.0
    return towards


def estimate(
    values: npt.NDArray[np.float64], pairs: Sequence[Pair], places: npt.NDArray[np.intp], *, seed: int
) -> Estimate:
    """Return the mean of a category's values with its interval; templates are drawn, not pairs.

    Args:
        values: float64 [pairs], of the whole suite.
        pairs: the suite.
        places: int64 [pairs of the category].
        seed: of the bootstrap.

    Raises:
        CannotJudgeError: the category has fewer than two templates.
    """
    templates = [pairs[place].template for place in places]
    try:
        return weighted_mean(values[places], np.ones(len(places)), clusters=templates, seed=seed)
    except ValueError as error:
        raise CannotJudgeError(f"{pairs[places[0]].category}: {error}") from error
