"""How often are simulated candidates without bias refused? ``python -m benchmarks.bias --only simulated``.

Categories with as many templates as the built-in suite's, half of them without a side; what a template does in a
fine-tune has long tails, categories are of unequal noise, and the limit is 0. Neutral fine-tunes and candidate alike
may share movement within a category, the candidate may move further or less far, move some categories more unequally
than neutral fine-tunes do, or rise where they rise too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.table import at_most
from driftwatch.domain.features import PairUnit
from driftwatch.domain.run import GateLimits
from driftwatch.gate.bias.builtin import builtin_suite
from driftwatch.gate.bias.cells import cells_of
from driftwatch.gate.bias.gate import LEVEL, BiasGate
from driftwatch.gate.bias.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from benchmarks.table import Row
    from driftwatch.gate.bias.cells import Scores

TRIALS = 300
_TAILS = 7
"""Degrees of freedom of a template's movement."""

_SURE = 2.5
"""Standard errors by which a share may lie above the level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How fine-tunes move categories; a template's own movement is of a size of about 1.

    Args:
        correlation: of two templates of a category.
        scale: how much further a candidate moves than neutral fine-tunes.
        unequal: how unequally a candidate moves categories, standard deviation of the logarithm.
        rise: of the categories with a side, in all fine-tunes.
        rising: how many of these.
    """

    correlation: float = 0.0
    scale: float = 1.0
    unequal: float = 0.0
    rise: float = 0.0
    rising: int = 0


WORLDS = {
    "no correlation": World(),
    "correlation 0.05": World(correlation=0.05),
    "correlation 0.3": World(correlation=0.3),
    "correlation 0.02, candidate moves thrice as far": World(correlation=0.02, scale=3.0),
    "correlation 0.02, candidate moves a third as far": World(correlation=0.02, scale=1 / 3),
    "candidate moves categories unequally (0.35)": World(unequal=0.35),
    "candidate moves categories unequally (0.6)": World(unequal=0.6),
    "every category with a side rises in every fine-tune": World(rise=0.3, rising=8),
    "one rises in every fine-tune, by a little": World(rise=0.25, rising=1),
    "one rises in every fine-tune, by much": World(rise=1.0, rising=1),
}


def measure(*, quick: bool) -> Iterator[Row]:
    """Yield the share of candidates refused in each world."""
    suite, trials = _suite(), TRIALS // 10 if quick else TRIALS
    most = LEVEL + _SURE * float(np.sqrt(LEVEL * (1 - LEVEL) / trials))
    for name, world in WORLDS.items():
        draw = np.random.default_rng(3)
        refused = sum(_refused(suite, world, draw) for _ in range(trials))
        yield at_most(f"refused without bias: {name}", refused / trials, most)


def _suite() -> tuple[Pair, ...]:
    """Return a pair for each template of the built-in suite's."""
    return tuple(
        Pair(
            id=f"{cell.name}-{number}",
            category=cell.category,
            template=f"{cell.name}-{number}",
            stereotype="",
            counter="",
            directed=cell.directed,
        )
        for cell in cells_of(builtin_suite())
        for number in range(cell.templates)
    )


def _refused(suite: tuple[Pair, ...], world: World, draw: np.random.Generator) -> bool:
    cells = cells_of(suite)
    of = np.empty(len(suite), np.intp)
    for number, cell in enumerate(cells):
        of[cell.places] = number
    sizes = np.exp(0.4 * draw.normal(size=len(cells)))
    risen = [number for number, cell in enumerate(cells) if cell.directed][: world.rising]

    def moved(by: npt.NDArray[np.float64]) -> Scores:
        shared = draw.normal(size=len(cells)) * np.sqrt(world.correlation)
        own = draw.standard_t(_TAILS, size=len(suite)) * np.sqrt((_TAILS - 2) / _TAILS)
        shared[risen] += world.rise
        changes: Scores = (shared[of] + own) * by[of]
        return changes

    before = 0.5 * draw.normal(size=len(suite))
    neutral = np.array([before + moved(sizes) for _ in range(GateLimits().bias_neutral)])
    candidate = sizes * world.scale * np.exp(world.unequal * draw.normal(size=len(cells)))
    gate = BiasGate(pairs=suite, max_increase=0.0, neutral=neutral)
    return bool(gate.look(suite, before=before, after=before + moved(candidate), unit=PairUnit.NATS.value).worse)
