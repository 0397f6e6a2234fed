"""Real texts with the product's own features, kept between runs; references and windows drawn from them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmarks.featured import Kind, featured
from driftwatch.domain.drift import Reference, ReferencePart, Window
from driftwatch.domain.features import Digest, Embeddings, Features, TokenCounts
from driftwatch.domain.text import Text
from driftwatch.drift.features import take
from driftwatch.drift.tiers import chosen, thinned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Rows = npt.NDArray[np.int64]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WINDOW = 500


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Corpus:
    """Texts in the order of their file.

    Args:
        bodies: n texts.
        features: of them.
        labels: of each, where the file has them.
        domains: of each, where the file has them.
    """

    bodies: tuple[str, ...]
    features: Features
    labels: npt.NDArray[np.str_]
    domains: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.bodies)


def load(file: Path, cache: Path, *, encoder: Kind = "static") -> Corpus:
    """Read texts and their features; these are computed once and kept in ``cache``."""
    lines = [json.loads(line) for line in file.open(encoding="utf-8")]
    bodies = tuple(line["text"] for line in lines)
    identity = hashlib.sha256("\n".join([encoder, *bodies]).encode()).hexdigest()[:16]
    kept = cache / f"{file.parent.name}-{file.stem}-{encoder}-{identity}.npz"
    if not kept.exists():
        _encode(bodies, kept, encoder)
    with np.load(kept, allow_pickle=False) as arrays:
        features = Features(
            embeddings=Embeddings(values=arrays["values"], digest=Digest(str(arrays["encoder"]))),
            tokens=TokenCounts(
                indptr=arrays["indptr"],
                ids=arrays["ids"],
                counts=arrays["counts"],
                vocabulary=int(arrays["vocabulary"]),
                digest=Digest(str(arrays["tokenizer"])),
            ),
            losses=None,
        )
    return Corpus(
        bodies=bodies,
        features=features,
        labels=np.array([line.get("label", "") for line in lines]),
        domains=np.array([line.get("domain", "") for line in lines]),
    )


def reference(corpus: Corpus, rows: Rows, *, seed: int) -> Reference:
    """Return a reference of the distinct texts at these rows, split 25/75 by chance as the product does by hash."""
    distinct = np.array(list({corpus.bodies[row]: row for row in rows[::-1]}.values()), dtype=np.int64)
    np.random.default_rng(seed).shuffle(distinct)
    cut = len(distinct) // 4
    return Reference(
        stream="benchmark",
        version=f"r{seed}",
        created_at=NOON,
        seed=seed,
        encoder=corpus.features.embeddings.digest,
        tokenizer=corpus.features.tokens.digest,
        champion=None,
        train=part(corpus, distinct[:cut]),
        cal=part(corpus, distinct[cut:]),
        heldout=part(corpus, distinct[:0]),
        memory=(),
        tier=corpus.features.tier.embeddings.digest if corpus.features.tier is not None else None,
    )


def windows(
    corpus: Corpus,
    rows: Rows,
    *,
    arl: float,
    size: int = WINDOW,
    groups: Sequence[str] | None = None,
    read: int | None = None,
) -> Iterator[Window]:
    """Return the rows as a stream, a text a second, cut into windows; what fills no window is left out.

    Args:
        corpus: whose rows.
        rows: in the stream's order.
        arl: false-alarm budget.
        size: of a window.
        groups: of each of the rows.
        read: most texts of a window that the transformer tier reads, where the corpus has one; None for all.
    """
    for index, start in enumerate(range(0, len(rows) - size + 1, size)):
        part = rows[start : start + size]
        texts = tuple(
            Text(
                id=str(start + place),
                body=corpus.bodies[row],
                seen_at=NOON + timedelta(seconds=start + place),
                group=groups[start + place] if groups is not None else None,
            )
            for place, row in enumerate(part)
        )
        seqs = tuple(range(start + 1, start + size + 1))
        yield Window(
            stream="benchmark",
            index=index,
            texts=texts,
            features=thinned(take(corpus.features, part), chosen(texts, most=size if read is None else read)),
            seqs=seqs,
            arl_texts=arl,
        )


def part(corpus: Corpus, rows: Rows) -> ReferencePart:
    """Return the texts at these rows as a part of a reference."""
    texts = tuple(Text(id=str(row), body=corpus.bodies[row], seen_at=NOON) for row in rows)
    return ReferencePart(texts=texts, features=take(corpus.features, rows))


def _encode(bodies: Sequence[str], kept: Path, encoder: Kind) -> None:
    print(f"encoding {len(bodies):,} texts for {kept.name} ({encoder}), once", flush=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    features = featured(bodies, kind=encoder, cache=kept.parent / "encoders")
    tokens = features.tokens
    np.savez(
        kept,
        allow_pickle=False,
        values=features.embeddings.values,
        indptr=tokens.indptr,
        ids=tokens.ids,
        counts=tokens.counts,
        vocabulary=tokens.vocabulary,
        encoder=np.array(features.embeddings.digest),
        tokenizer=np.array(tokens.digest),
    )
