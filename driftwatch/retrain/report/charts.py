"""Pictures of a run: intervals against limits, the loss of a training, the curves of a merge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.paper.frame import safe
from driftwatch.paper.lines import LineChart, Mark, Point, Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.retrain.merge.curve import MergeCurve, MergePoint
    from driftwatch.retrain.report.trail import TrainedStep

_MOST_POINTS = 60
_AIR = 0.04
_APART = 0.15
"""Share of a chart's height that two figures beside it need."""
_ENDS = ("champion", "half-way", "fine-tuned")


def interval(value: float, low: float, high: float, *, limit: float, least: bool) -> str:
    """Draw an estimate with its interval against a limit, zero marked.

    Args:
        value: the estimate.
        low: lower end.
        high: upper end.
        limit: what it is held against.
        least: whether the limit is the least that is wanted, not the most that is allowed.
    """
    ends = (value, low, high, limit, 0.0)
    left, width = min(ends), (max(ends) - min(ends)) or 1.0

    def at(place: float) -> str:
        return f"{_AIR + (1 - 2 * _AIR) * (place - left) / width:.2%}"

    beyond = value < limit if least else value > limit
    words = f"{value:+.4f}, interval {low:+.4f} to {high:+.4f}, {'least' if least else 'most'} {limit:g}"
    wall = f'<line class="limit" x1="{at(limit)}" x2="{at(limit)}" y1="1" y2="19"/>'
    return (
        f'<svg width="100%" height="20" style="min-width:8rem" role="img" aria-label="{words}"><title>{words}</title>'
        f'<line class="grid" x1="0" x2="100%" y1="10" y2="10"/>'
        f'<line class="grid" x1="{at(0)}" x2="{at(0)}" y1="4" y2="16"/>{wall}'
        f'<line class="whisker" x1="{at(low)}" x2="{at(high)}" y1="10" y2="10"/>'
        f'<circle class="at{" out" if beyond else ""}" cx="{at(value)}" cy="10" r="4.5"/></svg>'
    )


def training(steps: Sequence[TrainedStep], *, unit: str) -> str:
    """Draw the loss of a training over its steps, means of neighbours where there are many; ``unit`` is the loss's."""
    size = -(-len(steps) // _MOST_POINTS)
    lots = [steps[start : start + size] for start in range(0, len(steps), size)]
    last = max(steps[-1].step, 2)
    points = [
        Point(
            x=(lot[-1].step - 1) / (last - 1),
            y=sum(each.loss for each in lot) / len(lot),
            words=f"step {lot[-1].step:,}: {sum(each.loss for each in lot) / len(lot):.3f} {unit}",
        )
        for lot in lots
    ]
    losses = [point.y for point in points]
    chart = LineChart(
        words=f"Training loss over {steps[-1].step:,} steps, from {losses[0]:.3f} to {losses[-1]:.3f} {unit}",
        runs=[points],
        rules=[Rule(y=value, words=f"{value:.2f}") for value in sorted({min(losses), max(losses)})],
        ends=["step 1", f"step {steps[-1].step:,}"],
        height=150,
    )
    return f"<figure>{chart.svg()}</figure>"


def merge(curve: MergeCurve) -> str:
    """Draw gain and forgetting against the coefficient, with their limits and the chosen one marked."""
    gains = [
        _point(each, each.gain, each.gain_low, each.gain_high, out=each.gain_low < curve.min_gain)
        for each in curve.points
    ]
    losses = [
        _point(each, each.loss, each.loss_low, each.loss_high, out=each.bound > curve.max_loss or bool(each.refused))
        for each in curve.points
    ]
    here = Point(x=0.0, y=0.0, words="the champion")
    mark = Mark(x=curve.chosen, words=f"chosen: {curve.chosen:.3g}", kind="onset")
    gain = LineChart(
        words=f"Gain on fresh text for {len(gains)} coefficients",
        runs=[[here, *gains]],
        marks=[mark],
        rules=[
            Rule(y=curve.min_gain, words=f"{curve.min_gain:g}", kind="base"),
            *_scale([point.y for point in gains], near=curve.min_gain),
        ],
        ends=_ENDS,
        height=150,
    )
    forgetting = LineChart(
        words=f"Forgetting on the reference's text for {len(losses)} coefficients",
        runs=[[here, *losses]],
        marks=[mark],
        rules=[
            Rule(y=curve.max_loss, words=f"{curve.max_loss:g}", kind="limit", name="most allowed"),
            *_scale([point.y for point in losses], near=curve.max_loss),
        ],
        ends=_ENDS,
        height=150,
    )
    return (
        '<div class="two">'
        f"<figure><figcaption>Gain on fresh text, {curve.taken.unit}; dashed: the least wanted</figcaption>"
        f"{gain.svg()}</figure>"
        f"<figure><figcaption>Forgetting on the reference's text, {curve.taken.unit}</figcaption>"
        f"{forgetting.svg()}</figure></div>"
    )


def _point(each: MergePoint, value: float, low: float, high: float, *, out: bool) -> Point:
    paid = f"; slices that pay for it: {', '.join(each.sacrificed)}" if each.sacrificed else ""
    words = f"{each.coefficient:.3g} of the way: {value:+.4f} ({low:+.4f} to {high:+.4f}){paid}"
    return Point(x=each.coefficient, y=value, low=low, high=high, out=out, words=safe(words))


def _scale(values: Sequence[float], *, near: float) -> list[Rule]:
    """Return zero and the furthest value as levels, but for those whose figure would lie on another's."""
    furthest = max(values, key=abs)
    apart = _APART * (max(abs(furthest), abs(near), abs(furthest - near)) or 1.0)
    levels = [0.0, furthest] if abs(furthest) > apart else [0.0]
    return [Rule(y=level, words=f"{level:.2g}") for level in levels if abs(level - near) > apart]
