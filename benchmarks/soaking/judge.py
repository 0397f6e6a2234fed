"""Whether anything grew, and whether anything was lost."""

from __future__ import annotations

from itertools import combinations, pairwise
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.table import Row, at_least, at_most
from driftwatch.domain.alert import DeliveryState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.soaking.watch import Metrics, Process, Sample
    from driftwatch.store import Store

_MOST_POINTS = 300


def growth(points: Sequence[tuple[float, float]]) -> float:
    """Return by what share of the median a series grows from its first to its last point, by its Theil-Sen slope.

    Args:
        points: (hours, value), in order of time.

    Source: Sen 1968, JASA 63; the slope is the median of all pairs' slopes, so single steps and peaks do not move it.
    """
    thinned = points[:: max(len(points) // _MOST_POINTS, 1)]
    slopes = [(v - u) / (b - a) for (a, u), (b, v) in combinations(thinned, 2) if b > a]
    middle = median(value for _, value in points)
    return median(slopes) * (points[-1][0] - points[0][0]) / middle if slopes and middle else 0.0


def flatness(samples: Sequence[Sample], *, most: float = 0.05) -> list[Row]:
    """Return the rows of memory, descriptors, threads and CPU, after warm-up."""
    rows: list[Row] = []
    for name, of in (("daemon", lambda sample: sample.daemon), ("worker", lambda sample: sample.worker)):
        rows += _process(name, samples, of, most)
    rows += [
        Row(measure="database, MB at the end", driftwatch=samples[-1].database),
        Row(measure="its log, MB at most", driftwatch=max(sample.log for sample in samples)),
        Row(measure="state folder, MB at the end", driftwatch=samples[-1].state),
        *_scrapes(samples),
    ]
    return rows


def _process(name: str, samples: Sequence[Sample], of: Callable[[Sample], Process | None], most: float) -> list[Row]:
    seen = [(sample.hours, process) for sample in samples if (process := of(sample)) is not None]
    rows = []
    for what, unit, value in _MEASURES:
        points = [(hours, value(process)) for hours, process in seen]
        values = [each for _, each in points]
        rows.append(Row(measure=f"{name}, {what}, {unit}, median", driftwatch=median(values)))
        if unit == "MB":
            rows.append(at_most(f"{name}, {what}, growth, % either way", 100 * abs(growth(points)), 100 * most))
            rows.append(Row(measure=f"{name}, {what}, MB, most", driftwatch=max(values)))
        else:
            rows.append(at_most(f"{name}, {what}, last fifth over first fifth", _rise(values), 1.0))
    third = max(len(seen) // 3, 1)
    rows.append(Row(measure=f"{name}, CPU s a simulated hour, first third", driftwatch=_pace(seen[:third])))
    rows.append(Row(measure=f"{name}, CPU s a simulated hour, last third", driftwatch=_pace(seen[-third:])))
    return rows


_MEASURES: tuple[tuple[str, str, Callable[[Process], float]], ...] = (
    ("resident", "MB", lambda process: process.resident),
    ("proportional", "MB", lambda process: process.proportional),
    ("descriptors", "number", lambda process: float(process.descriptors)),
    ("threads", "number", lambda process: float(process.threads)),
)


def _rise(values: Sequence[float]) -> float:
    fifth = max(len(values) // 5, 1)
    return median(values[-fifth:]) - median(values[:fifth])


def _pace(seen: Sequence[tuple[float, Process]]) -> float:
    """Return CPU seconds a simulated hour; a process that was started again begins anew."""
    spent = [max(b.cpu - a.cpu, 0.0) for (_, a), (_, b) in pairwise(seen) if a.pid == b.pid]
    hours = seen[-1][0] - seen[0][0]
    return sum(spent) / hours if hours else 0.0


def _scrapes(samples: Sequence[Sample]) -> list[Row]:
    third = max(len(samples) // 3, 1)
    first, last = ([1_000 * sample.scrape for sample in part] for part in (samples[:third], samples[-third:]))
    return [
        Row(measure="scrape, ms, median, first third", driftwatch=median(first)),
        Row(measure="scrape, ms, median, last third", driftwatch=median(last)),
    ]


def completeness(store: Store, sent: Mapping[str, int], *, window: int) -> list[Row]:
    """Return the rows of windows: each that was due is there, in one unbroken chain, none set aside."""
    missing, broken = 0, 0
    for stream, texts in sent.items():
        due = texts // window
        results = store.windows.between(stream, first=0, last=due + 1)
        missing += abs(due - len(results))
        broken += sum(result.index != number for number, result in enumerate(results))
        broken += sum(after.first_seq <= before.last_seq for before, after in pairwise(results))
        broken += sum(result.texts != window for result in results)
    return [
        Row(measure="texts sent", driftwatch=float(sum(sent.values()))),
        at_most("windows due and not assessed", float(missing), 0.0),
        at_most("windows out of order, or not full", float(broken), 0.0),
    ]


def soundness(metrics: Metrics, loops: Mapping[str, int]) -> list[Row]:
    """Return the rows of the daemon's own counters.

    Args:
        metrics: the last scrape.
        loops: rounds that each loop of a steady beat owes by the machine's clock.
    """
    rounds = metrics.by("driftwatch_loop_rounds_total", "loop")
    missed = metrics.by("driftwatch_loop_misses_total", "loop")
    failed = metrics.by("driftwatch_loop_failures_total", "loop")
    lost = {loop: max(due - int(rounds.get(loop, 0) + missed.get(loop, 0)), 0) for loop, due in loops.items()}
    return [
        at_most("rounds that failed, all loops", sum(failed.values()), 0.0),
        *(at_most(f"rounds of {loop} lost, of {loops[loop]}", float(lost[loop]), 0.0) for loop in lost),
        at_most("attempts at a window that failed", metrics.total("driftwatch_assessments_total", outcome="failed"), 0),
        at_most("texts set aside", metrics.total("driftwatch_texts_total", outcome="quarantined"), 0.0),
        at_most("worker restarts", metrics.total("driftwatch_worker_restarts_total"), 0.0),
    ]


def deliveries(store: Store, received: set[tuple[str, str]], *, least: float) -> list[Row]:
    """Return the rows of alerts.

    Args:
        store: with the outbox.
        received: (key, status) of all that the receiver was posted.
        least: alerts that there must be.
    """
    counts = store.outbox.counts()
    undelivered = sum(count for (_, state), count in counts.items() if state != DeliveryState.DELIVERED.value)
    queued = sum(counts.values())
    keys = {key for key, _ in received}
    return [
        at_least("alerts queued", float(queued), least),
        at_most("alerts not delivered", float(undelivered), 0.0),
        at_most("alerts queued that the receiver never saw", float(queued - len(keys)), 0.0),
    ]
