"""Turns outcomes into the published tables and into rows with targets."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.delays import delay, of_case, run_length, tuned
from benchmarks.peers.exchange import Trials
from benchmarks.peers.methods import BY_NAME, CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from benchmarks.peers.exchange import Outcome

YARDSTICK = "alibi.mmd-online"
"""Its measured run length at its own threshold is what all others are tuned to."""
_PLACES = {entry.name: place for place, entry in enumerate(CATALOGUE)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table to print and to publish.

    Args:
        title: what it shows, on which texts.
        header: names of the columns.
        lines: cells, the method first.
    """

    title: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often one method alarmed in each case of one lot of trials.

    Args:
        outcome: what the runner found.
        cases: names.
        alarms: of each case.
        windows: of each case.
        case: of each of the outcome's trials.
    """

    outcome: Outcome
    cases: tuple[str, ...]
    alarms: tuple[int, ...]
    windows: tuple[int, ...]
    case: tuple[int, ...]

    def beside(self, other: Rates, case: str) -> tuple[float, float]:
        """Return the share of alarms of both on the windows of a case that both judged; NaN without any."""
        mine, theirs = self._of(case), other._of(case)
        common = sorted(mine.keys() & theirs.keys())
        if not common:
            return float("nan"), float("nan")
        return float(np.mean([mine[trial] for trial in common])), float(np.mean([theirs[trial] for trial in common]))

    def _of(self, case: str) -> dict[int, bool]:
        place = self.cases.index(case)
        judged = zip(self.outcome.trials, self.outcome.alarms, self.case, strict=True)
        return {trial: alarm for trial, alarm, kind in judged if kind == place}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How soon one method alarms at the common run length.

    Args:
        outcome: what the runner found.
        own_run_length: measured at the method's own level.
        run_length: measured at the tuned level.
        cases: names, without the quiet one.
        median: delay of each in texts.
        missed: share of the streams of each without an alarm.
        streams: of each that had no alarm before the onset.
    """

    outcome: Outcome
    own_run_length: float
    run_length: float
    cases: tuple[str, ...]
    median: tuple[float, ...]
    missed: tuple[float, ...]
    streams: tuple[int, ...]


def rates(folder: Path, outcomes: Iterable[Outcome]) -> dict[str, list[Rates]]:
    """Return the rates of windowed methods by lot of trials, methods in the catalogue's order."""
    found: dict[str, list[Rates]] = defaultdict(list)
    for outcome in sorted(outcomes, key=lambda each: _PLACES[each.job.method]):
        trials = Trials.load(folder / f"{outcome.job.trials}.npz")
        case = trials.case[list(outcome.trials)]
        alarms = np.array(outcome.alarms, dtype=bool)
        count = len(trials.cases)
        found[outcome.job.trials].append(
            Rates(
                outcome=outcome,
                cases=trials.cases,
                alarms=tuple(int(alarms[case == number].sum()) for number in range(count)),
                windows=tuple(int((case == number).sum()) for number in range(count)),
                case=tuple(int(each) for each in case),
            )
        )
    return dict(found)


def paces(folder: Path, outcomes: Sequence[tuple[Outcome, Path]]) -> dict[str, list[Pace]]:
    """Return the delays of methods of streams by lot of trials, at the yardstick's measured run length."""
    lots: dict[str, list[tuple[Outcome, Path]]] = defaultdict(list)
    for outcome, file in sorted(outcomes, key=lambda each: _PLACES[each[0].job.method]):
        lots[outcome.job.trials].append((outcome, file))
    found = {}
    for name, lot in lots.items():
        trials = Trials.load(folder / f"{name}.npz")
        traces = {outcome.job.method: _traces(file) for outcome, file in lot if outcome.trials}
        measured = {outcome.job.method: outcome for outcome, _ in lot}
        target = float("inf")
        if YARDSTICK in traces:
            target = _own_run_length(measured[YARDSTICK], trials, traces[YARDSTICK])
        target = target if np.isfinite(target) else 1_000.0
        found[name] = [_pace(outcome, trials, traces.get(outcome.job.method), target) for outcome, _ in lot]
    return found


def _traces(file: Path) -> npt.NDArray[np.float64]:
    with np.load(file, allow_pickle=False) as arrays:
        traces: npt.NDArray[np.float64] = arrays["traces"]
        return traces


