"""Can a tokenizer read a sentence as it is written: no unknown word, nothing cut off?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.features import Unreadable
from driftwatch.features.loading import token_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase


def unreadable(
    tokenizer: PreTrainedTokenizerBase, bodies: Sequence[str], *, most: int, least: int = 1
) -> tuple[Unreadable | None, ...]:
    """Say of each body why it cannot be scored as it is written.

    Args:
        tokenizer: the model's own.
        bodies: sentences.
        most: tokens that fit, those that the model adds not counted.
        least: tokens that there must be for one to be predicted.
    """
    unknown = tokenizer.unk_token_id

    def reason(row: Sequence[int]) -> Unreadable | None:
        if len(row) < least:
            return Unreadable.EMPTY
        if unknown is not None and unknown in row:
            return Unreadable.UNKNOWN
        return Unreadable.TOO_LONG if len(row) > most else None

    return tuple(reason(row) for row in token_rows(tokenizer, bodies, special=False))
