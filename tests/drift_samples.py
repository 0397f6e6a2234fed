"""Real prose with cheap features: hashed words, projected at random, and a loss that rises with unknown words."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from corpus import paragraphs

from driftwatch.domain.drift import Reference, Window
from driftwatch.domain.features import Digest, Embeddings, Features, TextLosses, TokenCounts
from driftwatch.domain.text import Text
from driftwatch.drift.reference import build_reference

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ENCODER, TOKENIZER, MODEL = (Digest("sha256:" + letter * 64) for letter in "abc")
VOCABULARY = 4_096
DIMS = 32
_PROJECTION = np.random.default_rng(5).normal(size=(VOCABULARY, DIMS))


@cache
def known(limit: int = 6_000) -> tuple[str, ...]:
    """Return paragraphs of scientific packages."""
    return tuple(paragraphs(["scipy", "sklearn", "numpy"], limit))


@cache
def new(limit: int = 600) -> tuple[str, ...]:
    """Return paragraphs of deep-learning packages."""
    return tuple(paragraphs(["torch/nn", "torch/distributed"], limit))


def texts(bodies: Sequence[str], *, groups: Sequence[str] | None = None) -> tuple[Text, ...]:
    """Return texts with line numbers as ids."""
    return tuple(
        Text(id=f"line-{row}", body=body, seen_at=NOON, group=groups[row] if groups else None)
        for row, body in enumerate(bodies)
    )


def features(bodies: Sequence[str], *, model: bool = True, encoder: Digest = ENCODER) -> Features:
    """Return the features of bodies: the same body has the same, in whatever company."""
    rows = [_row(body) for body in bodies]
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(ids) for ids, _ in rows], dtype=np.int64)])
    values = np.array([np.log1p(counts) @ _PROJECTION[ids] for ids, counts in rows]).reshape(len(rows), DIMS)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    sizes = np.array([counts.sum() for _, counts in rows], dtype=np.int64)
    return Features(
        embeddings=Embeddings(values=values.astype(np.float32), digest=encoder),
        tokens=TokenCounts(
            indptr=indptr,
            ids=np.concatenate([np.zeros(0, np.int32), *(ids for ids, _ in rows)]),
            counts=np.concatenate([np.zeros(0, np.int32), *(counts for _, counts in rows)]),
            vocabulary=VOCABULARY,
            digest=TOKENIZER,
        ),
        losses=TextLosses(nats=(3.0 * sizes + np.sqrt(sizes)).astype(np.float64), tokens=sizes, digest=MODEL)
        if model
        else None,
    )


def measured(texts: Sequence[Text], *, closely: npt.NDArray[np.int64] | None = None) -> Features:
    """Return the features of texts, by one encoder that reads all of them."""
    del closely
    return features([text.body for text in texts])


def reference(bodies: Sequence[str], *, heldout: Sequence[str] = (), model: bool = True, seed: int = 7) -> Reference:
    """Return a reference of the bodies."""
    built = build_reference(
        texts(bodies),
        heldout=texts(heldout),
        stream="docs",
        seed=seed,
        sample=20_000,
        extract=lambda chunk: features([text.body for text in chunk], model=model),
        created_at=NOON,
    )
    return built.reference


def window(bodies: Sequence[str], *, index: int = 0, groups: Sequence[str] | None = None, model: bool = True) -> Window:
    """Return a window of the bodies."""
    return Window(
        stream="docs", index=index, texts=texts(bodies, groups=groups), features=features(bodies, model=model)
    )


@cache
def _row(body: str) -> tuple[np.ndarray[tuple[int], np.dtype[np.int32]], np.ndarray[tuple[int], np.dtype[np.int32]]]:
    hashes = [
        int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "big") for word in body.lower().split()
    ]
    ids, counts = np.unique(np.array(hashes, dtype=np.int64) % VOCABULARY, return_counts=True)
    return ids.astype(np.int32), counts.astype(np.int32)
