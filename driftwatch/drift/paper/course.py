"""How it went over the last windows: the evidence against its threshold, and the model's loss against its baseline."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from driftwatch.drift.paper.sentences import alarmed, measure, model_sentence
from driftwatch.paper.frame import safe, said, section
from driftwatch.paper.lines import LineChart, Mark, Point, Rule, runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from driftwatch.domain.drift import WindowResult

_MODEL = "The model's loss"
_LEAST_WINDOWS = 2
_LEAST_REACH = 1.0
_LOWEST, _HIGHEST = -20.0, 400.0
"""Powers of ten beyond which evidence is drawn at the edge."""
_SUPERSCRIPTS = str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
_MOST_LEVELS = 4


class Course:
    """A stream's windows around the one that is shown.

    Args:
        result: of the window shown.
        history: of windows before and after it, in any order, with or without it.
    """

    def __init__(self, result: WindowResult, history: Sequence[WindowResult]) -> None:
        known = {each.index: each for each in history if each.stream == result.stream}
        self._result = result
        self._windows = [each for _, each in sorted({**known, result.index: result}.items())]
        self._first = self._windows[0].first_seq
        self._texts = max(sum(each.texts for each in self._windows), 1)

    @property
    def alarm(self) -> WindowResult | None:
        """The window in which the alarm that is in force was raised, as far as is known."""
        found = None
        for each in reversed([each for each in self._windows if each.index <= self._result.index]):
            if not alarmed(each):
                break
            found = each
        return found

    def evidence(self) -> str:
        """Return the evidence over the windows; nothing where none was measured."""
        points = runs(self._evidence(each) for each in self._windows)
        if sum(map(len, points)) < _LEAST_WINDOWS:
            return ""
        values = [point.y for run in points for point in run]
        chart = LineChart(
            words=f"Evidence over {len(values)} windows, from {min(values):.1f} to {max(values):.1f} powers of ten "
            "over the alarm's threshold",
            runs=points,
            marks=self._marks(),
            rules=_levels(min(values), max(values)),
            here=self._here(),
            ends=self._ends(),
            height=200,
        )
        note = (
            "Evidence against \u201cthe text is like the reference\u201d, at its highest in each window, as a multiple "
            "of the alarm's threshold. Shaded: this window."
        )
        title = "Since when" if self._result.onset is not None or alarmed(self._result) else "Evidence so far"
        return section(title, f"<figure>{chart.svg()}</figure>", note=note)

    def loss(self) -> str:
        """Return the model's loss over the windows; nothing without a model."""
        found = [(_loss(each, self._x(each)), _base(each, self._x(each))) for each in self._windows]
        points = runs(point for point, _ in found)
        increase = measure(self._result, "loss.increase")
        words = f"<p>{safe(model_sentence(increase, unit=self._result.loss_unit))}</p>" if increase is not None else ""
        if sum(map(len, points)) < _LEAST_WINDOWS:
            return section(_MODEL, words)
        chart = LineChart(
            words=f"The model's loss over {sum(map(len, points))} windows, against its baseline",
            runs=points,
            base=runs(base for _, base in found),
            marks=self._marks(),
            here=self._here(),
            ends=self._ends(),
            rules=_scale(points),
            height=150,
        )
        unit = self._result.loss_unit.words
        note = f"Loss in {unit} with its 95% interval; dashed: its baseline on the reference's text."
        return section(_MODEL, f"{words}<figure>{chart.svg()}</figure>", note=note)

    def _x(self, window: WindowResult) -> float:
        return self._place(window.last_seq)

    def _place(self, seq: int) -> float:
        """Return where a place in the store lies, 0 to 1, by the stream's own texts: others have numbers in between."""
        before = 0.0
        for each in self._windows:
            if seq < each.first_seq:
                break
            before += each.texts * min((seq - each.first_seq + 1) / (each.last_seq - each.first_seq + 1), 1.0)
        return min(before / self._texts, 1.0)

    def _evidence(self, window: WindowResult) -> Point | None:
        found = measure(window, "drift.evidence")
        if found is None:
            return None
        words = f"window {window.index}, {said(window.last_seen_at)} UTC: threshold \u00d7 10^{found.value:.1f}"
        return Point(x=self._x(window), y=min(max(found.value, _LOWEST), _HIGHEST), out=found.value >= 0, words=words)

    def _marks(self) -> list[Mark]:
        onset, alarm = self._result.onset, self.alarm
        marks = []
        if onset is not None and onset.seq >= self._first:
            words = f"onset, about {_short(onset.seen_at)}"
            marks.append(Mark(x=self._place(onset.seq), words=words, kind="onset"))
        if alarm is not None:
            marks.append(Mark(x=self._x(alarm), words=f"alarm, window {alarm.index}", kind="alarm"))
        return marks

    def _here(self) -> tuple[float, float]:
        return self._place(self._result.first_seq), self._place(self._result.last_seq)

    def _ends(self) -> list[str]:
        shown = [self._windows[0].first_seen_at, self._windows[-1].last_seen_at]
        if shown[0] == shown[1]:
            return [f"window {self._windows[0].index}", f"window {self._windows[-1].index}"]
        return [_short(at) for at in shown]


def _loss(window: WindowResult, x: float) -> Point | None:
    found = measure(window, "loss.nats")
    if found is None:
        return None
    words = f"window {window.index}, {said(window.last_seen_at)} UTC: {found.value:.2f} {window.loss_unit.words}"
    return Point(x=x, y=found.value, low=found.low, high=found.high, words=words)


def _base(window: WindowResult, x: float) -> Point | None:
    loss, increase = measure(window, "loss.nats"), measure(window, "loss.increase")
    return None if loss is None or increase is None else Point(x=x, y=loss.value - increase.value)


def _levels(low: float, high: float) -> list[Rule]:
    """Return the threshold and some powers of ten around it."""
    low, high = min(low, -_LEAST_REACH), max(high, _LEAST_REACH)
    step = next(each for each in (1, 2, 5, 10, 20, 50, 100, 200) if (high - low) / each <= _MOST_LEVELS)
    powers = range(int(low // step) * step, int(high // step + 1) * step, step)
    rules = [
        Rule(y=power, words=f"\u00d7 10{str(power).translate(_SUPERSCRIPTS)}")
        for power in powers
        if power and low <= power <= high
    ]
    return [*rules, Rule(y=0, words="\u00d7 1", kind="limit", name="alarm threshold")]


def _scale(points: Sequence[Sequence[Point]]) -> list[Rule]:
    """Return the lowest and the highest loss as levels."""
    values = [point.y for run in points for point in run]
    return [Rule(y=value, words=f"{value:.2f}") for value in sorted({min(values), max(values)})]


def _short(at: datetime) -> str:
    here = at.astimezone(UTC)
    return f"{here.day} {here:%b %H:%M}"
