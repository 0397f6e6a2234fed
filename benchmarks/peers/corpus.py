"""The real texts: what a reference is drawn from, what is new, and their features by the product's own encoder."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.featured import Kind, featured
from benchmarks.peers.exchange import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

UNSEEN = "travel"
"""The domain of CLINC150 that plays the new topic."""
_CELLS = 100


def load(name: str, data: Path, cache: Path, *, encoder: Kind) -> Path:
    """Return the folder of a corpus with features, made where the cache has none of the same texts and encoder.

    Args:
        name: ``news``, ``clinc``, ``tweets-docs`` or ``tweets-offensive``.
        data: folder with ``corpora`` and ``scenarios``.
        cache: where features are kept.
        encoder: kind of the product's encoder.
    """
    bodies, labels, new = _SOURCES[name](data)
    identity = hashlib.sha256("\n".join([*bodies, encoder, str(sum(new))]).encode()).hexdigest()[:12]
    folder = cache / f"{name}-{encoder}-{identity}"
    if not (folder / "texts.json").exists():
        print(f"encoding {len(bodies):,} texts of {name} ({encoder})", flush=True)
        _featured(bodies, labels, np.array(new), cache, encoder).save(folder)
    return folder


def _news(data: Path) -> tuple[list[str], list[str] | None, list[bool]]:
    rows = _lines(data / "corpora" / "agnews.jsonl")
    return [row["text"] for row in rows], None, [row["label"] not in ("World", "Sports") for row in rows]


def _clinc(data: Path) -> tuple[list[str], list[str] | None, list[bool]]:
    rows = [row for row in _lines(data / "corpora" / "clinc150.jsonl") if row["domain"] != "oos"]
    return [row["text"] for row in rows], [row["label"] for row in rows], [row["domain"] == UNSEEN for row in rows]


def _tweets_docs(data: Path) -> tuple[list[str], list[str] | None, list[bool]]:
    return _tweets_and([row["text"] for row in _lines(data / "corpora" / "pydocs-en.jsonl")][:4_000], data)


def _tweets_offensive(data: Path) -> tuple[list[str], list[str] | None, list[bool]]:
    """Return tweets, and as new the offensive ones: those of the drifted part that are not among the corpus'."""
    folder = data / "scenarios" / "social-toxicity"
    onset = json.loads((folder / "truth.json").read_text())["change_at"]
    known = {row["text"] for row in _lines(data / "corpora" / "tweets.jsonl")}
    after = [row["text"] for row in _lines(folder / "stream.jsonl")[onset:]]
    return _tweets_and([text for text in dict.fromkeys(after) if text not in known], data)


def _tweets_and(other: list[str], data: Path) -> tuple[list[str], list[str] | None, list[bool]]:
    tweets = list(dict.fromkeys(row["text"] for row in _lines(data / "corpora" / "tweets.jsonl")))
    return [*tweets, *other], None, [False] * len(tweets) + [True] * len(other)


_SOURCES: dict[str, Callable[[Path], tuple[list[str], list[str] | None, list[bool]]]] = {
    "news": _news,
    "clinc": _clinc,
    "tweets-docs": _tweets_docs,
    "tweets-offensive": _tweets_offensive,
}
NAMES = tuple(_SOURCES)


def _lines(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.open(encoding="utf-8")]


def _featured(
    bodies: Sequence[str], labels: Sequence[str] | None, new: npt.NDArray[np.bool_], cache: Path, kind: Kind
) -> Texts:
    features = featured(bodies, kind=kind, cache=cache / "encoders")
    values, tokens = features.embeddings.values, features.tokens
    return Texts(
        bodies=tuple(bodies),
        embeddings=values,
        indptr=tokens.indptr,
        ids=tokens.ids,
        counts=tokens.counts,
        vocabulary=tokens.vocabulary,
        encoder=features.embeddings.digest,
        tokenizer=tokens.digest,
        known=np.flatnonzero(~new),
        new=np.flatnonzero(new),
        kinds=_kinds(values, labels),
    )


def _kinds(values: npt.NDArray[np.float32], labels: Sequence[str] | None) -> npt.NDArray[np.int64]:
    if labels is not None:
        return np.unique(np.asarray(labels), return_inverse=True)[1].astype(np.int64)
    from sklearn.cluster import MiniBatchKMeans

    cells = MiniBatchKMeans(_CELLS, n_init=1, random_state=1).fit_predict(values)
    return np.asarray(cells, dtype=np.int64)
