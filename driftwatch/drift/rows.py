"""Which of a window's texts a method may count: distinct ones, or ones that don't depend on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.seen import keys_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.drift import Window
    from driftwatch.domain.text import Text
    from driftwatch.drift.evidence.known import Known

Rows = npt.NDArray[np.int64]
LEAST_UNKNOWN = 20
"""Fewest unknown texts of a window that are worth a comparison."""
MOST_RECURRING = 0.02
"""Share of the reference's bodies that a window may hold for null bands to hold (see :func:`few_recur`)."""
_LEAST_GROUPS = 2


def distinct(window: Window) -> tuple[Rows, list[str]]:
    """Return the rows of the first of each body, and the group of each; a text without a group is its own."""
    first: dict[str, int] = {}
    for row, text in enumerate(window.texts):
        first.setdefault(text.body, row)
    rows = list(first.values())
    return np.asarray(rows, dtype=np.int64), groups([window.texts[row] for row in rows], prefix="w")


def groups(texts: Sequence[Text], *, prefix: str) -> list[str]:
    """Return the name of each text's group, different for different prefixes; a text without one is its own."""
    return [f"{prefix}g{text.group}" if text.group is not None else f"{prefix}t{row}" for row, text in enumerate(texts)]


def grouped(texts: Sequence[Text]) -> bool:
    """Say whether every text names its group, so that groups can be permuted whole."""
    return all(text.group is not None for text in texts)


def independent(window: Window, *, seed: int) -> Rows:
    """Return one distinct row per group, drawn by chance, in store order.

    A session's first text is no fair sample of its texts, so the row is drawn.
    """
    rows, names = distinct(window)
    order = np.random.default_rng([seed, 5, window.index]).permutation(len(rows))
    _, firsts = np.unique(np.asarray(names)[order], return_index=True)
    chosen: Rows = np.sort(rows[order[firsts]])
    return chosen


def unknown(window: Window, rows: Rows, known: Known) -> Rows:
    """Return those of the rows whose bodies the reference does not know.

    The reference holds a body once, however often its log did. Where bodies recur, a window's distinct texts hold more
    of these than the reference's, so that both differ without drift. What the reference does not know word for word
    lies to the window as its texts lie to the log, but for those of its own that recur.
    """
    found: Rows = rows[known.new_of(window, rows)]
    return found


def few_recur(window: Window, known: Known) -> bool:
    """Say whether so few of the reference's bodies are seen to recur that its other texts show what is usual.

    Which of its bodies recur the reference does not tell; those that the window holds are some of them. Where they are
    more than one in fifty, the others are too many as well for a null band drawn from all.
    """
    held = known(np.unique(keys_of(window)))
    return float(held.sum()) <= MOST_RECURRING * len(known)


def units(window: Window, *, whole: bool, seed: int, most: int) -> tuple[Rows, list[str]]:
    """Return the rows that a permutation test compares, and what it keeps together.

    Args:
        window: whose rows.
        whole: the reference's texts name their groups, so that groups can be permuted whole among groups; otherwise one
            text a group counts: mixed with lone texts, groups would look less spread than they are.
        seed: of every draw.
        most: texts; of more some are drawn by chance, groups whole.
    """
    rows, labels = distinct(window) if whole else (independent(window, seed=seed), [])
    texts = [window.texts[row] for row in rows]
    if len(rows) > most:
        kept = whole_groups(texts, np.random.default_rng([seed, 10, window.index]), most=most, whole=whole)
        rows, labels = rows[kept], [labels[row] for row in kept] if whole else []
    return rows, labels if whole else [f"w{row}" for row in rows]


def whole_groups(texts: Sequence[Text], random: np.random.Generator, *, most: int, whole: bool | None = None) -> Rows:
    """Return about ``most`` rows drawn by chance, ascending, no group torn.

    Args:
        texts: to choose among.
        random: source of chance.
        most: rows.
        whole: whether to draw groups instead of texts; None to do so where every text names its group.
    """
    if not (grouped(texts) if whole is None else whole):
        return np.sort(random.permutation(len(texts))[:most])
    _, members = np.unique(np.asarray(groups(texts, prefix="r")), return_inverse=True)
    weights = np.bincount(members)
    order = random.permutation(len(weights))
    chosen = np.zeros(len(weights), dtype=bool)
    chosen[order[np.cumsum(weights[order]) <= most]] = True
    chosen[order[:_LEAST_GROUPS]] = True
    found: Rows = np.flatnonzero(chosen[members])
    return found


def spaced(rows: Rows, *, apart: int, seed: int, index: int) -> Rows:
    """Return one row, drawn by chance, of every ``apart`` consecutive texts.

    Args:
        rows: to choose among, ascending.
        apart: how many consecutive texts may depend on each other; 1 where none do.
        seed: of the draw.
        index: the window's number.
    """
    if apart == 1:
        return rows
    order = np.random.default_rng([seed, 9, index]).permutation(len(rows))
    _, firsts = np.unique(rows[order] // apart, return_index=True)
    chosen: Rows = np.sort(rows[order[firsts]])
    return chosen


def one_of_each(texts: Sequence[Text], *, seed: int) -> Rows:
    """Return one row per group, drawn by chance, in order; a text without a group is its own."""
    order = np.random.default_rng([seed, 7]).permutation(len(texts))
    names = np.asarray(groups(texts, prefix="r"), dtype=object)[order]
    _, firsts = np.unique(names.astype(str), return_index=True)
    chosen: Rows = np.sort(order[firsts])
    return chosen
