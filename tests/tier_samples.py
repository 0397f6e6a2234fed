"""Texts read by two tiers of encoders: drawn by chance, or real prose hashed in two ways."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import drift_samples as samples
import numpy as np
from drawn_samples import BUDGET, DIMS, drawn_tokens, part_of, reference_of, seqs_of

from driftwatch.domain.drift import Reference, Window
from driftwatch.domain.features import Digest, Embeddings, Features, Tier
from driftwatch.domain.text import Text
from driftwatch.drift.reference import build_reference
from driftwatch.drift.tiers import chosen, thinned

if TYPE_CHECKING:
    from collections.abc import Sequence

TRANSFORMER = Digest("sha256:" + "d" * 64)
_TURN = np.linalg.qr(np.random.default_rng(6).normal(size=(samples.DIMS, samples.DIMS)))[0].astype(np.float32)


def drawn(count: int, random: np.random.Generator, *, static: float = 0.0, transformer: float = 0.0) -> Features:
    """Return features of texts drawn by chance, shifted in the embeddings of one tier or the other."""
    values = [random.normal(size=(count, DIMS)) for _ in range(2)]
    values[0][:, 0] += static
    values[1][:, 0] += transformer
    unit = [(each / np.linalg.norm(each, axis=1, keepdims=True)).astype(np.float32) for each in values]
    return Features(
        embeddings=Embeddings(values=unit[0], digest=samples.ENCODER),
        tokens=drawn_tokens(random, count),
        losses=None,
        tier=Tier(rows=np.arange(count), embeddings=Embeddings(values=unit[1], digest=TRANSFORMER)),
    )


def drawn_reference(count: int, random: np.random.Generator) -> Reference:
    """Return a reference of texts drawn by chance."""
    features = drawn(count, random)
    texts = tuple(Text(id=f"r{row}", body=f"known {row}", seen_at=samples.NOON) for row in range(count))
    train, cal, heldout = (part_of(texts, features, rows) for rows in np.split(np.arange(count), [count // 4, count]))
    return reference_of("drawn", train=train, cal=cal, heldout=heldout, tier=TRANSFORMER)


def drawn_window(index: int, features: Features, *, read: int, arl: float = BUDGET) -> Window:
    """Return a window of drawn texts, of which the transformer read so many."""
    size = len(features.embeddings.values)
    seqs = seqs_of(index, size)
    texts = tuple(Text(id=f"s{seq}", body=f"text {seq}", seen_at=samples.NOON) for seq in seqs)
    return Window(
        stream="drawn",
        index=index,
        texts=texts,
        features=thinned(features, chosen(texts, most=read)),
        seqs=seqs,
        arl_texts=arl,
    )


def measured(texts: Sequence[Text], *, closely: np.ndarray | None = None) -> Features:
    """Return the features of prose; the transformer's embeddings are the static ones, turned."""
    found = samples.measured(texts)
    rows = np.arange(len(texts)) if closely is None else closely
    values = found.embeddings.values[rows] @ _TURN
    return replace(found, tier=Tier(rows=rows, embeddings=Embeddings(values=values, digest=TRANSFORMER)))


def reference(bodies: Sequence[str], *, heldout: Sequence[str] = ()) -> Reference:
    """Return a reference of prose that both tiers read."""
    built = build_reference(
        samples.texts(bodies),
        heldout=samples.texts(heldout),
        stream="docs",
        seed=7,
        sample=20_000,
        extract=measured,
        created_at=samples.NOON,
    )
    return built.reference


def window(bodies: Sequence[str], *, index: int = 0, read: int) -> Window:
    """Return a window of prose, of which the transformer read so many texts."""
    texts = samples.texts(bodies)
    return Window(stream="docs", index=index, texts=texts, features=measured(texts, closely=chosen(texts, most=read)))
