"""Clusters by meaning: fresh texts that say much the same in other words, new to the stream and coordinated.

A campaign of paraphrases shares neither wording nor phrases, so it is looked for among embeddings. A new topic is a
new cluster too and must not be thrown away: a cluster is flagged only where it also comes from few groups, or in a
burst, or is closer together than clusters of the reference are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.retrain.collect.alike import components
from driftwatch.retrain.collect.card import Limit, Sign
from driftwatch.retrain.collect.clusters import Cluster
from driftwatch.retrain.collect.prints import in_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from driftwatch.domain.features import Embeddings
    from driftwatch.domain.text import Text

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float16]

FEWEST = 200
"""Fewest fresh texts, and fewest of the reference, with which clusters are looked for."""

MOST_REFERENCE = 20_000
"""Reference texts that are looked at."""

_CAPS, _LEAST_CELL, _FEWEST_CELLS, _MOST_CELLS = 4, 40, 8, 256
_FIT = 20_000
_NEW = 0.1
_CORE = 0.1
_CLOSER = 0.98
_FEW = 0.1
_HALF, _QUARTER = 0.5, 0.25
_COUNTED = 10
_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Meanings:
    """What is looked at of n fresh texts.

    Args:
        values: float16 [n, d], embeddings, in the order of choice.
        group: uint64 [n].
        seen: float64 [n], seconds.
    """

    values: Vectors
    group: npt.NDArray[np.uint64]
    seen: Floats


def embedded(texts: Iterable[Text], embed: Callable[[Sequence[str]], Embeddings]) -> tuple[Vectors, Floats]:
    """Return the texts' embeddings, float16 [n, d], and when they were seen, float64 [n] in seconds.

    Args:
        texts: read once, in batches.
        embed: gives the embeddings of bodies.
    """
    values: list[Vectors] = []
    seen: list[float] = []
    for batch in in_batches(texts):
        values.append(embed([text.body for text in batch]).values.astype(np.float16))
        seen.extend(text.seen_at.timestamp() for text in batch)
    return np.concatenate(values) if values else np.zeros((0, 1), np.float16), np.array(seen)


def meaning_clusters(fresh: Meanings, reference: Vectors, *, cap: int, seed: int) -> tuple[list[Cluster], Limit | None]:
    """Return the flagged clusters, and the limit on how close together a cluster's texts may be.

    Cells of k-means are the clusters; flagged ones that are as close to each other as within are one. A cell is new
    where it holds at most a tenth of the share in the reference that it holds of the fresh texts.

    - *few groups*: half as many groups a text as the middle one of the cells.
    - *burst*: the middle 80% of its texts came in a quarter of the time (counted in texts) that the middle cell's
      took.
    - *close*: texts closer together than in 98 of 100 cells of the reference. Where more than a tenth of the fresh
      texts are, that is how the new text is, not a campaign.

    Args:
        fresh: the texts.
        reference: float16 [m, d], embeddings of reference texts.
        cap: most texts of one cluster.
        seed: of k-means.

    Returns:
        no clusters and no limit where there are too few texts to tell.
    """
    if min(len(fresh.values), len(reference)) < FEWEST:
        return [], None
    wanted = max(_CAPS * cap, _LEAST_CELL)
    cells = _cells(fresh.values, wanted, seed)
    known = reference.astype(np.float32)
    new = np.array([_is_new(fresh.values[rows], len(fresh.values), known) for rows in cells])
    high = float(np.quantile([_closeness(reference[rows]) for rows in _cells(reference, wanted, seed)], _CLOSER))
    close = new & np.array([_closeness(fresh.values[rows]) > high for rows in cells])
    beyond = sum(len(rows) for rows, each in zip(cells, close, strict=True) if each)
    trimmed = 0 < beyond <= _FEW * len(fresh.values)
    signs = {
        Sign.FEW_GROUPS: new & _few_groups(cells, fresh.group),
        Sign.BURST: new & _burst(cells, fresh.seen),
        Sign.CLOSE: close & trimmed,
    }
    limit = Limit(
        name="closeness", unit="mean cosine in a cluster", low=None, high=high, beyond=beyond, trimmed=trimmed
    )
    return list(_flagged(fresh.values, cells, signs, cap=cap, high=high)), limit


def _cells(values: Vectors, wanted: int, seed: int) -> list[Rows]:
    """Return the rows of each cell of about so many texts, those too small to measure left out."""
    from sklearn.cluster import MiniBatchKMeans

    count = int(np.clip(len(values) // wanted, _FEWEST_CELLS, _MOST_CELLS))
    means = MiniBatchKMeans(count, n_init=3, batch_size=1_024, random_state=seed % 2**32)
    means.fit(values[:_FIT].astype(np.float32))
    parts = [values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE)]
    label = np.concatenate([means.predict(part.astype(np.float32)) for part in parts])
    found = (np.flatnonzero(label == number) for number in range(count))
    return [rows for rows in found if len(rows) >= _COUNTED]


def _is_new(values: Vectors, count: int, reference: npt.NDArray[np.float32]) -> bool:
    """Whether the core of a cell holds a far larger share of the fresh texts than of the reference."""
    centre = values.mean(0, dtype=np.float32)
    near = values @ centre >= np.quantile(values @ centre, _CORE)
    reach = float((values @ centre)[near].min())
    known = (int((reference @ centre >= reach).sum()) + 1) / (len(reference) + 1)
    return known <= _NEW * int(near.sum()) / count


def _closeness(values: Vectors) -> float:
    """Return the mean cosine of two different texts."""
    total, n = values.sum(0, dtype=np.float64), len(values)
    return float((total @ total - n) / (n * (n - 1)))


def _few_groups(cells: list[Rows], group: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    ratio = np.array([len(np.unique(group[rows])) / len(rows) for rows in cells])
    few: npt.NDArray[np.bool_] = ratio < _HALF * np.median(ratio)
    return few


def _burst(cells: list[Rows], seen: Floats) -> npt.NDArray[np.bool_]:
    turn = np.empty(len(seen))
    turn[np.argsort(seen, kind="stable")] = np.arange(len(seen))
    span = np.array([np.subtract(*np.quantile(turn[rows], [0.9, 0.1])) for rows in cells])
    short: npt.NDArray[np.bool_] = span < _QUARTER * np.median(span)
    return short


def _flagged(
    values: Vectors, cells: list[Rows], signs: dict[Sign, npt.NDArray[np.bool_]], *, cap: int, high: float
) -> Iterator[Cluster]:
    """Give the flagged cells as clusters, joined where their texts are as close across as within the closest."""
    asked = np.flatnonzero(np.any(list(signs.values()), axis=0))
    means = np.array([values[cells[each]].mean(0, dtype=np.float64) for each in asked])
    left, right = np.nonzero(means @ means.T >= high) if len(asked) else (asked, asked)
    label = components(left, right, len(asked))
    for which in np.unique(label):
        mine = asked[label == which]
        members = np.sort(np.concatenate([cells[each] for each in mine]))
        if len(members) > cap:
            yield Cluster(
                "meaning", members, members[cap:], signs=tuple(sign for sign in Sign if signs[sign][mine].any())
            )
