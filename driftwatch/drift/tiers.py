"""Two tiers of encoders: a static one reads every text, a transformer a bounded part of each window.

Which part is decided by hash, so that it is the same on every host and after a restart, and says nothing of what the
texts say. Groups are chosen whole: rates of the reference are counted by groups or by texts of whole groups, and of
torn ones the larger would be seen more often. A group's number is the hash of the first of its texts in the window:
neither has a large group more chances than a small one, as it would by the least hash of its texts, nor is a session
or author that goes on for weeks read always or never, as by the hash of its name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import Reference, ReferencePart, Window
from driftwatch.drift.evidence.blocks import group_numbers
from driftwatch.drift.evidence.seen import keys
from driftwatch.drift.features import take

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.features import Features
    from driftwatch.domain.text import Text

Rows = npt.NDArray[np.int64]
_SALT = "transformer tier:"  # intake samples by the same ids: its choice must not be this one


def chosen(texts: Sequence[Text], *, most: int) -> Rows:
    """Return the rows that the transformer tier reads, int64 [m], ascending: whole groups, as many as fit.

    Of a group too large by itself its first texts are read: nothing else would ever be read then.

    Args:
        texts: of a window, in store order.
        most: texts read.
    """
    if len(texts) <= most:
        return np.arange(len(texts), dtype=np.int64)
    groups = group_numbers([text.group for text in texts])
    _, firsts, sizes = np.unique(groups, return_index=True, return_counts=True)
    order = np.argsort(keys(_SALT + texts[row].id for row in firsts.tolist()), kind="stable")
    fit = int(np.searchsorted(np.cumsum(sizes[order]), most, side="right"))
    rows: Rows = np.flatnonzero(np.isin(groups, order[: max(fit, 1)]))
    return rows[:most]


def thinned(features: Features, rows: Rows) -> Features:
    """Return the features with what the transformer tier read of the given rows only; as they are without a tier."""
    tier = features.tier
    if tier is None:
        return features
    kept = np.flatnonzero(np.isin(tier.rows, rows))
    embeddings = replace(tier.embeddings, values=tier.embeddings.values[kept])
    return replace(features, tier=replace(tier, rows=tier.rows[kept], embeddings=embeddings))


def read_by_all(features: Features) -> Features:
    """Return the features without the transformer tier."""
    return features if features.tier is None else replace(features, tier=None)


def read_closely(features: Features) -> Features:
    """Return the features of the texts that the transformer tier read, its embeddings in place of the static ones.

    Where one encoder reads every text that is all of them, as they are.
    """
    if features.tier is None:
        return features
    return replace(take(read_by_all(features), features.tier.rows), embeddings=features.tier.embeddings)


def close_window(window: Window) -> Window:
    """Return the texts of a window that the transformer tier read, by its embeddings; itself where one reads all."""
    tier = window.features.tier
    if tier is None:
        return window
    return replace(
        window,
        texts=tuple(window.texts[row] for row in tier.rows.tolist()),
        features=read_closely(window.features),
        seqs=tuple(window.seqs[row] for row in tier.rows.tolist()) if window.seqs else (),
    )


def wide_reference(reference: Reference) -> Reference:
    """Return a reference as the encoder sees it that reads every text."""
    if reference.tier is None:
        return reference
    parts = [
        replace(part, features=read_by_all(part.features))
        for part in (reference.train, reference.cal, reference.heldout)
    ]
    return replace(reference, train=parts[0], cal=parts[1], heldout=parts[2], tier=None)


def close_reference(reference: Reference) -> Reference:
    """Return a reference as the transformer tier sees it, which read all its texts; itself where there is no tier."""
    if reference.tier is None:
        return reference
    train, cal, heldout = (_close_part(part) for part in (reference.train, reference.cal, reference.heldout))
    return replace(reference, encoder=reference.tier, tier=None, train=train, cal=cal, heldout=heldout)


def _close_part(part: ReferencePart) -> ReferencePart:
    return ReferencePart(texts=part.texts, features=read_closely(part.features))
