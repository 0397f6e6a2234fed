"""The banks whose sets never change after the reference was built, as one statistic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.rates import ERROR, Calibration
from driftwatch.drift.evidence.sets import DirectionSets, LengthSets, LossSets, Sets
from driftwatch.drift.evidence.shiryaev import Bank
from driftwatch.drift.evidence.tokens import BUCKETS, TokenBank, Vocabulary
from driftwatch.drift.evidence.tokens import SHARES as TOKEN_SHARES
from driftwatch.drift.features import take

if TYPE_CHECKING:
    from driftwatch.domain.drift import Reference
    from driftwatch.domain.features import Features, TokenCounts
    from driftwatch.drift.evidence.blocks import Blocks

Floats = npt.NDArray[np.float64]
RISING = (0.02, 0.08, 0.3)
FALLING = (0.1, 0.3, 0.9)
_DIRECTIONS, _TWINS, _LENGTH, _LOSS, _TOKENS = 0.4, 0.1, 0.05, 0.15, 0.4
LEAST_HELDOUT = 400
"""Texts the champion never saw that are needed to bet on its loss: on its own training texts it is lower anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One bank of the mixture.

    Args:
        name: of the bank.
        sets: that it bets on.
        bounds: float64 [sets], null bounds.
        shares: it bets at.
        weight: in the mixture.
    """

    name: str
    sets: Sets
    bounds: Floats
    shares: tuple[float, ...]
    weight: float


class Fixed:
    """Directions, lengths, losses, their twins, and tokens: the weighted mean of the banks' means.

    Twins are complements of direction sets: they see mass that falls, a topic that disappears. A weighted mean of
    supermartingales R − t is one again, so the mixture alarms at the budget itself and no bank needs a share of its
    own.

    Args:
        reference: what is known.
        seed: of k-means.
        error: probability, per bank, of a reference draw for which some bound is too low.
        embeddings_alone: whether to bet on directions and their twins only, where other bets have the rest.
    """

    def __init__(
        self, reference: Reference, *, seed: int, error: float = ERROR, embeddings_alone: bool = False
    ) -> None:
        train, cal = reference.train.features, reference.cal.features
        calibration = Calibration(reference.cal.texts, error=error)
        self.by_group = calibration.by_group
        self._directions = directions = DirectionSets(train.embeddings.values, seed=seed)
        hits = directions.hits(cal)
        self._twins = directions.twins
        outside = directions.outside(hits)
        lengths = LengthSets(train)
        self.members = [
            Member(
                name="directions", sets=directions, bounds=calibration.bounds(hits), shares=RISING, weight=_DIRECTIONS
            )
        ]
        if not embeddings_alone:
            bounds = calibration.bounds(lengths.hits(cal))
            self.members.append(Member(name="length", sets=lengths, bounds=bounds, shares=RISING, weight=_LENGTH))
            self.members += _loss(reference, error)
        self._tokens_part = 0.0 if embeddings_alone else _TOKENS
        self._twin_bounds = calibration.bounds(outside)
        self._twin_names = tuple(f"outside {directions.names[twin]}" for twin in self._twins)
        self._buckets = min(cal.tokens.vocabulary, BUCKETS)
        rows = np.repeat(np.arange(len(reference.cal.texts)), np.diff(cal.tokens.indptr))
        self.token_bounds = calibration.of_tokens(*_present(cal.tokens, rows, self._buckets), self._buckets)
        self._vocabulary = Vocabulary(self.token_bounds)
        self.tokens = TokenBank(self.token_bounds[self._vocabulary.rare])
        self.bank = self._mixture()

    def _mixture(self) -> Bank:
        parts = [(member.bounds, member.shares, member.weight) for member in self.members]
        parts.append((self._twin_bounds, FALLING, _TWINS))
        total = sum(weight for _, _, weight in parts) + self._tokens_part
        self._token_weight = self._tokens_part / total / self._buckets
        weights = [
            np.full((len(bounds), len(each)), weight / total / bounds.size / len(each))
            for bounds, each, weight in parts
        ]
        # All channels of a bank bet at as many shares: common tokens at their last one twice, with half of its part.
        parts.insert(-1, (self.token_bounds[self._vocabulary.common], (*TOKEN_SHARES, TOKEN_SHARES[-1]), _TOKENS))
        halves = self._token_weight * np.array([0.5, 0.25, 0.25])
        weights.insert(-1, np.tile(halves, (len(self._vocabulary.common), 1)))
        shares = [np.tile(np.asarray(each), (len(bounds), 1)) for bounds, each, _ in parts]
        return Bank(np.concatenate([bounds for bounds, _, _ in parts]), np.concatenate(shares), np.concatenate(weights))

    def update(self, features: Features, blocks: Blocks, counted: npt.NDArray[np.bool_]) -> Floats:
        """Bet on block after block; returns the mixture after each, float64 [blocks].

        Args:
            features: of the rows that can hit, in the order of ``blocks.rows``.
            blocks: what is bet on together.
            counted: bool [n], which of ``blocks.rows`` can hit; the others are misses, of complements as well (see
                :mod:`known`).
        """
        rows = np.repeat(np.flatnonzero(counted), np.diff(features.tokens.indptr))
        common, ids, rows = self._vocabulary.split(*_present(features.tokens, rows, self._buckets), len(blocks.rows))
        hits = [member.sets.hits(features) for member in self.members]
        hits, twins = [scattered(each, counted) for each in hits], scattered(self._directions.outside(hits[0]), counted)
        means = blocks.means(np.concatenate([*hits, common, twins], axis=1))
        rare = len(self._vocabulary.rare) * self._token_weight * self.tokens.update(ids, rows, blocks)
        return self.bank.update(means, blocks.gaps) + rare

    def topics(self, features: Features) -> npt.NDArray[np.int64]:
        """Return the number of the topic centre nearest to each text, int64 [n]."""
        return self._directions.topics(features)

    def scale_by(self, factor: float) -> None:
        """Multiply all evidence, as a threshold changes: see ``Bets``."""
        self.bank.scale_by(factor)
        self.tokens.scale_by(factor)

    def reset(self) -> None:
        """Forget all evidence."""
        self.bank.reset()
        self.tokens.reset()

    def strongest(self) -> list[tuple[float, str, int]]:
        """Return the strongest channels: what each adds to the mixture, its bank and its place there."""
        places = [(member.name, np.arange(len(member.bounds))) for member in self.members]
        places += [("tokens", self._vocabulary.common), ("twins", np.arange(len(self._twins)))]
        parts = np.split(self.bank.strongest(), np.cumsum([len(each) for _, each in places])[:-1])
        places.append(("tokens", self._vocabulary.rare))
        parts.append(self.tokens.strongest() * self._token_weight)
        found = [
            (float(part[top]), name, int(each[top]))
            for (name, each), part in zip(places, parts, strict=True)
            for top in _top(part)
        ]
        return sorted(found, reverse=True)

    def channel(self, bank: str, place: int, features: Features) -> tuple[str, npt.NDArray[np.bool_], float]:
        """Return a channel's name, which texts fall into its set, bool [n], and its null bound."""
        if bank == "tokens":
            rows = np.repeat(np.arange(len(features.embeddings.values)), np.diff(features.tokens.indptr))
            hits = np.zeros(len(features.embeddings.values), dtype=bool)
            hits[rows[features.tokens.ids % self._buckets == place]] = True
            return f"token {place}", hits, float(self.token_bounds[place])
        if bank == "twins":
            hits = ~self.members[0].sets.hits(features)[:, self._twins[place]]
            return self._twin_names[place], hits, float(self._twin_bounds[place])
        member = next(each for each in self.members if each.name == bank)
        return member.sets.names[place], member.sets.hits(features)[:, place], float(member.bounds[place])


