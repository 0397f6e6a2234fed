"""Can a tokenizer read a sentence as it is written: no unknown word, nothing passed over, nothing cut off?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.features import Unreadable
from driftwatch.features.batches import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from transformers import PreTrainedTokenizerBase

Span = tuple[int, int]
"""Of a token: where in the body its characters begin, and where they end."""


def unreadable(
    tokenizer: PreTrainedTokenizerBase, bodies: Sequence[str], *, most: int, least: int = 1
) -> tuple[Unreadable | None, ...]:
    """Say of each body why it cannot be scored as it is written.

    A letter that is in no token counts as unknown: a tokenizer without a token for what it does not know passes over
    it, and the sentence would be scored as if the word did not stand there.

    Args:
        tokenizer: the model's own.
        bodies: sentences.
        most: tokens that fit, those that the model adds not counted.
        least: tokens that there must be for one to be predicted.
    """
    unknown = tokenizer.unk_token_id

    def reason(body: str, row: Sequence[int], spans: Sequence[Span]) -> Unreadable | None:
        if (unknown is not None and unknown in row) or _passed_over(body, spans):
            return Unreadable.UNKNOWN
        if len(row) < least:
            return Unreadable.EMPTY
        return Unreadable.TOO_LONG if len(row) > most else None

    return tuple(reason(*each) for each in _read(tokenizer, bodies))


def either(
    pairs: Sequence[tuple[str, str]], of: Callable[[Sequence[str]], Sequence[Unreadable | None]]
) -> tuple[Unreadable | None, ...]:
    """Say of each pair why one of its sentences cannot be scored, the first's reason before the second's.

    Args:
        pairs: of sentences.
        of: says it of sentences.
    """
    reasons = of([sentence for pair in pairs for sentence in pair])
    return tuple(first or second for first, second in zip(reasons[0::2], reasons[1::2], strict=True))


def _read(
    tokenizer: PreTrainedTokenizerBase, bodies: Sequence[str]
) -> Iterator[tuple[str, Sequence[int], Sequence[Span]]]:
    for some in in_order(bodies):
        found = tokenizer(some, add_special_tokens=False, padding=False, return_offsets_mapping=True)
        yield from zip(some, found["input_ids"], found["offset_mapping"], strict=True)


def _passed_over(body: str, spans: Sequence[Span]) -> bool:
    """Return whether a letter or digit of a body is in no token.

    Examples:
        >>> _passed_over("an ox", [(0, 2), (2, 5)]), _passed_over("an ox", [(0, 2)])
        (False, True)
    """
    end = 0
    for start, stop in sorted(spans):
        if any(map(str.isalnum, body[end:start])):
            return True
        end = max(end, stop)
    return any(map(str.isalnum, body[end:]))
