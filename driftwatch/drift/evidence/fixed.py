"""The banks whose sets never change after the reference was built, as one statistic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.rates import Calibration
from driftwatch.drift.evidence.sets import DirectionSets, LengthSets, LossSets, Sets
from driftwatch.drift.evidence.shiryaev import Bank
from driftwatch.drift.evidence.tokens import BUCKETS, TokenBank
from driftwatch.drift.features import take

if TYPE_CHECKING:
    from driftwatch.domain.drift import Reference
    from driftwatch.domain.features import Features, TokenCounts
    from driftwatch.drift.evidence.blocks import Blocks

Floats = npt.NDArray[np.float64]
RISING = (0.02, 0.08, 0.3)
FALLING = (0.1, 0.3, 0.9)
LEAST_HELDOUT = 400
"""Texts the champion never saw that are needed to bet on its loss: on its own training texts it is lower anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One bank of the mixture.

    Args:
        name: of the bank.
        sets: that it bets on.
        bank: its statistics.
        bounds: float64 [sets], null bounds.
        weight: in the mixture.
    """

    name: str
    sets: Sets
    bank: Bank
    bounds: Floats
    weight: float


class Fixed:
    """Directions, their complements, lengths, losses and tokens: the weighted mean of the banks' means.

    A weighted mean of supermartingales R − t is one again, so the mixture alarms at the budget itself and no bank
    needs a share of its own.
    """

    def __init__(self, reference: Reference, *, seed: int) -> None:
        train, cal = reference.train.features, reference.cal.features
        self._calibration = Calibration(reference.cal.texts)
        values = train.embeddings.values
        wanted: list[tuple[str, Sets, tuple[float, ...], float]] = [
            ("directions", DirectionSets(values, falling=False, seed=seed), RISING, 0.4),
            ("falling", DirectionSets(values, falling=True, seed=seed), FALLING, 0.1),
            ("length", LengthSets(train), RISING, 0.05),
        ]
        self.members = [self._member(*each, cal, self._calibration) for each in wanted]
        if loss := _loss(reference):
            self.members.append(loss)
        self._buckets = min(cal.tokens.vocabulary, BUCKETS)
        rows = np.repeat(np.arange(len(reference.cal.texts)), np.diff(cal.tokens.indptr))
        pairs = _present(cal.tokens, rows, self._buckets)
        self.token_bounds = self._calibration.of_tokens(pairs[0], pairs[1], self._buckets)
        self.tokens = TokenBank(self.token_bounds)
        total = sum(member.weight for member in self.members) + 0.4
        self._weights = [member.weight / total for member in self.members]
        self._token_weight = 0.4 / total

    @property
    def by_group(self) -> bool:
        """Whether rates are those of groups' means."""
        return self._calibration.by_group

    def update(self, features: Features, blocks: Blocks) -> Floats:
        """Bet on block after block; returns the mixture after each, float64 [blocks].

        Args:
            features: of the rows in the order of ``blocks.rows``.
            blocks: what is bet on together.
        """
        total = np.zeros(len(blocks))
        for member, weight in zip(self.members, self._weights, strict=True):
            total += weight * member.bank.update(blocks.means(member.sets.hits(features)), blocks.gaps)
        rows = np.repeat(np.arange(len(blocks.rows)), np.diff(features.tokens.indptr))
        ids, rows = _present(features.tokens, rows, self._buckets)
        total += self._token_weight * self.tokens.update(ids, rows, blocks)
        return total

    def reset(self) -> None:
        """Forget all evidence."""
        for member in self.members:
            member.bank.reset()
        self.tokens.reset()

    def strongest(self) -> list[tuple[float, str, int]]:
        """Return each bank's strongest channels: its contribution to the mixture, bank and place of the channel."""
        found = []
        for member, weight in zip(self.members, self._weights, strict=True):
            evidence = member.bank.strongest()
            found += [(float(evidence[c]) * weight / len(evidence), member.name, int(c)) for c in _top(evidence)]
        evidence = self.tokens.strongest()
        found += [(float(evidence[c]) * self._token_weight / len(evidence), "tokens", int(c)) for c in _top(evidence)]
        return sorted(found, reverse=True)

    @staticmethod
    def _member(
        name: str, sets: Sets, shares: tuple[float, ...], weight: float, cal: Features, calibration: Calibration
    ) -> Member:
        bounds = calibration.bounds(sets.hits(cal))
        return Member(name=name, sets=sets, bank=Bank(bounds, shares), bounds=bounds, weight=weight)


def _loss(reference: Reference) -> Member | None:
    """Return the bank of the champion's loss, chosen on a quarter of the held-out texts and counted on the rest."""
    heldout = reference.heldout
    if heldout.features.losses is None or len(heldout.texts) < LEAST_HELDOUT:
        return None
    chosen, counted = (
        np.arange(0, len(heldout.texts), 4),
        np.setdiff1d(np.arange(len(heldout.texts)), np.arange(0, len(heldout.texts), 4)),
    )
    calibration = Calibration([heldout.texts[row] for row in counted])
    sets = LossSets(take(heldout.features, chosen))
    bounds = calibration.bounds(sets.hits(take(heldout.features, counted)))
    return Member(name="loss", sets=sets, bank=Bank(bounds, RISING), bounds=bounds, weight=0.15)


def _present(
    tokens: TokenCounts, rows: npt.NDArray[np.int64], buckets: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return buckets and rows of the tokens present, each bucket once a row."""
    ids = tokens.ids.astype(np.int64)
    if tokens.vocabulary <= buckets:
        return ids, rows
    keys = np.unique(rows * buckets + ids % buckets)
    return keys % buckets, keys // buckets


def _top(evidence: Floats, most: int = 3) -> npt.NDArray[np.int64]:
    most = min(most, len(evidence))
    found: npt.NDArray[np.int64] = np.argpartition(evidence, len(evidence) - most)[-most:]
    return found
