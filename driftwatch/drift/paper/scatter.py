"""The map: texts on a plane, the reference as grey dust, each cluster of the window with a colour, shape and number."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from driftwatch.domain.drift import DriftMap

_SIDE, _MARGIN, _RADIUS = 400, 14, 4.0
COLOURS = 8
"""As many clusters have a colour of their own; those after them share the last."""


def scatter(drift_map: DriftMap, *, clusters: int) -> str:
    """Draw the map.

    Args:
        drift_map: the points.
        clusters: number of the clusters there are; a point of any other cluster is drawn as one of none.
    """
    members: dict[int, list[tuple[float, float]]] = {number: [] for number in range(clusters)}
    rest: list[tuple[float, float]] = []
    for point, number in zip(drift_map.window, drift_map.clusters, strict=False):
        members.get(number, rest).append(_place(point))
    coloured = "".join(
        f'<path fill="var(--c{colour(number)})" d="{"".join(_outline(number, x, y) for x, y in points)}"/>'
        for number, points in members.items()
        if points
    )
    numbers = "".join(_number(number, points) for number, points in members.items() if points)
    words = f"Map of {len(drift_map.reference)} texts of the reference and {len(drift_map.window)} of this window"
    size = f'viewBox="0 0 {_SIDE} {_SIDE}" width="{_SIDE}" height="{_SIDE}" style="width:100%;height:auto"'
    return (
        f'<svg {size} role="img" '
        f'aria-label="{words}"><rect class="plane" width="{_SIDE}" height="{_SIDE}" rx="6"/>'
        f'<path class="dust" d="{_dots(map(_place, drift_map.reference))}"/><path class="rest" d="{_dots(rest)}"/>'
        f"{coloured}{numbers}</svg>"
    )


def shape(number: int) -> str:
    """Return the sign of a cluster, for legends and headings."""
    return (
        f'<svg class="shape" viewBox="-6 -6 12 12" width="14" height="14" aria-hidden="true">'
        f'<path fill="var(--c{colour(number)})" transform="scale(1.25)" d="{_outline(number, 0, 0)}"/></svg>'
    )


def dot(kind: str) -> str:
    """Return the sign of the texts in no cluster: ``dust`` for the reference's, ``rest`` for the window's."""
    return (
        '<svg class="shape" viewBox="-6 -6 12 12" width="14" height="14" aria-hidden="true">'
        f'<path class="{kind}" style="stroke-width:6" d="M0 0h0"/></svg>'
    )


def colour(number: int) -> int:
    """Return the colour of a cluster."""
    return min(number, COLOURS - 1)


def _place(point: tuple[float, float]) -> tuple[float, float]:
    room = _SIDE - 2 * _MARGIN
    x, y = (min(max(each, 0.0), 1.0) for each in point)
    return _MARGIN + x * room, _MARGIN + (1 - y) * room


def _dots(points: Iterable[tuple[float, float]]) -> str:
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)


def _outline(number: int, x: float, y: float) -> str:
    """Return a circle, square, triangle or diamond about a place."""
    r = _RADIUS
    return (
        f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z",
        f"M{x - 3.5:.1f} {y - 3.5:.1f}h7v7h-7z",
        f"M{x:.1f} {y - 4.6:.1f}l4.6 8h-9.2z",
        f"M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z",
    )[number % 4]


def _number(number: int, points: Sequence[tuple[float, float]]) -> str:
    x, y = median(x for x, _ in points), median(y for _, y in points)
    return (
        f'<text class="plane-label halo" style="font-size:17px" x="{x:.1f}" y="{y + 6:.1f}" '
        f'text-anchor="middle">{number + 1}</text>'
    )
