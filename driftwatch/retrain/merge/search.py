"""Which coefficient: a coarse grid first, then closer looks where one may gain more within the limits."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from driftwatch.retrain.merge.curve import MergeCurve, MergePoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CLOSER_LOOKS = 4
"""Coefficients tried beyond the grid, at most."""

FINEST = 1 / 64
"""Coefficients nearer to each other than this are not told apart."""

_EDGE = 0.15
"""Share of a gap that a closer look keeps from its ends, so that each look narrows it."""

_CHAMPION = MergePoint(coefficient=0, gain=0, gain_low=0, gain_high=0, loss=0, loss_low=0, loss_high=0)


def search(
    measure: Callable[[float], MergePoint], grid: Sequence[float], *, min_gain: float, max_loss: float
) -> MergeCurve:
    """Return what was measured and the coefficient of the best gain among those that forget little enough.

    Where forgetting is what stands in the way of more gain, its limit is closed in on by false position; where the
    gain itself has its peak between coefficients, by parabolas.

    Args:
        measure: looks at one coefficient.
        grid: coefficients to begin with, above 0 and up to 1.
        min_gain: limit of the gain, for the reason and the record.
        max_loss: limit of the forgetting.
    """
    points = [measure(coefficient) for coefficient in sorted(set(grid))]
    for _ in range(CLOSER_LOOKS):
        closer = _closer(points, max_loss)
        if closer is None:
            break
        points = sorted([*points, measure(closer)], key=lambda point: point.coefficient)
    best = _best(points, max_loss)
    chosen = best if best is not None else min(points, key=lambda point: point.bound)
    return MergeCurve(
        points=tuple(points),
        chosen=chosen.coefficient,
        min_gain=min_gain,
        max_loss=max_loss,
        reason=_reason(chosen, within=best is not None, max_loss=max_loss),
    )


def lower(curve: MergeCurve, refusal: str) -> MergeCurve | None:
    """Return the curve with the best smaller coefficient chosen, the present one having been refused.

    What a gate minds grows with the distance from the champion, so the way leads down, a measured point at a time.

    Args:
        curve: as far as it was judged.
        refusal: the gate's words on the coefficient chosen.

    Returns:
        None where no smaller one was measured that keeps forgetting and gain within their limits.
    """
    points = tuple(
        replace(point, refused=refusal) if point.coefficient == curve.chosen else point for point in curve.points
    )
    left = [point for point in points if point.coefficient < curve.chosen and point.gain_low >= curve.min_gain]
    best = _best(left, curve.max_loss)
    if best is None:
        return None
    refused = ", ".join(f"{point.coefficient:.1%}" for point in points if point.refused)
    reason = f"{_reason(best, within=True, max_loss=curve.max_loss)} after {refused} of the way was refused: {refusal}"
    return replace(curve, points=points, chosen=best.coefficient, reason=reason)


def _allowed(point: MergePoint, max_loss: float) -> bool:
    return point.bound <= max_loss and not point.sacrificed


def _best(points: Sequence[MergePoint], max_loss: float) -> MergePoint | None:
    allowed = [point for point in points if _allowed(point, max_loss)]
    return max(allowed, key=lambda point: (point.gain, -point.coefficient), default=None)


def _closer(points: Sequence[MergePoint], max_loss: float) -> float | None:
    """Return the coefficient to look at next; None where no further look pays."""
    row = [_CHAMPION, *points]
    best = _best(row, max_loss)
    if best is None:
        return None
    place = row.index(best)
    above = row[place + 1] if place + 1 < len(row) else None
    if above is not None and not _allowed(above, max_loss):
        return _boundary(best, above, max_loss) if above.gain > best.gain else None
    if above is None or place == 0:
        return None
    return _peak(row[place - 1], best, above)


def _boundary(inside: MergePoint, outside: MergePoint, max_loss: float) -> float | None:
    """Return where the forgetting may reach its limit between a coefficient within it and one beyond."""
    gap = outside.coefficient - inside.coefficient
    if gap <= FINEST:
        return None
    share = (max_loss - inside.bound) / (outside.bound - inside.bound) if outside.bound > max_loss else 0.5
    return inside.coefficient + gap * min(max(share, _EDGE), 1 - _EDGE)


def _peak(left: MergePoint, best: MergePoint, right: MergePoint) -> float | None:
    """Return the top of the parabola through three points, where it is not on one of them."""
    x, y = best.coefficient, best.gain
    before, after = (y - left.gain) / (x - left.coefficient), (right.gain - y) / (right.coefficient - x)
    bend = (after - before) / (right.coefficient - left.coefficient)
    if bend >= 0:
        return None
    top = (left.coefficient + x) / 2 - before / (2 * bend)
    row = (left.coefficient, x, right.coefficient)
    near = any(low < top < high and min(top - low, high - top) > FINEST for low, high in pairwise(row))
    return top if near else None


def _reason(chosen: MergePoint, *, within: bool, max_loss: float) -> str:
    figures = f"gain {chosen.gain:+.4f}, forgetting {chosen.loss:+.4f} {chosen.unit} on the selection texts"
    way = "all of the way" if chosen.coefficient == 1 else f"{chosen.coefficient:.1%} of the way"
    if within:
        return f"{way}: {figures}, the best gain that keeps forgetting below {max_loss:g}"
    return f"{way}: {figures}; no coefficient keeps forgetting below {max_loss:g}"
