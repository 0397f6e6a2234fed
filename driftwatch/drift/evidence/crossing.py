"""How high a witness's evidence climbs by chance: exact where texts are independent, bounded by Ville elsewhere."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_PATHS = 2_000
_GRID = np.arange(0.0, 90.0, 0.05)
_SIGMAS = 3.0


@lru_cache(maxsize=1_024)
def threshold(error: float, *, life: int, levels: tuple[float, ...], shares: tuple[float, ...], exact: bool) -> float:
    """Return the height that a witness's evidence reaches in its life with at most this probability.

    Args:
        error: the probability.
        life: texts that the witness bets on at most.
        levels: of its sets.
        shares: it bets on.
        exact: whether texts are independent and bet on one by one. Then its hits are independent and their rates are
            known (see :mod:`witness`), whatever the text: the law of its highest evidence is computed. Elsewhere
            Ville's inequality for Shiryaev–Roberts statistics, P(R ever reaches h within T texts) ≤ T/h, holds too.
    """
    if not exact:
        return life / error
    heights, chances = climbing(life, levels, shares)
    enough = np.flatnonzero(chances <= error)
    return float(np.exp(heights[enough[0]])) if len(enough) else life / error


@lru_cache(maxsize=16)
def climbing(life: int, levels: tuple[float, ...], shares: tuple[float, ...]) -> tuple[Floats, Floats]:
    r"""Return log heights and upper bounds (three standard errors) of the chance to reach them within a life.

    Importance sampling from the mixture that the statistic itself averages over: a start uniform over the life, a
    level and a share; from it on a text falls below the level with the share's extra probability. Against the null
    that mixture has the density :math:`(R_\tau + T - \tau)/T` at time τ, so
    :math:`P(\tau \le T) = E[1\{\tau \le T\}\, T/(R_\tau + T - \tau)]`.

    Source: Siegmund 1985 (Sequential Analysis), chapter 8, for the change of measure.
    """
    random = np.random.default_rng(11)
    rates, stakes = np.asarray(levels), np.asarray(shares)
    start, level = random.integers(life, size=_PATHS), random.integers(len(rates), size=_PATHS)
    share = stakes[random.integers(len(stakes), size=_PATHS)]
    values = np.zeros((_PATHS, len(rates), len(stakes)))
    lost = 1.0 - stakes
    won = 1.0 + stakes[None, :] * (1.0 - rates[:, None]) / rates[:, None]
    highest = np.zeros(_PATHS, dtype=np.int64)
    sums, squares = np.zeros(len(_GRID) + 1), np.zeros(len(_GRID) + 1)
    for step in range(life):
        uniform = random.random(_PATHS)
        changed = (step >= start) & (random.random(_PATHS) < share)
        uniform[changed] *= rates[level[changed]]
        hit = uniform[:, None] <= rates[None, :]
        values = np.minimum((values + 1.0) * np.where(hit[:, :, None], won[None], lost), 1e250)
        mean = values.mean((1, 2))
        reached = np.searchsorted(_GRID, np.log(mean), side="right")
        up = np.flatnonzero(reached > highest)
        weight = life / (mean[up] + life - 1 - step)
        for total, amount in ((sums, weight), (squares, weight * weight)):
            np.add.at(total, highest[up], amount)
            np.add.at(total, reached[up], -amount)
        highest = np.maximum(highest, reached)
    chance = np.cumsum(sums)[:-1] / _PATHS
    error = np.sqrt(np.maximum(np.cumsum(squares)[:-1] / _PATHS - chance * chance, 0.0) / _PATHS)
    return _GRID, np.minimum(chance + _SIGMAS * error, 1.0)
