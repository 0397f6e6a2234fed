"""The pictures of docs/statistics.md: ``python -m benchmarks.pictures [--data FOLDER]`` writes docs/pictures/*.svg."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.__main__ import BESIDE, KEPT
from benchmarks.evidence.running import first_alarm, fitted
from benchmarks.evidence.texts import Corpus, load, reference, windows

if TYPE_CHECKING:
    from collections.abc import Sequence

_FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 720, 300, 60, 46, 40
_COLOURS = ("#1f5fa8", "#b8470b", "#3a7d34")
_CHANGE = 2_000
_SHARES = (0.5, 0.2, 0.1, 0.05)
_BUDGETS = (1e4, 1e6, 1e8)


@dataclass(slots=True)
class Chart:
    """A line chart as SVG.

    Args:
        title: above it.
        across: name of the x axis.
        up: name of the y axis.
        x: its limits.
        y: its limits.
        log: whether both axes are logarithmic.
    """

    title: str
    across: str
    up: str
    x: tuple[float, float]
    y: tuple[float, float]
    log: bool = False
    _parts: list[str] = field(default_factory=list)
    _lines: int = 0

    def line(self, xs: Sequence[float], ys: Sequence[float], name: str, *, dots: bool = False) -> None:
        """Draw a line with its name in the legend."""
        colour = _COLOURS[self._lines % len(_COLOURS)]
        points = [(self._x(x), self._y(y)) for x, y in zip(xs, ys, strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if dots:
            self._parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points]
        place = _LEFT + 12 + 210 * self._lines
        self._parts.append(f'<rect x="{place}" y="24" width="14" height="4" fill="{colour}"/>')
        self._parts.append(f'<text x="{place + 20}" y="30">{name}</text>')
        self._lines += 1

    def mark(self, *, x: float | None = None, y: float | None = None, name: str = "") -> None:
        """Draw a dashed line across the chart with its name."""
        if y is not None:
            at = self._y(y)
            self._parts.append(f'<path class="mark" d="M{_LEFT} {at:.1f}H{_WIDTH - 10}"/>')
            self._parts.append(f'<text x="{_WIDTH - 14}" y="{at - 5:.1f}" text-anchor="end">{name}</text>')
        if x is not None:
            at = self._x(x)
            self._parts.append(f'<path class="mark" d="M{at:.1f} {_TOP}V{_HEIGHT - _BOTTOM}"/>')
            self._parts.append(f'<text x="{at + 5:.1f}" y="{_TOP + 12}">{name}</text>')

    def write(self, name: str, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> None:
        """Write the file."""
        ticks = [
            f'<text x="{self._x(tick):.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{tick:,.10g}</text>'
            for tick in x_ticks
        ]
        for tick in y_ticks:
            at = self._y(tick)
            ticks.append(f'<path class="grid" d="M{_LEFT} {at:.1f}H{_WIDTH - 10}"/>')
            ticks.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{tick:,.10g}</text>')
        (_FOLDER / f"{name}.svg").write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="{self.title}" font-family="system-ui,sans-serif" font-size="12" fill="#1c2733">'
            "<style>.grid{stroke:#e3e8ee}.mark{stroke:#5b6b7b;stroke-dasharray:5 4;fill:none}</style>"
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
            f'<text x="{_LEFT}" y="15" font-size="14" font-weight="600">{self.title}</text>'
            f"{''.join(ticks)}{''.join(self._parts)}"
            f'<text x="{(_WIDTH + _LEFT) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{self.across}</text>'
            f'<text x="14" y="{_HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 {_HEIGHT / 2})">{self.up}'
            "</text></svg>",
            encoding="utf-8",
        )

    def _x(self, value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 10) * self._part(value, self.x)

    def _y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * self._part(value, self.y)

    def _part(self, value: float, limits: tuple[float, float]) -> float:
        low, high = limits
        if self.log:
            low, high, value = float(np.log(low)), float(np.log(high)), float(np.log(max(value, 1e-9)))
        return min(max((value - low) / (high - low), 0.0), 1.0)


def peeking(corpus: Corpus) -> None:
    """Draw the false alarms of a p-value looked at after every window, and those of the evidence."""
    from driftwatch.drift.mmd import MmdDetector

    order = np.random.default_rng(1).permutation(np.flatnonzero(corpus.labels != "oos"))
    made = reference(corpus, order[:8_000], seed=1)
    test, evidence = MmdDetector(permutations=200).fit(made, seed=1), fitted(made, "independent")
    looked, bet, size = [0], [0], 200
    for window in windows(corpus, order[8_000:], arl=1e5, size=size):
        p = next(m.value for m in test.update(window).measures if m.name == "embedding.mmd_p")
        evidence.update(window)
        looked.append(looked[-1] + (p <= 0.05))
        bet.append(bet[-1] + (evidence.peak.height >= 0))
    texts = [size * number for number in range(len(looked))]
    top = max(looked[-1], 4)
    chart = Chart("False alarms on a stream without drift", "texts", "alarms so far", (0, texts[-1]), (0, top))
    chart.line(texts, looked, "p ≤ 0.05, each window of 200")
    chart.line(texts, bet, "evidence, A = 100,000")
    chart.write("peeking", range(0, texts[-1], 2_000), range(0, top + 1, 2))


def trace(corpus: Corpus) -> None:
    """Draw the evidence of a stream into which a new topic comes at 10%."""
    random = np.random.default_rng(2)
    old = random.permutation(np.flatnonzero((corpus.domains != "travel") & (corpus.labels != "oos")))
    new = random.permutation(np.flatnonzero(corpus.domains == "travel"))
    made = reference(corpus, old[:12_000], seed=2)
    stream = _changing(old[12_000:], new, 0.1, 2_000, random)
    chart = Chart(
        "Evidence, a new topic at 10% from text 2,000 on", "texts", "log10 over threshold", (0, 4_000), (-5, 2)
    )
    for dependence, name in ((8, "in blocks of 8"), ("independent", "text by text")):
        monitor = fitted(made, dependence)
        heights = []
        for window in windows(corpus, stream, arl=1e5, size=50):
            monitor.update(window)
            heights.append(float(np.clip(monitor.peak.height, -5, 2)))
            if heights[-1] >= 0:
                break
        chart.line([50 * (number + 1) for number in range(len(heights))], heights, name)
    chart.mark(y=0.0, name="alarm")
    chart.mark(x=_CHANGE, name="the topic begins")
    chart.write("evidence", range(0, 3_001, 500), range(-5, 3))


def delays(corpus: Corpus) -> None:
    """Draw the delay against the share of new texts for three budgets."""
    random = np.random.default_rng(3)
    chart = Chart("Texts to the alarm", "share of new texts, %", "texts", (4, 60), (8, 4_000), log=True)
    domains = sorted(set(corpus.domains[corpus.labels != "oos"]))[:5]
    made = {}
    for domain in domains:
        old = random.permutation(np.flatnonzero((corpus.domains != domain) & (corpus.labels != "oos")))
        made[domain] = (old, reference(corpus, old[:12_000], seed=3))
    for arl in _BUDGETS:
        medians = []
        for share in _SHARES:
            found = []
            for domain, (old, known) in made.items():
                drawn = np.random.default_rng([4, int(1_000 * share), domains.index(domain)])
                new = drawn.permutation(np.flatnonzero(corpus.domains == domain))
                stream = _changing(old[12_000:], new, share, 500, drawn)
                alarm = first_alarm(fitted(known, "independent"), windows(corpus, stream, arl=arl, size=50))
                found.append(alarm.text - 500 if alarm else 4_000)
            medians.append(float(np.median(found)))
        chart.line([100 * share for share in _SHARES], medians, f"A = 10^{int(np.log10(arl))}", dots=True)
    chart.write("delays", (5, 10, 20, 50), (10, 30, 100, 300, 1_000, 3_000))


def _changing(old: np.ndarray, new: np.ndarray, share: float, change: int, random: np.random.Generator) -> np.ndarray:
    """Return old texts with a share of new ones from a place on, no text twice."""
    is_new = random.random(4_000) < share
    is_new = is_new[: min(int(np.searchsorted(np.cumsum(is_new), len(new))), len(is_new))]
    after = np.empty(len(is_new), dtype=np.int64)
    after[is_new] = new[: is_new.sum()]
    after[~is_new] = old[change : change + (~is_new).sum()]
    return np.concatenate([old[:change], after])


def main() -> None:
    """Write all pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures")
    parser.add_argument("--data", type=Path, default=BESIDE, help="folder with corpora")
    parser.add_argument("--cache", type=Path, default=KEPT, help="where features are kept")
    arguments = parser.parse_args()
    corpus = load(arguments.data / "corpora" / "clinc150.jsonl", arguments.cache)
    for draw in (peeking, trace, delays):
        draw(corpus)


if __name__ == "__main__":
    main()
