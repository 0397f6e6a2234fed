"""New chunks are divided once more, into the tokenizer's own words, so that a word beside a comma is no new word.

Only chunks of printable ASCII are: there, a tokenizer's pattern means the same to every engine, and words can be given
to its model alone, without the steps before it.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftwatch.features.chunk_cache import UNSURE, ChunkCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy.typing as npt

    from driftwatch.features.chunk_cache import CacheLimits
    from driftwatch.features.tokens import TokenizerCounter

_NEVER = re.compile(r"(?!)")
_JOINT = "\x00"
_BLANK = "\u0120"  # how byte-level vocabularies write it; what else is printable in ASCII stands for itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """How chunks are divided into words.

    Args:
        word: matches one word after the other and the ends of lines, leaving nothing out.
        added: is found in chunks that hold an added token, which is no such word.
        lowered: whether the tokenizer makes letters small before anything else.
        byte_level: whether the model's alphabet stands for bytes.
    """

    word: re.Pattern[str]
    added: re.Pattern[str]
    lowered: bool
    byte_level: bool


def pieces(settings: Mapping[str, Any], pattern: str | None) -> Pieces | None:
    """Return how a tokenizer's chunks are divided; None where that isn't known.

    Args:
        settings: the object in its ``tokenizer.json``.
        pattern: of the words of a byte-level tokenizer; None for others.
    """
    added = [str(token["content"]) for token in settings.get("added_tokens") or []]
    if not all(content.isascii() for content in added):
        return None
    holding = re.compile("|".join(map(re.escape, added)), re.IGNORECASE) if added else _NEVER
    normaliser = settings.get("normalizer") or {}
    if pattern is not None and normaliser.get("type", "NFC") in {"NFC", "NFD", "NFKC", "NFKD"}:
        return Pieces(
            word=re.compile(rf"\n|{_in_ascii(pattern)}", re.ASCII),
            added=holding,
            lowered=False,
            byte_level=True,
        )
    kinds = [str((settings.get(part) or {}).get("type")) for part in ("model", "pre_tokenizer", "normalizer")]
    if kinds != ["WordPiece", "BertPreTokenizer", "BertNormalizer"]:
        return None
    return Pieces(
        word=re.compile(r"\n|[0-9A-Za-z]++|[!-/:-@\[-`{-~]"),
        added=holding,
        lowered=bool(normaliser.get("lowercase")),
        byte_level=False,
    )


def _in_ascii(pattern: str) -> str:
    """Return a tokenizer's pattern with its classes of letters and digits narrowed to ASCII's."""
    for pair in ((r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", "[A-Z]"), (r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", "[a-z]")):
        pattern = pattern.replace(*pair)
    pattern = pattern.replace(r"[\r\n]*", "").replace(r"[\r\n/]*", "")
    pattern = pattern.replace(r"\p{L}\p{N}]", "A-Za-z0-9]")
    return pattern.replace(r"\p{L}", "[A-Za-z]").replace(r"\p{N}", "[0-9]")


class PieceTokeniser:
    """Tokenises many chunks through a cache of the words in them.

    Args:
        plain: the tokenizer.
        division: of its chunks.
        limits: of the cache of words.
    """

    def __init__(self, plain: TokenizerCounter, division: Pieces, limits: CacheLimits) -> None:
        self._plain = plain
        self._division = division
        self.cache = ChunkCache(self._words, None, limits)

    def tokens(self, chunks: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Return int64 [chunks], how many tokens each has, and int32 [their sum], the ids of all in order."""
        fit = self._divisible(chunks)
        divided = np.flatnonzero(fit)
        rows, ids, whole = self._by_words([chunks[row] for row in divided.tolist()])
        others = np.concatenate([np.flatnonzero(~fit), divided[whole]])
        some, more = self._plain.token_rows([chunks[row] for row in others.tolist()])
        return _in_order(np.concatenate([divided[rows], others[some]]), np.concatenate([ids, more]), len(chunks))

    def _divisible(self, chunks: Sequence[str]) -> npt.NDArray[np.bool_]:
        ascii_, printable = _each(str.isascii, chunks), _each(str.isprintable, chunks)
        plain = ascii_ & printable & ~_each(str.endswith, chunks, itertools.repeat(" "))
        added = self._division.added.search
        if added("\n".join(chunks)):
            plain &= np.fromiter((added(chunk) is None for chunk in chunks), np.bool_, len(chunks))
        return plain

    def _by_words(
        self, chunks: Sequence[str]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Return the chunk that each token is of, their ids, and the chunks of which a word finds no place."""
        text = "\n".join(chunks)
        words = self._division.word.findall(text.lower() if self._division.lowered else text)
        found = self.cache.numbers(["\n", *words])
        end, numbers = found[0], found[1:]
        ends = numbers == end
        rows, numbers = np.cumsum(ends)[~ends], numbers[~ends]
        whole = np.unique(rows[numbers == UNSURE])
        if len(whole):
            sure = ~np.isin(rows, whole)
            rows, numbers = rows[sure], numbers[sure]
        sizes, ids = self.cache.tokens(numbers)
        return np.repeat(rows, sizes), ids, whole

    def _words(self, words: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Return the same as ``tokens`` of words."""
        if self._division.byte_level:
            words = _JOINT.join(words).replace(" ", _BLANK).split(_JOINT) if words else []
        return self._plain.model_tokens(words)


def _each(say: Callable[..., bool], chunks: Sequence[str], *more: Iterable[str]) -> npt.NDArray[np.bool_]:
    return np.fromiter(map(say, chunks, *more), np.bool_, len(chunks))


def _in_order(
    rows: npt.NDArray[np.int64], ids: npt.NDArray[np.int32], size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return how many tokens each of the rows has, and the ids row by row, each row's in the order given."""
    return np.bincount(rows, minlength=size), ids[np.argsort(rows, kind="stable")]
