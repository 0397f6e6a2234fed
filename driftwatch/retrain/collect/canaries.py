"""Canaries: whether a candidate learnt a flagged cluster although most of it was kept from it.

A canary is a text of a flagged cluster that no run trains on. A candidate that learnt the new text in general gains on
canaries about as much as on the texts that judge it; one that learnt what the cluster repeats gains far more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.errors import RunError
from driftwatch.domain.features import LossUnit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.features import TextLosses
    from driftwatch.retrain.collect.card import Flagged

MOST_GAIN = 1.2
"""Gain on a cluster's canaries over the gain on the texts that judge; beyond it, the cluster was learnt."""

MARGIN = 0.1
"""What canaries may gain over that in any case, in the unit of the losses."""

FEWEST = 3
"""Canaries that say anything of a cluster."""

_Z = 1.645  # one-sided 95%


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What the candidate learnt of one flagged cluster.

    Args:
        cluster: its place on the card.
        gain: fall of the loss on its canaries.
        low: lower end of the gain's one-sided 95% interval.
        limit: what the gain may be: the gain on the texts that judge, times ``MOST_GAIN``, and ``MARGIN``.
        texts: canaries it was measured on.
        unit: of gain and limit.
    """

    cluster: int
    gain: float
    low: float
    limit: float
    texts: int
    unit: LossUnit = LossUnit.TOKEN

    @property
    def too_much(self) -> bool:
        """Whether the cluster was learnt beyond doubt."""
        return self.low > self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The same texts' losses under champion and candidate."""

    champion: TextLosses
    candidate: TextLosses

    def gains(self) -> npt.NDArray[np.float64]:
        """Return the fall of each text's loss, in its unit, float64 [n]; texts too short to predict are left out.

        Raises:
            RunError: the two are not of the same texts, or a loss is no number.
        """
        before, after = self.champion, self.candidate
        for name, losses in (("champion", before), ("candidate", after)):
            if not np.isfinite(losses.nats[losses.tokens > 0]).all():
                raise RunError(f"the {name}'s loss is no number on a canary or a text beside it")
        if before.nats.shape != after.nats.shape or (before.tokens != after.tokens).any():
            raise RunError("champion and candidate were scored on different texts or with different tokenizers")
        kept = before.tokens > 0
        gains: npt.NDArray[np.float64] = (before.nats[kept] - after.nats[kept]) / before.tokens[kept]
        return gains


def learnt(clusters: Sequence[Flagged], *, canaries: Pair, judged: Pair) -> tuple[Learnt, ...]:
    """Return what was learnt of each flagged cluster with enough canaries, as the card lists them.

    Args:
        clusters: of the card.
        canaries: losses on the mix's canaries, in their order.
        judged: losses on the texts that judge the candidate; none of these is of a flagged cluster.

    Raises:
        RunError: the losses do not fit the card.
    """
    if canaries.champion.nats.shape != (sum(cluster.canaries for cluster in clusters),):
        raise RunError("the canaries' losses do not fit the data card", cure="score the mix's canaries in their order")
    gains = judged.gains()
    limit = MOST_GAIN * max(float(gains.mean()) if len(gains) else 0.0, 0.0) + MARGIN
    found, start = [], 0
    for place, cluster in enumerate(clusters):
        part = slice(start, start := start + cluster.canaries)
        of_cluster = Pair(champion=_taken(canaries.champion, part), candidate=_taken(canaries.candidate, part)).gains()
        if len(of_cluster) >= FEWEST:
            found.append(_measured(place, of_cluster, limit, judged.champion.unit))
    return tuple(found)


def _measured(place: int, gains: npt.NDArray[np.float64], limit: float, unit: LossUnit) -> Learnt:
    mean, error = float(gains.mean()), float(gains.std(ddof=1)) / len(gains) ** 0.5
    return Learnt(cluster=place, gain=mean, low=mean - _Z * error, limit=limit, texts=len(gains), unit=unit)


def objection(found: Sequence[Learnt]) -> str | None:
    """Return why a person should decide about a candidate; None where no cluster was learnt beyond the limit.

    A person, for the cluster may be a harmless phrase of the new text, which is learnt as quickly as a planted one.
    """
    worst = max((each for each in found if each.too_much), key=lambda each: each.low - each.limit, default=None)
    if worst is None:
        return None
    return (
        f"the candidate learnt flagged cluster {worst.cluster + 1} of the data card: on {worst.texts} texts of it that "
        f"were held out it gains {worst.gain:.2f} {worst.unit} (at least {worst.low:.2f}), where {worst.limit:.2f} "
        "are allowed"
    )


def _taken(losses: TextLosses, part: slice) -> TextLosses:
    return replace(losses, nats=losses.nats[part], tokens=losses.tokens[part], correct=None)
