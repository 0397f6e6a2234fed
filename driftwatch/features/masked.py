"""Masked language models: how well hidden tokens are restored, under masks that a text always gets alike."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.errors import ModelError
from driftwatch.domain.features import LossUnit, PairScores, PairUnit, TextLosses, Unreadable
from driftwatch.features.blanks import Blanks
from driftwatch.features.loading import token_rows
from driftwatch.features.model import Family
from driftwatch.features.network import load_network
from driftwatch.features.reading import either, unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from driftwatch.domain.features import Digest
    from driftwatch.domain.text import Text

SHARE = 0.15
"""Of a text's tokens under one mask, as in training."""
MASKS = 3
"""Of a text, no token under two of them: together they look at 45% of it, at the price of three forward passes."""


class MaskedModel:
    """A masked language model that scores texts.

    Each text gets up to three masks of 15% of its tokens, at least one token each, drawn by a hash of its tokens: so
    the same text always loses the same tokens, two models of one tokenizer are asked the same, and no text depends on
    its neighbours. Masked tokens are all replaced by the mask token; special tokens are never masked. The unit is nats
    per masked token. It is a sample of the pseudo-log-likelihood, which masks every token in turn, with 15% hidden at
    once instead of one token: as the model was trained, and a fraction of the price.

    Args:
        folder: of the model.
        threads: of torch.

    Raises:
        ModelError: the folder cannot be used, or holds no masked model with a mask token.

    Source: Devlin et al. 2019 (BERT), section 3.1; Salazar et al. 2020 (Masked Language Model Scoring), section 2.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self._network = load_network(folder, Family.MASKED, "AutoModelForMaskedLM", threads=threads)
        tokenizer = self._network.tokenizer
        mask = tokenizer.mask_token_id
        if not isinstance(mask, int):
            raise ModelError(
                "its tokenizer has no mask token", where=str(folder), cure="put the model's own tokenizer beside it"
            )
        self._mask = mask
        self._special = frozenset(tokenizer.all_special_ids)
        self._longest = min(self._network.context, tokenizer.model_max_length)
        self._blanks = Blanks(self._network, mask=mask)

    @property
    def digest(self) -> Digest:
        """Identity of weights, configuration and tokenizer."""
        return self._network.digest

    def losses(self, bodies: Sequence[str]) -> TextLosses:
        """Return each body's cross-entropy in nats, summed over its masked tokens, and how many these are.

        Raises:
            ModelError: the tokenizer is not the model's own, or the model gave what is no number.
        """
        rows = token_rows(self._network.tokenizer, bodies, special=True, longest=self._longest)
        masked = [(text, places) for text, row in enumerate(rows) for places in masks(row, special=self._special)]
        owners = np.asarray([text for text, _ in masked], dtype=np.int64)
        found = self._blanks.nats([self._blanks.hidden(rows[text], places) for text, places in masked])
        nats = np.bincount(owners, weights=found, minlength=len(rows)).astype(np.float64)
        tokens = np.bincount(owners, weights=[len(places) for _, places in masked], minlength=len(rows))
        self._network.check(nats)
        return TextLosses(nats=nats, tokens=tokens.astype(np.int64), digest=self.digest, unit=LossUnit.MASKED_TOKEN)

    def score(self, texts: Sequence[Text]) -> TextLosses:
        """Return each body's; classes and chats are nothing to this family."""
        return self.losses([text.body for text in texts])

    def unreadable(self, bodies: Sequence[str]) -> tuple[Unreadable | None, ...]:
        """Say of each body why it cannot be scored as it is written; None where it can."""
        tokenizer = self._network.tokenizer
        return unreadable(tokenizer, bodies, most=self._longest - tokenizer.num_special_tokens_to_add())

    def unreadable_pairs(self, pairs: Sequence[tuple[str, str]]) -> tuple[Unreadable | None, ...]:
        """Say of each pair why its sentences cannot be scored as they are written, or share no token; None else."""
        apart = self._blanks.apart(pairs)
        reasons = zip(either(pairs, self.unreadable), apart, strict=True)
        return tuple(why or (Unreadable.APART if nothing else None) for why, nothing in reasons)

    def pair_scores(self, pairs: Sequence[tuple[str, str]]) -> PairScores:
        """Return each pair's pseudo-log-likelihood of the first sentence less that of the second, in nats.

        Only the tokens that both sentences share count: each is hidden by itself, in both, and predicted from all
        others, the changed ones among them.

        Raises:
            ModelError: the tokenizer is not the model's own, or the model gave what is no number.

        Source: Nangia et al. 2020 (CrowS-Pairs), section 3.1.
        """
        values = self._blanks.preferences(pairs)
        self._network.check(values)
        return PairScores(values=values, unit=PairUnit.NATS, digest=self.digest)

    def filling_losses(self, filled: Sequence[tuple[str, str, str]]) -> TextLosses:
        """Return the cross-entropy in nats of the words between what stands before and after them.

        The words' tokens are asked for from left to right, those found before them shown, those behind them left out.

        Raises:
            ModelError: the tokenizer is not the model's own, or the model gave what is no number.

        Source: Nadeem et al. 2021 (StereoSet), section 6.
        """
        nats, tokens = self._blanks.fillings(filled)
        self._network.check(nats)
        return TextLosses(nats=nats, tokens=tokens, digest=self.digest, unit=LossUnit.MASKED_TOKEN)


def masks(row: Sequence[int], *, special: frozenset[int]) -> list[list[int]]:
    """Return the places that each of a text's masks hides, no place twice.

    Args:
        row: token ids, special ones included.
        special: ids that are never hidden.

    Examples:
        >>> [len(places) for places in masks(range(2, 42), special=frozenset())]
        [6, 6, 6]
        >>> masks([0, 7, 1], special=frozenset({0, 1}))
        [[1]]
    """
    places = [place for place, token in enumerate(row) if token not in special]
    size = max(1, round(SHARE * len(places)))
    content = np.asarray(row, dtype="<i4").tobytes()
    seed = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
    order: npt.NDArray[np.int64] = np.random.default_rng(seed).permutation(np.asarray(places, dtype=np.int64))
    return [order[start : start + size].tolist() for start in range(0, min(len(places), MASKS * size), size)]
