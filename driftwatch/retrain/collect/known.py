"""What the champion should still know: reference texts, some of which no run ever trains on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.retrain.collect.alike import near_duplicates
from driftwatch.retrain.collect.caps import nth_of_its_place
from driftwatch.retrain.collect.hashing import mixed
from driftwatch.retrain.collect.phrases import PhraseCounts
from driftwatch.retrain.collect.prints import fingerprints, in_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from driftwatch.domain.text import Text
    from driftwatch.retrain.collect.prints import Prints
    from driftwatch.retrain.collect.spool import Spool

REMEMBERED = 0.1
"""Share of the reference texts that is never replayed, the same ones in every run."""

_SALT = np.uint64(0x72656D656D626572)
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Reference texts.

    Args:
        prints: of all of them.
        remembered: rows that are held out, in hashed order.
        replayable: rows that may be trained on again, in hashed order; each content once.
        phrases: in how many of them each phrase is.
    """

    prints: Prints
    remembered: Rows
    replayable: Rows
    phrases: PhraseCounts

    def replay(self, used: npt.NDArray[np.uint32], *, wanted: int, least: float) -> Rows:
        """Return rows to train on again: none like a text used elsewhere, nor like a held-out one.

        Args:
            used: uint32 [n, 64], signatures of the fresh texts used.
            wanted: how many.
            least: overlap from which texts are near duplicates.
        """
        if not wanted:
            return self.replayable[:0]
        before = np.concatenate([self.prints.signature[self.remembered], used])
        repeats = near_duplicates(np.concatenate([before, self.prints.signature[self.replayable]]), least=least)
        return self.replayable[repeats[len(before) :] < 0][:wanted]


def read_known(old: Iterable[Text], spool: Spool, *, salt: np.uint64, phrase: int) -> Known:
    """Read the reference once, keeping its texts in the spool under their rows.

    Args:
        old: reference texts.
        spool: empty.
        salt: of the order in which they are replayed.
        phrase: words of a phrase.
    """
    phrases = PhraseCounts()
    prints = fingerprints(_kept(old, spool, phrases, phrase))
    order = np.lexsort((prints.identity, mixed(prints.content ^ salt)))
    order = order[(prints.content[order] != 0) & (nth_of_its_place(prints.content[order]) == 0)]
    held = mixed(prints.content[order] ^ _SALT) < np.uint64(int(REMEMBERED * 2**64))
    return Known(prints=prints, remembered=order[held], replayable=order[~held], phrases=phrases)


def _kept(old: Iterable[Text], spool: Spool, phrases: PhraseCounts, phrase: int) -> Iterator[Text]:
    count = 0
    for batch in in_batches(old):
        phrases.add([text.body for text in batch], length=phrase)
        for text in batch:
            spool.add(count, text)
            count += 1
        yield from batch
