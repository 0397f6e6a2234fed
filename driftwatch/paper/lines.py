"""Line charts as inline SVG whose lines stretch with the page while their words keep their size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.paper.frame import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Down = Callable[[float], float]

_TOP, _BOTTOM, _ROW = 36, 24, 15
_FINE = 10_000
"""Grid of the stretched part: fine enough for any screen."""
_LEFT_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One window's value.

    Args:
        x: place across, 0 to 1.
        y: the value.
        low: lower end of its interval; None without one.
        high: upper end.
        out: whether it is beyond the limit.
        words: what a pointer or a screen reader is told.
    """

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    out: bool = False
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A moment, as a line from top to bottom; ``kind`` is ``onset`` or ``alarm``."""

    x: float
    words: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A level, as a line from side to side.

    Args:
        y: the level.
        words: its figure, written beside the chart.
        kind: ``grid`` or ``limit``.
        name: what it is, written into the chart.
    """

    y: float
    words: str
    kind: str = "grid"
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """What a chart shows.

    Args:
        words: what it is, for who cannot see it.
        runs: of neighbouring windows with a value; a gap parts two runs.
        base: the level the values are compared with, run by run.
        marks: moments; at most two, for their labels' sake.
        rules: levels.
        here: from where to where the page's own window reaches.
        ends: what is written below the left, the middle and the right end.
        height: of the plot in pixels.
    """

    words: str
    runs: Sequence[Sequence[Point]]
    base: Sequence[Sequence[Point]] = ()
    marks: Sequence[Mark] = ()
    rules: Sequence[Rule] = ()
    here: tuple[float, float] | None = None
    ends: Sequence[str] = ()
    height: int = 180

    def svg(self) -> str:
        """Draw it."""
        low, high = self._reach()

        def down(value: float) -> float:
            return (high - value) / (high - low)

        stretched = "".join(
            [
                *(_band(run, down) for run in self.runs),
                *(_polyline(run, down, "base") for run in self.base),
                *(_polyline(run, down, "line") for run in self.runs),
            ]
        )
        right = any(mark.x < _LEFT_HALF for mark in self.marks)
        view = f'viewBox="0 0 {_FINE} {_FINE}" preserveAspectRatio="none"'
        plot = (
            f"{self._here()}{''.join(_rule(rule, down(rule.y)) for rule in self.rules)}"
            f'<svg {view} width="100%" height="100%">{stretched}</svg>'
            f"{''.join(_dot(point, down(point.y)) for run in self.runs for point in run)}"
            f"{''.join(_named(rule, down(rule.y), right=right) for rule in self.rules if rule.name)}"
        )
        marks = "".join(self._mark(mark, row) for row, mark in enumerate(_by_row(self.marks)))
        whole = _TOP + self.height + _BOTTOM
        axis = "".join(_level(rule, _TOP + down(rule.y) * self.height) for rule in self.rules)
        return (
            f'<div class="chart"><svg width="100%" height="{whole}" aria-hidden="true">{axis}</svg>'
            f'<svg width="100%" height="{whole}" role="img" aria-label="{safe(self.words)}">'
            f'<svg y="{_TOP}" width="100%" height="{self.height}">{plot}</svg>'
            f"{marks}{self._ends(whole)}</svg></div>"
        )

    def _reach(self) -> tuple[float, float]:
        """Return the lowest and highest value shown, with some air."""
        points = [point for run in (*self.runs, *self.base) for point in run]
        values = [rule.y for rule in self.rules]
        values += [value for p in points for value in (p.y, p.low, p.high) if value is not None]
        low, high = min(values), max(values)
        air = 0.06 * (high - low) or 1.0
        return low - air, high + air

    def _here(self) -> str:
        if self.here is None:
            return ""
        left, right = self.here
        return f'<rect class="here" x="{left:.2%}" y="0" width="{right - left:.2%}" height="100%"/>'

    def _mark(self, mark: Mark, row: int) -> str:
        foot, kind = _TOP + self.height, "over" if mark.kind == "alarm" else "strong"
        anchor, shift = ("start", -1) if mark.x < _LEFT_HALF else ("end", 1)
        return (
            f'<line class="{mark.kind}" x1="{mark.x:.2%}" x2="{mark.x:.2%}" y1="{row * _ROW + 3}" y2="{foot}"/>'
            f'<text class="{kind} halo" x="{mark.x:.2%}" dx="{-5 * shift}" y="{row * _ROW + 12}" '
            f'text-anchor="{anchor}">{safe(mark.words)}</text>'
        )

    def _ends(self, whole: int) -> str:
        places = {1: (0.0,), 2: (0.0, 1.0), 3: (0.0, 0.5, 1.0)}.get(len(self.ends), ())
        anchors = {0.0: "start", 0.5: "middle", 1.0: "end"}
        return "".join(
            f'<text x="{place:.0%}" y="{whole - 6}" text-anchor="{anchors[place]}">{safe(words)}</text>'
            for place, words in zip(places, self.ends, strict=False)
        )


def runs(points: Iterable[Point | None]) -> list[list[Point]]:
    """Part a row of points at its gaps."""
    found: list[list[Point]] = [[]]
    for point in points:
        if point is not None:
            found[-1].append(point)
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def _by_row(marks: Sequence[Mark]) -> Sequence[Mark]:
    """Return the marks from the highest label to the lowest, so that no line crosses another mark's label."""
    leftwards = all(mark.x >= _LEFT_HALF for mark in marks)
    return sorted(marks, key=lambda mark: mark.x, reverse=leftwards)


def _band(run: Sequence[Point], down: Down) -> str:
    sides = [(p.x, down(p.high), down(p.low)) for p in run if p.low is not None and p.high is not None]
    if len(sides) < 2:  # noqa: PLR2004 - an area needs two sides
        return ""
    there = [f"{x * _FINE:.0f},{top * _FINE:.0f}" for x, top, _ in sides]
    back = [f"{x * _FINE:.0f},{bottom * _FINE:.0f}" for x, _, bottom in reversed(sides)]
    return f'<polygon class="band" points="{" ".join(there + back)}"/>'


def _polyline(run: Sequence[Point], down: Down, kind: str) -> str:
    points = " ".join(f"{p.x * _FINE:.0f},{down(p.y) * _FINE:.0f}" for p in run)
    return f'<polyline class="{kind}" vector-effect="non-scaling-stroke" points="{points}"/>'


def _dot(point: Point, down: float) -> str:
    kind = "dot out" if point.out else "dot"
    return (
        f'<circle class="{kind}" cx="{point.x:.2%}" cy="{down:.2%}" r="{3.5 if point.out else 3}">'
        f"<title>{safe(point.words)}</title></circle>"
    )


def _rule(rule: Rule, down: float) -> str:
    zone = f'<rect class="zone" width="100%" height="{max(down, 0):.2%}"/>' if rule.kind == "limit" else ""
    return f'{zone}<line class="{rule.kind}" x1="0" x2="100%" y1="{down:.2%}" y2="{down:.2%}"/>'


def _level(rule: Rule, place: float) -> str:
    return f'<text x="100%" dx="-9" y="{place:.1f}" dy="4" text-anchor="end">{safe(rule.words)}</text>'


def _named(rule: Rule, down: float, *, right: bool) -> str:
    """Return the level's name at the end where no mark stands."""
    where = 'x="100%" dx="-4" text-anchor="end"' if right else 'x="0" dx="4"'
    return f'<text class="over halo" {where} y="{down:.2%}" dy="-6">{safe(rule.name)}</text>'