def _own_run_length(outcome: Outcome, trials: Trials, traces: npt.NDArray[np.float64]) -> float:
    return run_length(of_case(traces, trials, outcome.trials, "quiet"), outcome.level)


def _pace(outcome: Outcome, trials: Trials, traces: npt.NDArray[np.float64] | None, target: float) -> Pace:
    cases = tuple(case for case in trials.cases if case != "quiet")
    if traces is None:
        nothing = (float("nan"),) * len(cases)
        return Pace(
            outcome=outcome,
            own_run_length=float("nan"),
            run_length=float("nan"),
            cases=cases,
            median=nothing,
            missed=nothing,
            streams=(0,) * len(cases),
        )
    quiet = of_case(traces, trials, outcome.trials, "quiet")
    level = tuned(quiet, target)
    found = [delay(of_case(traces, trials, outcome.trials, case), trials.onset, level) for case in cases]
    return Pace(
        outcome=outcome,
        own_run_length=run_length(quiet, outcome.level),
        run_length=run_length(quiet, level),
        cases=cases,
        median=tuple(each.median for each in found),
        missed=tuple(each.missed for each in found),
        streams=tuple(each.streams for each in found),
    )


def rate_table(title: str, lot: Sequence[Rates]) -> Table:
    """Return alarms out of windows a case, and what a window costs."""
    ours = next((_cost(each) for each in lot if each.outcome.job.method == "own.mmd"), float("nan"))
    lines = []
    for each in lot:
        counts = [f"{alarms}/{of}" if of else "-" for alarms, of in zip(each.alarms, each.windows, strict=True)]
        cost = _cost(each)
        lines.append(
            (
                BY_NAME[each.outcome.job.method].label,
                *counts,
                _figure(cost),
                _figure(cost / ours),
                _figure(_mean(each.outcome.setup_s)),
                f"{each.outcome.peak_mb:,.0f}" if each.outcome.trials else "-",
                each.outcome.note,
            )
        )
    header = ("method", *lot[0].cases, "CPU-s a window", "to mmd_p", "set-up CPU-s", "peak MB", "note")
    return Table(title=title, header=header, lines=tuple(lines))


def pace_table(title: str, lot: Sequence[Pace]) -> Table:
    """Return median delays at equal measured run lengths."""
    lines = [
        (
            BY_NAME[each.outcome.job.method].label,
            _figure(each.own_run_length),
            _figure(each.run_length),
            *(_delayed(*each_case) for each_case in zip(each.median, each.missed, each.streams, strict=True)),
            _figure(_mean(each.outcome.setup_s)),
            _figure(1e6 * _mean(each.outcome.cpu_s)),
            f"{each.outcome.peak_mb:,.0f}" if each.outcome.trials else "-",
            each.outcome.note,
        )
        for each in lot
    ]
    header = ("method", "own ARL", "tuned ARL", *lot[0].cases, "set-up CPU-s", "CPU-µs a text", "peak MB", "note")
    return Table(title=title, header=header, lines=tuple(lines))


def print_grid(table: Table) -> None:
    """Print a table as the other benchmarks do, columns aligned."""
    print(f"\n{table.title}")
    cells = [table.header, *table.lines]
    widths = [max(len(line[column]) for line in cells) for column in range(len(table.header))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def markdown(table: Table) -> str:
    """Return a table for the documentation; the notes' column is left out where it is empty."""
    width = len(table.header) - (not any(line[-1] for line in table.lines))
    rule = ("---",) * width
    lines = [cells[:width] for cells in (table.header, rule, *table.lines)]
    return "\n".join([f"### {table.title}", "", *(f"| {' | '.join(line)} |" for line in lines), ""])


def cost(outcome: Outcome) -> float:
    """Return the median CPU-seconds of one trial; NaN without any."""
    return float(np.median(outcome.cpu_s)) if outcome.cpu_s else float("nan")


def _cost(each: Rates) -> float:
    return cost(each.outcome)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _delayed(median: float, missed: float, streams: int) -> str:
    if np.isnan(median):
        return "-"
    late = f", {missed:.0%} missed" if missed > 0 else ""
    return ("none" if np.isinf(median) else f"{median:,.0f}") + f" (of {streams}{late})"


def _figure(value: float) -> str:
    return "-" if np.isnan(value) else "∞" if np.isinf(value) else f"{value:,.3g}" if value < 1_000 else f"{value:,.0f}"
