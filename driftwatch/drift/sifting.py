"""Sifts texts that are too many to be held: what one pass over a part of them finds, to be put together with others.

Whatever is found is a set, a number or the least of something, so it is the same however the texts are parted and in
whatever order the parts are put together. What is held is in proportion to what is kept, and 8 bytes a text of a lot
(32 where texts have groups).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.choice import HASHES, drawn, rank
from driftwatch.drift.drawing import Draw, Drawn, Keys, packed
from driftwatch.drift.evidence.seen import keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from driftwatch.domain.text import Text

Copies = npt.NDArray[np.void]
COPY = np.dtype([("key", np.uint64), ("seen", np.int64), ("rank", np.uint64), ("drawn", np.uint64)])
"""A copy of a body: its key, its time, and what its group is ranked and drawn by."""
LOT = 2**18
"""Most texts that are told of at once."""
_BATCH = 4_096


def no_keys() -> Keys:
    """Return no keys, uint64 [0]."""
    return np.zeros(0, dtype=np.uint64)


def once(found: Keys) -> Keys:
    """Return keys in order, each once; sorting takes a tenth of what ``np.unique`` takes, which hashes.

    Examples:
        >>> once(np.array([7, 5, 7], dtype=np.uint64)).tolist()
        [5, 7]
    """
    ordered: Keys = np.sort(found)
    first: Keys = ordered[np.concatenate([np.ones(1, np.bool_), ordered[1:] != ordered[:-1]])[: len(ordered)]]
    return first


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a pass is to find.

    Args:
        seed: texts are drawn by it.
        keys: whether it tells the keys of bodies.
        copies: whether it tells their copies as well, for bodies may be in several groups.
        most: texts that are drawn, 0 for none.
        below: no text is wanted whose number is above this one.
    """

    seed: str
    keys: bool = True
    copies: bool = False
    most: int = 0
    below: int = HASHES - 1


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What earlier passes found of bodies.

    Args:
        left_out: uint64 [m], ascending, keys of bodies that are not to be drawn.
        shared: uint64 [n], ascending, keys of bodies that several groups hold.
        owners: uint64 [n], what the group is drawn by that each of these counts for.
    """

    left_out: Keys = field(default_factory=no_keys)
    shared: Keys = field(default_factory=no_keys)
    owners: Keys = field(default_factory=no_keys)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Owned:
    """Distinct bodies, and what those of several groups count for.

    Args:
        bodies: uint64 [m], ascending, keys of all.
        shared: uint64 [n], ascending, keys of those that several groups hold.
        owners: uint64 [n], what the group is drawn by that each of these counts for.
    """

    bodies: Keys
    shared: Keys = field(default_factory=no_keys)
    owners: Keys = field(default_factory=no_keys)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sifted:
    """What a pass found of a lot of texts.

    Args:
        total: how many there are.
        keys: uint64 [n], of their distinct bodies, ascending; nothing where copies are told.
        copies: ``COPY`` [m], of texts that are not blank, their keys ascending.
        texts: those that may be drawn.
    """

    total: int
    keys: Keys
    copies: Copies
    texts: Drawn


def sift(texts: Iterable[Text], asked: Asked, verdicts: Verdicts) -> Iterator[Sifted]:
    """Yield what is asked for of texts, lot by lot."""
    rest = iter(texts)
    draw: Draw[Text] = Draw(asked.most, _itself, below=asked.below)
    while lot := _lot(rest, asked, verdicts, draw):
        yield lot


def owners_of(copies: Copies) -> Owned:
    """Return what bodies count for, by their copies: the group of the earliest one."""
    if not len(copies):
        return Owned(bodies=no_keys())
    ordered = copies[np.lexsort((copies["drawn"], copies["rank"], copies["seen"], copies["key"]))]
    starts = np.flatnonzero(np.concatenate([[True], ordered["key"][1:] != ordered["key"][:-1]]))
    owners = ordered["drawn"][starts]
    others = ordered["drawn"] != np.repeat(owners, np.diff(np.append(starts, len(ordered))))
    several = np.logical_or.reduceat(others, starts)
    bodies = ordered["key"][starts]
    return Owned(bodies=bodies, shared=bodies[several], owners=owners[several])


def _lot(texts: Iterator[Text], asked: Asked, verdicts: Verdicts, draw: Draw[Text]) -> Sifted | None:
    total, found, copies = 0, [no_keys()], [np.zeros(0, dtype=COPY)]
    while total < LOT and (batch := list(islice(texts, _BATCH))):
        total += len(batch)
        batch = [text for text in batch if text.body.strip()]
        bodies = keys(text.body for text in batch)
        numbers = np.array([drawn(asked.seed, text) for text in batch], dtype=np.uint64)
        if asked.copies:
            copies.append(_copies(batch, bodies, numbers))
        elif asked.keys:
            found.append(bodies)
        if asked.most:
            rows = np.flatnonzero(_wanted(bodies, numbers, verdicts, draw.below))
            draw.add(numbers[rows], bodies[rows], [batch[row] for row in rows.tolist()])
    if not total:
        return None
    texts_drawn = packed(*draw.lowest())
    draw.clear()
    ordered = np.concatenate(copies)
    return Sifted(
        total=total,
        keys=once(np.concatenate(found)),
        copies=ordered[np.argsort(ordered["key"])],
        texts=texts_drawn,
    )


def _copies(texts: Sequence[Text], bodies: Keys, numbers: Keys) -> Copies:
    found = np.zeros(len(texts), dtype=COPY)
    seen = np.array([text.seen_at.astimezone(UTC).replace(tzinfo=None) for text in texts], dtype="datetime64[us]")
    found["key"], found["seen"], found["drawn"] = bodies, seen.astype(np.int64), numbers
    found["rank"] = np.array([rank(text) for text in texts], dtype=np.uint64)
    return found


def _wanted(bodies: Keys, numbers: Keys, verdicts: Verdicts, below: int) -> npt.NDArray[np.bool_]:
    """Return which texts may be drawn, bool [n]: no text of a body that counts for another group."""
    wanted: npt.NDArray[np.bool_] = numbers <= np.uint64(below)
    if len(verdicts.left_out):
        wanted &= verdicts.left_out[_places(verdicts.left_out, bodies)] != bodies
    if len(verdicts.shared):
        places = _places(verdicts.shared, bodies)
        wanted &= (verdicts.shared[places] != bodies) | (verdicts.owners[places] == numbers)
    return wanted


def _places(ordered: Keys, wanted: Keys) -> npt.NDArray[np.int64]:
    return np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)


def _itself(text: Text) -> Text:
    return text
