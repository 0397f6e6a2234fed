"""Texts that are alike: near duplicates and clusters, by MinHash and locality-sensitive hashing.

The bands are sorted rather than kept in hash tables: for a million texts that takes an array of 8 MB a band at a time,
where rensa's own index takes 0.9 GB and gives candidates only, datasketch's 3 GB (ADR 16).

Source: Leskovec, Rajaraman and Ullman 2020, Mining of massive datasets, section 3.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.retrain.collect.hashing import mixed

if TYPE_CHECKING:
    from collections.abc import Iterator

Rows = npt.NDArray[np.int64]
Signatures = npt.NDArray[np.uint32]

_BAND = 4
"""Numbers a band: of texts with a Jaccard index of 0.7 (0.6) 99% (89%) share one of the 16 bands."""

_LEADERS = 8
"""Rounds in one bucket: texts in it that are like none of so many before them wait for the next band."""

_COMPARED = 100_000


def near_duplicates(signatures: Signatures, *, least: float) -> Rows:
    """Return for every text the one that it repeats.

    Args:
        signatures: uint32 [n, slots], the texts that should rather stay first.
        least: overlap (Jaccard index as the signatures estimate it) from which a text repeats another.

    Returns:
        int64 [n], the row of an earlier text that this one repeats, or −1 for a text that stays.
    """
    repeats = np.full(len(signatures), -1, np.int64)
    for band in range(signatures.shape[1] // _BAND):
        alive = np.flatnonzero(repeats < 0)
        for rows, leaders in _led(signatures, alive, band, least=least):
            repeats[rows] = leaders
    return repeats


def clusters(signatures: Signatures, *, least: float) -> npt.NDArray[np.int64]:
    """Return the cluster of each text: texts that are alike, directly or through others, are in one.

    Args:
        signatures: uint32 [n, slots].
        least: overlap from which two texts are linked.

    Returns:
        int64 [n], equal for texts of one cluster.
    """
    links: list[tuple[Rows, Rows]] = []
    everything = np.arange(len(signatures))
    for band in range(signatures.shape[1] // _BAND):
        links.extend(_led(signatures, everything, band, least=least))
    return components(
        np.concatenate([np.zeros(0, np.int64), *(rows for rows, _ in links)]),
        np.concatenate([np.zeros(0, np.int64), *(leaders for _, leaders in links)]),
        len(signatures),
    )


def components(left: Rows, right: Rows, count: int) -> npt.NDArray[np.int64]:
    """Return the connected component of each of ``count`` nodes, given the two ends of each link."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def _led(signatures: Signatures, rows: Rows, band: int, *, least: float) -> Iterator[tuple[Rows, Rows]]:
    """Give rows with the earlier row of their bucket that they are like."""
    keys = _keys(signatures, rows, band)
    order = np.argsort(keys, kind="stable")
    rows, keys = rows[order], keys[order]
    for _ in range(_LEADERS):
        first = np.ones(len(keys), dtype=bool)
        first[1:] = keys[1:] != keys[:-1]
        if first.all():
            return
        leaders = rows[np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))]
        like = _overlap(signatures, rows, leaders, ~first) >= least
        yield rows[like], leaders[like]
        left = ~first & ~like
        rows, keys = rows[left], keys[left]


def _keys(signatures: Signatures, rows: Rows, band: int) -> npt.NDArray[np.uint64]:
    keys = np.full(len(rows), band, np.uint64)
    for slot in range(band * _BAND, (band + 1) * _BAND):
        keys = mixed(keys ^ signatures[rows, slot])
    return keys


def _overlap(signatures: Signatures, left: Rows, right: Rows, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the share of slots in which two rows agree, −1 where not asked."""
    found = np.full(len(left), -1.0)
    asked = np.flatnonzero(where)
    for start in range(0, len(asked), _COMPARED):
        part = asked[start : start + _COMPARED]
        found[part] = (signatures[left[part]] == signatures[right[part]]).mean(axis=1)
    return found
