"""Fixed-size fingerprints of a stream of texts: all that is kept in memory of each."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.retrain.collect.hashing import character_runs, hashed, normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from driftwatch.domain.text import Text

SLOTS = 64
"""Numbers in a signature: the standard error of a Jaccard index of 0.7 is 0.04 with rensa's R-MinHash."""

_AT_ONCE, _CHARACTERS = 4_000, 2_000_000
_SEED = 7  # of the permutations: changing it changes every signature


@dataclass(frozen=True, slots=True, eq=False)
class Prints:
    """Fingerprints of n texts.

    Args:
        content: uint64 [n], hash of the normalised body; 0 for a body of nothing but space.
        body: uint64 [n], hash of the body as it is.
        identity: uint64 [n], hash of id and body.
        group: uint64 [n], hash of the group, odd; of the content, even, where a text has none.
        source: int32 [n], place in ``sources``.
        stratum: int32 [n], a number for each combination of source and target.
        length: int32 [n], characters.
        noise: float32 [n], share of characters that are neither letters nor spaces.
        signature: uint32 [n, 64], MinHash of the runs of characters.
        sources: names.
        labels: how many texts have a label value or target, ``name=value``.
        since: of the earliest text.
        until: of the latest.
    """

    content: npt.NDArray[np.uint64]
    body: npt.NDArray[np.uint64]
    identity: npt.NDArray[np.uint64]
    group: npt.NDArray[np.uint64]
    source: npt.NDArray[np.int32]
    stratum: npt.NDArray[np.int32]
    length: npt.NDArray[np.int32]
    noise: npt.NDArray[np.float32]
    signature: npt.NDArray[np.uint32]
    sources: tuple[str, ...]
    labels: Counter[str]
    since: datetime | None
    until: datetime | None

    def __len__(self) -> int:
        return len(self.content)


def fingerprints(texts: Iterable[Text]) -> Prints:
    """Read the texts once and return their prints, in the order they came; a text takes about 320 bytes."""
    reader = _Reader()
    for batch in in_batches(texts):
        reader.read(batch)
    return reader.prints()


def in_batches(texts: Iterable[Text]) -> Iterator[list[Text]]:
    """Give the texts some thousands at once, fewer where they are long."""
    batch: list[Text] = []
    characters = 0
    for text in texts:
        batch.append(text)
        characters += len(text.body)
        if len(batch) == _AT_ONCE or characters >= _CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def identity_of(text: Text) -> int:
    """Return what tells a text from every other."""
    return hashed(f"{text.id}\n{text.body}")


def labels_of(text: Text) -> list[str]:
    """Return a text's label values and its target as ``name=value``."""
    target = [f"target={text.target}"] if text.target is not None else []
    return [f"{name}={value}" for name, value in text.labels.items()] + target


UNKNOWN = "unknown"
"""Name of the source of texts of which it is not known."""

_MOST_LABELS = 10_000


class _Reader:
    """Gathers columns, a batch at a time."""

    def __init__(self) -> None:
        self._hashes: list[npt.NDArray[np.uint64]] = []
        self._codes: list[npt.NDArray[np.int32]] = []
        self._noise: list[npt.NDArray[np.float32]] = []
        self._signatures: list[npt.NDArray[np.uint32]] = []
        self._sources: dict[str, int] = {}
        self._strata: dict[tuple[str, str], int] = {}
        self._labels: Counter[str] = Counter()
        self._since: datetime | None = None
        self._until: datetime | None = None

    def read(self, texts: Sequence[Text]) -> None:
        contents = [normalised(text.body) for text in texts]
        self._hashes.append(np.array([_hashes(*pair) for pair in zip(texts, contents, strict=True)], np.uint64))
        self._codes.append(np.array([self._code(text) for text in texts], np.int32))
        self._noise.append(_noise([text.body for text in texts]))
        self._signatures.append(signatures(contents))
        for text in texts:
            self._look(text)

    def _look(self, text: Text) -> None:
        self._since = text.seen_at if self._since is None else min(self._since, text.seen_at)
        self._until = text.seen_at if self._until is None else max(self._until, text.seen_at)
        for label in labels_of(text):
            if label in self._labels or len(self._labels) < _MOST_LABELS:
                self._labels[label] += 1

    def _code(self, text: Text) -> tuple[int, int, int]:
        source = text.source or UNKNOWN
        stratum = (source, text.target or "")
        return (
            self._sources.setdefault(source, len(self._sources)),
            self._strata.setdefault(stratum, len(self._strata)),
            min(len(text.body), np.iinfo(np.int32).max),
        )

    def prints(self) -> Prints:
        hashes = np.concatenate([np.zeros((0, 4), np.uint64), *self._hashes])
        codes = np.concatenate([np.zeros((0, 3), np.int32), *self._codes])
        self._hashes.clear()
        self._codes.clear()
        signature = np.concatenate([np.zeros((0, SLOTS), np.uint32), *self._signatures])
        self._signatures.clear()
        by_name = np.array([place for _, place in sorted(self._strata.items())], np.int64)
        rank = np.zeros(len(by_name), np.int32)
        rank[by_name] = np.arange(len(by_name), dtype=np.int32)
        return Prints(
            content=hashes[:, 0].copy(),
            body=hashes[:, 1].copy(),
            identity=hashes[:, 2].copy(),
            group=hashes[:, 3].copy(),
            source=codes[:, 0].copy(),
            stratum=rank[codes[:, 1]] if len(codes) else codes[:, 1],
            length=codes[:, 2].copy(),
            noise=np.concatenate([np.zeros(0, np.float32), *self._noise]),
            signature=signature,
            sources=tuple(self._sources),
            labels=self._labels,
            since=self._since,
            until=self._until,
        )


def signatures(contents: Sequence[str]) -> npt.NDArray[np.uint32]:
    """Return the MinHash signatures of normalised bodies, uint32 [n, 64].

    Source: Broder 1997, On the resemblance and containment of documents; rensa's R-MinHash, version 2.
    """
    from rensa import RMinHash

    if not contents:
        return np.zeros((0, SLOTS), np.uint32)
    runs, ends = character_runs(contents)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(runs, ends.astype(np.uint64), SLOTS, _SEED)
    return np.array(matrix.to_rows(), np.uint32)


def _hashes(text: Text, content: str) -> tuple[int, int, int, int]:
    key = hashed(content) if content else 0
    group = key & ~1 if text.group is None else hashed(f"group {text.group}") | 1
    return key, hashed(text.body), identity_of(text), group


def _noise(bodies: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return the share of characters that are neither letters nor spaces, float32 [n]; 0 for an empty body."""
    codes = np.frombuffer("".join(bodies).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, bodies), np.int64, len(bodies))
    noisy = np.concatenate([[0], np.cumsum(~_plain()[codes])])
    ends = np.cumsum(lengths)
    found: npt.NDArray[np.float32] = ((noisy[ends] - noisy[ends - lengths]) / np.maximum(lengths, 1)).astype(np.float32)
    return found


@cache
def _plain() -> npt.NDArray[np.bool_]:
    """Return for each code point whether it is a letter or a space, bool [1114112]."""
    return np.fromiter((chr(code).isalpha() or chr(code).isspace() for code in range(sys.maxunicode + 1)), np.bool_)
