"""What the champion's loss on a window is held against: held-out texts for unknown ones, themselves for known ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.known import known_of, short, shortened
from driftwatch.drift.evidence.seen import keys_of

if TYPE_CHECKING:
    from driftwatch.domain.drift import Reference, ReferencePart, Window
    from driftwatch.domain.features import TextLosses

LEAST_HELDOUT = 100
LEAST_SCORED = 20
"""Fewest texts of a window with a loss: of a classifier those of a known class."""
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Losses of n bodies that were scored.

    Args:
        nats: float64 [n], summed over the body's texts.
        tokens: int64 [n], what was predicted of them, at least 1 each.
    """

    nats: Floats
    tokens: Counts

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def mean(self) -> float:
        """Loss per token of all together; 0 of none."""
        return float(self.nats.sum() / max(int(self.tokens.sum()), 1))

    def drawn(self, resamples: int, random: np.random.Generator) -> Floats:
        """Return the mean of bodies drawn with replacement, float64 [resamples]; 0 where there is none to draw."""
        found = np.zeros(resamples)
        for number in range(resamples if len(self) else 0):
            rows = random.integers(len(self), size=len(self))
            found[number] = self.nats[rows].sum() / self.tokens[rows].sum()
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sides:
    """A window's losses, parted by what the reference knows word for word.

    Args:
        unknown: the unknown texts', each body once.
        known: the known texts', every time they come.
        beyond: of those known texts whose own loss is kept, what they cost beyond it.
    """

    unknown: Scored
    known: Scored
    beyond: Scored

    @property
    def known_share(self) -> float:
        """Share of the predicted tokens that are of known texts."""
        known = int(self.known.tokens.sum())
        return known / max(known + int(self.unknown.tokens.sum()), 1)


class Baseline:
    """Losses without drift, of one reference.

    A text that the reference knows word for word tells by its own loss, kept when the reference was built, whether the
    model reads it worse than then. The loss that a model has on texts it learnt, or on the short ones that come again
    and again, says nothing of the held-out texts', which hold none of either. Of known texts that were not chosen for
    the reference no loss is kept; those that were stand for them, for the choice is by hash.

    Args:
        reference: with losses.
    """

    def __init__(self, reference: Reference) -> None:
        self._known = known_of(reference)
        self.part = unlearnt(reference)
        losses = self.part.features.losses
        self.unseen = _of(losses, np.arange(0 if losses is None else len(losses.tokens)))
        self._bodies, self._own = _own(reference)

    def sides(self, window: Window, losses: TextLosses) -> Sides:
        """Return the window's losses; copies of unknown bodies count once."""
        long = keys_of(window)
        keys, new = shortened(long), ~self._known(long)
        unknown, known = (np.flatnonzero(which & (losses.tokens > 0)) for which in (new, ~new))
        firsts = np.sort(np.unique(keys[unknown], return_index=True)[1])
        nats, tokens = losses.nats[known], losses.tokens[known]
        places = np.minimum(np.searchsorted(self._bodies, keys[known]), max(len(self._bodies) - 1, 0))
        kept = self._bodies[places] == keys[known] if len(self._bodies) else np.zeros(len(known), dtype=bool)
        before = self._own[places[kept]] * tokens[kept]
        return Sides(
            unknown=_of(losses, unknown[firsts]),
            known=_together(keys[known], nats, tokens),
            beyond=_together(keys[known][kept], nats[kept] - before, tokens[kept]),
        )


def unlearnt(reference: Reference) -> ReferencePart:
    """Return the part that new texts are held against: held-out texts, or CAL's where too few of them were scored.

    The champion learnt CAL's, and reads them better than any new text.
    """
    return reference.heldout if _scored(reference.heldout) >= LEAST_HELDOUT else reference.cal


def _scored(part: ReferencePart) -> int:
    """Return of how many texts something was predicted."""
    return 0 if part.features.losses is None else int((part.features.losses.tokens > 0).sum())


def _of(losses: TextLosses | None, rows: Rows) -> Scored:
    """Return the losses of those rows of which something was predicted."""
    if losses is None:
        return Scored(np.zeros(0), np.zeros(0, dtype=np.int64))
    rows = rows[losses.tokens[rows] > 0]
    return Scored(losses.nats[rows], losses.tokens[rows])


def _own(reference: Reference) -> tuple[npt.NDArray[np.uint32], Floats]:
    """Return the bodies of texts with a loss, uint32 [n] ascending, and each one's loss per token, float64 [n]."""
    bodies, own = [np.zeros(0, dtype=np.uint32)], [np.zeros(0)]
    for part in (reference.train, reference.cal, reference.heldout):
        losses = part.features.losses
        if losses is not None:
            scored = losses.tokens > 0
            bodies.append(short(text.body for text in part.texts)[scored])
            own.append(losses.nats[scored] / losses.tokens[scored])
    found, firsts = np.unique(np.concatenate(bodies), return_index=True)
    return found, np.concatenate(own)[firsts]


def _together(keys: npt.NDArray[np.uint32], nats: Floats, tokens: Counts) -> Scored:
    """Return the losses by body, for texts of one body are no independent draws."""
    _, members = np.unique(keys, return_inverse=True)
    sums = [np.bincount(members, weights=each).astype(np.float64) for each in (nats, tokens)]
    return Scored(sums[0], sums[1].astype(np.int64))
