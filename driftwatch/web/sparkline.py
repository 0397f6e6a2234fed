"""A small line chart as inline SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 240, 44
_MARGIN = 3


def sparkline(values: Sequence[float], *, limit: float | None, title: str) -> str:
    """Return the values, oldest first, as a line, with the limit dashed across and the last value as a dot.

    Args:
        values: at least one.
        limit: what the values are held against; None where there is no limit.
        title: for screen readers and as a tooltip; already escaped.
    """
    ends = [*values, *([limit] if limit is not None else [])]
    low, high = min(ends), max(ends)
    across = (WIDTH - 2 * _MARGIN) / max(len(values) - 1, 1)

    def y(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return HEIGHT - _MARGIN - share * (HEIGHT - 2 * _MARGIN)

    points = " ".join(f"{_MARGIN + i * across:.1f},{y(value):.1f}" for i, value in enumerate(values))
    x, last = points.rpartition(" ")[2].split(",")
    dashed = (
        f'<line class="limit" x1="0" x2="{WIDTH}" y1="{y(limit):.1f}" y2="{y(limit):.1f}"/>'
        if limit is not None
        else ""
    )
    over = " over" if limit is not None and values[-1] > limit else ""
    dot = f'<circle class="dot{over}" cx="{x}" cy="{last}" r="2.5"/>'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img"><title>{title}</title>'
        f'{dashed}<polyline class="line" points="{points}"/>{dot}</svg>'
    )
