"""Pockets: texts of the window that keep company with each other, away from most texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    import scipy.sparse as sp

Matrix = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
NEIGHBOURS = 48
_FADING = 15.0
_TOKENS = np.float32(0.5)
_LEAST_TEXTS = 2
_MOST_TOKENS = 64
"""Of a text, the rarest: products of long texts with each other would take seconds."""
_POWER = 3
_ROWS = 512
_COLUMNS = 128


def pockets(places: Values, presence: sp.csr_matrix, labels: Sequence[str], second: Values) -> Values:
    r"""Return how much of each split's second sample lies in pockets of its own, float64 [b].

    Of all texts, whichever sample they are in, the nearest neighbours are found (half by meaning, half by
    words), and a text's novelty: the rank, between 0 and 1, of how little its neighbours resemble it. In a split, text
    *i* has the standard score :math:`z_i` of how many of its neighbours are of the second sample, nearer ones counting
    more, and the statistic is the sum of :math:`novelty_i \max(z_i, 0)^3` over the texts of the second sample. A new
    topic of 25 texts in a window of 500 moves the mean of 500 texts by little, but *its* texts have neighbours of the
    window only, where known texts have their usual third.

    Neighbours in different samples: Schilling 1986 (Journal of the American Statistical Association 81) and Henze 1988
    (Annals of Statistics 16), who count them for all texts alike. Here few texts with many count more than many with
    few (the power), and texts in thinly held places more than others (the novelty).

    Args:
        places: float64 [n, p], in coordinates in which distances mean something.
        presence: [n, vocabulary], 1 where a text holds a token.
        labels: n, of what is split whole: texts with the same one are no neighbours.
        second: float64 [n, b], 1 for the second sample of a split, both samples of at least one text.
    """
    import scipy.sparse as sp

    rows, similar = _nearest(_unit(places), _weighted(presence), np.unique(np.asarray(labels), return_inverse=True)[1])
    texts, count = rows.shape
    weights = np.exp(-np.arange(count) / _FADING).astype(np.float32)
    company = sp.csr_matrix(
        (np.tile(weights, texts), rows.ravel(), np.arange(0, texts * count + 1, count)), shape=(texts, texts)
    )
    novelty = (np.argsort(np.argsort(-similar)) + 0.5).astype(np.float32) / np.float32(texts)
    total, spread = float(weights.sum()), float(np.sqrt((weights**2).sum()))
    found = np.empty(second.shape[1])
    for start in range(0, second.shape[1], _COLUMNS):
        part = second[:, start : start + _COLUMNS].astype(np.float32)
        share = part.mean(0)
        scores = (company @ part - total * share) / (spread * np.sqrt(share * (1.0 - share)))
        np.maximum(scores, 0.0, out=scores)
        found[start : start + _COLUMNS] = novelty @ (part * scores**_POWER)
    return found


def _nearest(places: Matrix, documents: sp.csr_matrix, members: Rows) -> tuple[Rows, Matrix]:
    """Return each text's nearest texts of other groups, nearest first, int64 [n, k], and their mean similarity."""
    count = min(NEIGHBOURS, len(members) - int(np.bincount(members).max()))
    turned = documents.T.tocsr()
    nearest, similar = [], []
    for start in range(0, len(members), _ROWS):
        part = slice(start, start + _ROWS)
        likeness = places[part] @ places.T + _TOKENS * (documents[part] @ turned).toarray()
        likeness[members[part, None] == members] = -np.inf
        rows = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(likeness, rows, axis=1)
        order = np.argsort(-found, axis=1)
        nearest.append(np.take_along_axis(rows, order, axis=1))
        similar.append(found.mean(1))
    return np.concatenate(nearest), np.concatenate(similar)


def _unit(places: Values) -> Matrix:
    """Return the places as directions."""
    lengths = np.linalg.norm(places, axis=1, keepdims=True)
    found: Matrix = (places / np.maximum(lengths, 1e-12)).astype(np.float32)
    return found


def _weighted(presence: sp.csr_matrix) -> sp.csr_matrix:
    """Return the texts' rarest tokens weighted by rarity, each row of length 1; tokens of one text are left out.

    Source: Salton and Buckley 1988 (Information Processing and Management 24), binary term weight, idf, cosine.
    """
    import scipy.sparse as sp

    texts = presence.shape[0]
    holding = np.bincount(presence.indices, minlength=presence.shape[1])
    rarity = np.where(holding >= _LEAST_TEXTS, np.log(texts / np.maximum(holding, 1)), 0.0)
    rows, tokens = np.repeat(np.arange(texts), np.diff(presence.indptr)), presence.indices
    order = np.lexsort((tokens, -rarity[tokens], rows))
    kept = order[np.arange(len(order)) - presence.indptr[rows] < _MOST_TOKENS]
    rows, weights = rows[kept], rarity[tokens[kept]]
    lengths = np.sqrt(np.bincount(rows, weights**2, minlength=texts))
    scaled = (weights / np.maximum(lengths[rows], 1e-12)).astype(np.float32)
    return sp.csr_matrix((scaled, (rows, tokens[kept])), shape=presence.shape)
