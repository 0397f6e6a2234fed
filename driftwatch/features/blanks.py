"""Hidden tokens: how likely each is to a masked network, from all that stands around it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.errors import ModelError
from driftwatch.features.answers import packed_or_padded
from driftwatch.features.crossentropy import cross_entropies
from driftwatch.features.loading import token_rows
from driftwatch.features.packed.heads import restoring_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from driftwatch.features.network import Network


@dataclass(frozen=True, slots=True)
class Blank:
    """A row of token ids with some of them hidden, where, and those."""

    row: Sequence[int]
    places: Sequence[int]
    wanted: Sequence[int]


class Blanks:
    """Asks a masked network for hidden tokens.

    Args:
        network: a masked one.
        mask: id of the mask token.
    """

    def __init__(self, network: Network, *, mask: int) -> None:
        self._network = network
        self._mask = mask
        self._answers = packed_or_padded(network, restoring_head, together=True)

    def preferences(self, pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.float64]:
        """Return each pair's pseudo-log-likelihood of the first sentence less the second's, float64 [pairs], nats.

        Raises:
            ModelError: two sentences share no token, or the tokenizer is not the model's own.
        """
        blanks, owners = self._shared(pairs)
        compared = set(owners)
        apart = next((pair for number, pair in enumerate(pairs) if 2 * number not in compared), None)
        if apart is not None:
            raise ModelError(
                f"{apart[0]!r} and {apart[1]!r} share no token, so that nothing of them can be compared",
                where=str(self._network.path),
                cure="leave the pair out: the two sentences of a pair differ in a group's name only",
            )
        sums = np.bincount(owners, weights=self.nats(blanks), minlength=2 * len(pairs)).reshape(-1, 2)
        return np.asarray(sums[:, 1] - sums[:, 0], dtype=np.float64)

    def apart(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """Return whether the sentences of each pair share no token."""
        compared = set(self._shared(pairs)[1])
        return [2 * number not in compared for number in range(len(pairs))]

    def _shared(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[Blank], list[int]]:
        """Return every shared token hidden by itself, and which sentence, two a pair, each is of."""
        sentences = [sentence for pair in pairs for sentence in pair]
        encoded = self._network.tokenizer(sentences, padding=False, return_special_tokens_mask=True) if pairs else {}
        rows: list[list[int]] = encoded.get("input_ids", [])
        added: list[list[int]] = encoded.get("special_tokens_mask", [])
        blanks, owners = [], []
        for number in range(0, len(rows), 2):
            for places in shared(rows[number], rows[number + 1]):
                for side, place in enumerate(places):
                    if not added[number + side][place]:
                        blanks.append(self.hidden(rows[number + side], [place]))
                        owners.append(number + side)
        return blanks, owners

    def fillings(self, filled: Sequence[tuple[str, str, str]]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Return the cross-entropy of each filling, float64 [n] in nats, and its number of tokens, int64 [n]."""
        before, words, after = (self._parts([each[part] for each in _spaced(filled)]) for part in range(3))
        first, last = self._ends()
        blanks, owners = [], []
        for number, filling in enumerate(words):
            for count, wanted in enumerate(filling):
                start = [*first, *before[number], *filling[:count]]
                blanks.append(Blank([*start, self._mask, *after[number], *last], [len(start)], [wanted]))
                owners.append(number)
        nats = np.bincount(owners, weights=self.nats(blanks), minlength=len(filled))
        return nats.astype(np.float64), np.array([len(filling) for filling in words], dtype=np.int64)

    def nats(self, blanks: Sequence[Blank]) -> npt.NDArray[np.float64]:
        """Return the cross-entropy of each blank's hidden tokens, summed, float64 [blanks].

        Raises:
            ModelError: the tokenizer is not the model's own.
        """
        found = np.zeros(len(blanks), np.float64)
        for batch in self._answers.batches([blank.row for blank in blanks]):
            some = [blanks[place] for place in batch]
            owners = np.repeat(np.arange(len(some)), [len(blank.places) for blank in some])
            found[batch] = np.bincount(owners, weights=self._batch(some), minlength=len(some))
        return found

    def _batch(self, blanks: Sequence[Blank]) -> npt.NDArray[np.float64]:
        """Return the cross-entropy of each hidden token, float64 [hidden]."""
        import torch

        wanted = torch.tensor([token for blank in blanks for token in blank.wanted])
        found: list[npt.NDArray[np.float64]] = []
        for logits in self._answers.logits([blank.row for blank in blanks], [blank.places for blank in blanks]):
            asked, wanted = wanted[: len(logits)], wanted[len(logits) :]
            found.append(cross_entropies(logits, asked.to(logits.device)))
        return np.concatenate(found)

    def hidden(self, row: Sequence[int], places: Sequence[int]) -> Blank:
        """Return the row with the tokens at the places hidden."""
        hidden = list(row)
        for place in places:
            hidden[place] = self._mask
        return Blank(hidden, places, [row[place] for place in places])

    def _parts(self, parts: Sequence[str]) -> list[list[int]]:
        return token_rows(self._network.tokenizer, parts, special=False) if parts else []

    def _ends(self) -> tuple[list[int], list[int]]:
        """Return what the tokenizer puts before and after a sentence."""
        encoded = self._network.tokenizer("a", return_special_tokens_mask=True)
        ids, added = list(encoded["input_ids"]), list(encoded["special_tokens_mask"])
        text = added.index(0)
        return ids[:text], ids[len(added) - added[::-1].index(0) :]


def shared(first: Sequence[int], second: Sequence[int]) -> list[tuple[int, int]]:
    """Return the places of the tokens that two rows share, in the order of both.

    Examples:
        >>> shared([1, 5, 7, 2], [1, 6, 6, 7, 2])
        [(0, 0), (2, 3), (3, 4)]
    """
    blocks = SequenceMatcher(None, first, second).get_matching_blocks()
    return [(block.a + step, block.b + step) for block in blocks for step in range(block.size)]


def _spaced(filled: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Move the space before a filling into it, where tokenizers that mark beginnings of words look for it."""
    return [(b.rstrip(), f" {words}" if b != b.rstrip() else words, after) for b, words, after in filled]