def scattered(hits: npt.NDArray[np.bool_], counted: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the hits [m, sets] of the m texts that are counted among those of all, bool [n, sets]."""
    if len(hits) == len(counted):
        return hits
    found = np.zeros((len(counted), hits.shape[1]), dtype=bool)
    found[counted] = hits
    return found


def _loss(reference: Reference, error: float) -> list[Member]:
    """Return the bank of the champion's loss, chosen on a quarter of the held-out texts and counted on the rest.

    Texts of which nothing is predicted, such as those of an unknown class, are left out; in a window they never hit.
    """
    heldout = reference.heldout
    losses = heldout.features.losses
    scored = np.flatnonzero(losses.tokens) if losses is not None else np.empty(0, np.int64)
    if len(scored) < LEAST_HELDOUT:
        return []
    first = np.arange(len(scored)) % 4 == 0
    chosen, counted = scored[first], scored[~first]
    calibration = Calibration([heldout.texts[row] for row in counted], error=error)
    sets = LossSets(take(heldout.features, chosen))
    bounds = calibration.bounds(sets.hits(take(heldout.features, counted)))
    return [Member(name="loss", sets=sets, bounds=bounds, shares=RISING, weight=_LOSS)]


def _present(
    tokens: TokenCounts, rows: npt.NDArray[np.int64], buckets: int
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]:
    """Return buckets and rows of the tokens present, each bucket once a row."""
    if tokens.vocabulary <= buckets:
        return tokens.ids, rows
    keys = np.unique(rows * buckets + tokens.ids.astype(np.int64) % buckets)
    return keys % buckets, keys // buckets


def _top(evidence: Floats, most: int = 3) -> npt.NDArray[np.int64]:
    most = min(most, len(evidence))
    found: npt.NDArray[np.int64] = np.argpartition(evidence, len(evidence) - most)[-most:]
    return found
