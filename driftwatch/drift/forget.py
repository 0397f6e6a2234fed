"""A reference without a group's texts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.drift.evidence.known import short
from driftwatch.drift.features import take

if TYPE_CHECKING:
    from collections.abc import Collection

    from driftwatch.domain.drift import Reference, ReferencePart
    from driftwatch.domain.text import Text


def reference_texts(reference: Reference, group: str) -> list[Text]:
    """Return a group's texts in a reference."""
    parts = (reference.train.texts, reference.cal.texts, reference.heldout.texts, reference.memory)
    return [text for part in parts for text in part if text.group == group]


def without_group(reference: Reference, group: str, *, bodies: Collection[str]) -> Reference | None:
    """Return a reference without a group's texts, their features and hashes; None where it holds none.

    Args:
        reference: as it is.
        group: whose texts.
        bodies: of its texts, known from elsewhere too: the hashes of those not chosen for the reference go likewise.
    """
    own = {text.body for text in reference_texts(reference, group)} | set(bodies)
    others = reference.others
    if others is not None and own:
        left = np.setdiff1d(others, short(sorted(own)))
        others = left if len(left) else None
    hashes = (0 if each is None else len(each) for each in (reference.others, others))
    if not reference_texts(reference, group) and len(set(hashes)) == 1:
        return None
    return replace(
        reference,
        version="",
        train=_part(reference.train, group),
        cal=_part(reference.cal, group),
        heldout=_part(reference.heldout, group),
        memory=tuple(text for text in reference.memory if text.group != group),
        others=others,
    )


def _part(part: ReferencePart, group: str) -> ReferencePart:
    rows = np.array([row for row, text in enumerate(part.texts) if text.group != group], np.int64)
    if len(rows) == len(part.texts):
        return part
    return replace(part, texts=tuple(part.texts[row] for row in rows), features=take(part.features, rows))
