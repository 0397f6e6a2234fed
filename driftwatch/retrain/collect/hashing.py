"""Hashes that are the same on every machine: of words, and of runs of characters or words."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Hashes = npt.NDArray[np.uint64]

CHARACTERS = 5
"""Length of the runs of characters by which texts are compared: a word with its edges, short enough for queries."""

_NOISE = re.compile(r"[\W\d_]+")
# A script without spaces between words counts each of its characters as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f]|[^\W_]+")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def hashed(words: str) -> int:
    """Return 64 bits of BLAKE2b."""
    return int.from_bytes(hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def normalised(body: str) -> str:
    """Return the body without case, digits, punctuation and spacing; as it is where nothing else is left.

    Examples:
        >>> normalised("  Order 4711: SHIPPED!")
        'order shipped'
        >>> normalised("42")
        '42'
    """
    return _NOISE.sub(" ", body.casefold()).strip() or " ".join(body.split())


def words_of(body: str) -> list[str]:
    """Return the body's words, lower case.

    Examples:
        >>> words_of("Don't panic, 42!")
        ['don', 't', 'panic', '42']
    """
    return _WORD.findall(body.casefold())


def character_runs(texts: Sequence[str]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Return the hashes of every run of five characters.

    Args:
        texts: n texts; each begins and ends with a space here, and is filled up with spaces where it is short.

    Returns:
        uint64 [runs], and int64 [n + 1]: text i has the runs ``[ends[i]:ends[i + 1]]``, at least one.
    """
    padded = [f" {text} ".ljust(CHARACTERS) for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    return _runs(codes, np.fromiter(map(len, padded), np.int64, len(padded)), CHARACTERS)


def word_runs(bodies: Sequence[str], length: int) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Return the hashes of every run of so many words, of each text once.

    Returns:
        uint64 [runs] and int64 [runs], the text that each is in; ascending by text, then by hash.
    """
    found = [words_of(body) for body in bodies]
    codes = np.fromiter((crc32(word.encode("utf-8", "surrogatepass")) for words in found for word in words), np.uint64)
    hashes, ends = _runs(codes, np.fromiter(map(len, found), np.int64, len(found)), length)
    texts = np.repeat(np.arange(len(found)), np.diff(ends))
    order = np.lexsort((hashes, texts))
    hashes, texts = hashes[order], texts[order]
    new = np.ones(len(hashes), dtype=bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (texts[1:] != texts[:-1])
    return hashes[new], texts[new]


def _runs(
    codes: npt.NDArray[np.uint64], lengths: npt.NDArray[np.int64], size: int
) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Return the hashes of the runs within each text, and where each text's runs end."""
    counts = np.maximum(lengths - size + 1, 0)
    ends = np.concatenate([[0], np.cumsum(counts)])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]) if len(lengths) else np.zeros(0, np.int64)
    places = np.repeat(starts - ends[:-1], counts) + np.arange(ends[-1])
    hashes = np.zeros(len(places), np.uint64)
    for step in range(size):
        hashes = mixed(hashes * _MULTIPLIER ^ codes[places + step])
    return hashes, ends


def mixed(values: npt.NDArray[np.uint64]) -> Hashes:
    """Return the values with their bits spread (the finaliser of splitmix64).

    Source: Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators.
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
