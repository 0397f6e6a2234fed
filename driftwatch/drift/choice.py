"""Which texts a reference keeps: each body once, drawn by hash, so that neither order nor shards make a difference."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.text import Text
from driftwatch.drift.evidence.known import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import numpy.typing as npt

HASHES = 2**64
"""Texts are drawn by a number below this one."""
MOST_HELDOUT = 2_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """The texts chosen of many, and what is known of the others.

    Args:
        texts: those chosen, in the order of their draw.
        bodies: uint32 [m], ascending, 32 bits of the hash of every distinct body, chosen or not.
        distinct: how many distinct bodies there are.
        total: how many texts there are.
    """

    texts: Sequence[Text]
    bodies: npt.NDArray[np.uint32]
    distinct: int
    total: int


def learned_seed(seed: int) -> str:
    """Return what the champion's texts are drawn by."""
    return f"{seed}:sample"


def heldout_seed(seed: int) -> str:
    """Return what held-out texts are drawn by."""
    return f"{seed}:heldout"


def distinct(texts: Iterable[Text]) -> tuple[list[Text], int]:
    """Return one text per body, of equals the earliest, and the number of all; blank bodies are none."""
    total = 0
    best: dict[str, Text] = {}
    for text in texts:
        total += 1
        if text.body.strip():
            known = best.get(text.body)
            best[text.body] = text if known is None else earlier(text, known)
    return list(best.values()), total


def choose(texts: Sequence[Text], *, total: int, most: int, seed: str) -> Choice:
    """Choose among distinct texts that are held in memory."""
    ranked = sorted(texts, key=lambda text: (drawn(seed, text), text.body))
    return Choice(
        texts=[named(text) for text in ranked[:most]],
        bodies=np.unique(short(text.body for text in texts)),
        distinct=len(texts),
        total=total,
    )


def named(text: Text) -> Text:
    """Return the text with a hash of its body for an id; training data mostly has line numbers, which order decides."""
    # Field by field: ``replace`` takes three times as long, for every text of a reference.
    return Text(
        id=_hash("text", text.body).hex(),
        body=text.body,
        seen_at=text.seen_at,
        group=text.group,
        labels=text.labels,
        source=text.source,
        target=text.target,
        turns=text.turns,
    )


def drawn(seed: str, text: Text) -> int:
    """Return the number that a text is drawn by, from 0 to below ``HASHES``, the same for all texts of a group."""
    found = _hash(seed, text.body) if text.group is None else _hash(f"{seed}:group", text.group)
    return int.from_bytes(found, "big")


def rank(text: Text) -> int:
    """Return the number that copies of one body in groups of the same time are ranked by, 0 to below ``HASHES``.

    It says nothing of the number that groups are drawn by: else bodies of many groups were rather chosen than others.
    """
    return 0 if text.group is None else int.from_bytes(_hash("rank", text.group), "big")


def earlier(text: Text, other: Text) -> Text:
    """Return the one that counts of two texts with the same body: the earlier one."""
    return text if _age(text) < _age(other) else other


def _age(text: Text) -> tuple[datetime, int, list[tuple[str, str]], str, list[tuple[str, str]]]:
    turns = [(turn.role, turn.content) for turn in text.turns]
    return text.seen_at, rank(text), sorted(text.labels.items()), text.target or "", turns


def _hash(seed: str, body: str) -> bytes:
    return hashlib.blake2b(f"{seed}:{body}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
