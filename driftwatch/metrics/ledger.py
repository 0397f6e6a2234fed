"""The runs of all streams as they are exported, read again only where something moved."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from driftwatch.domain.run import COST, PROBATION, RunState
from driftwatch.metrics.bias import associations, bias
from driftwatch.metrics.gates import gates
from driftwatch.metrics.snapshot import ArrivalFigures, IncreaseFigures, RunFigures, RunsFigures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftwatch.domain.run import Run, RunId
    from driftwatch.store import RunLine, Store

_HOUR = 3_600.0
_AT_ONCE = 500
_WHOLE = 20
"""Of a stream's runs, so many are remembered with what the gates said of them."""


class RunLedger:
    """Reads the runs off the store; ended ones are remembered, so a look costs as much as what is under way.

    Several threads may use it.
    """

    def __init__(self) -> None:
        self._kept: dict[RunId, Run] = {}
        self._seen: dict[str, tuple[tuple[RunLine, ...], RunsFigures]] = {}
        self._guard = threading.Lock()

    def read(self, store: Store) -> Mapping[str, RunsFigures]:
        """Return the figures of every stream that has runs.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._guard:
            lines: defaultdict[str, list[RunLine]] = defaultdict(list)
            for line in store.runs.lines():
                lines[line.stream].append(line)
            self._seen = {stream: self._stream(store, stream, tuple(own)) for stream, own in lines.items()}
            return {stream: figures for stream, (_, figures) in self._seen.items()}

    def _stream(self, store: Store, stream: str, lines: tuple[RunLine, ...]) -> tuple[tuple[RunLine, ...], RunsFigures]:
        before = self._seen.get(stream)
        if before is not None and before[0] == lines and all(line.state.final for line in lines):
            return before
        return lines, runs_figures(self._runs(store, lines))

    def _runs(self, store: Store, lines: Sequence[RunLine]) -> list[Run]:
        wanted = [line.id for line in lines if not self._knows(line)]
        fresh = {
            run.spec.id: run
            for begin in range(0, len(wanted), _AT_ONCE)
            for run in store.runs.these(wanted[begin : begin + _AT_ONCE])
        }
        for line in lines:
            run = fresh.get(line.id)
            if run is not None and run.state.final:
                self._kept[line.id] = run
        for line in lines[_WHOLE:]:
            if (old := self._kept.get(line.id)) is not None:
                self._kept[line.id] = _slim(old)
        return [self._kept.get(line.id) or fresh[line.id] for line in lines]

    def _knows(self, line: RunLine) -> bool:
        kept = self._kept.get(line.id)
        return kept is not None and (kept.state, kept.updated_at) == (line.state, line.updated_at)


def _slim(run: Run) -> Run:
    """Return the run without what its gates said: nobody asks what they said of a candidate so old."""
    if all(verdict.gate == COST for verdict in run.verdicts):
        return run
    return replace(run, verdicts=tuple(verdict for verdict in run.verdicts if verdict.gate == COST))


def runs_figures(runs: Sequence[Run]) -> RunsFigures:
    """Return what is exported of a stream's runs.

    Args:
        runs: all of them, newest first.
    """
    states = Counter(run.state for run in runs)
    return RunsFigures(
        states={state.value: states[state] for state in RunState},
        arrivals=_arrivals(runs),
        run=_unfinished(runs),
        ended_after=next((seconds for run in runs if (seconds := _duration(run)) is not None), None),
        training_seconds=sum(run.training_hours for run in runs) * _HOUR,
        device_seconds=sum(run.training_hours * run.spec.recipe.devices for run in runs) * _HOUR,
        bias=bias(runs),
        gates=gates(runs),
        associations=associations(runs),
        spoken_ill=next((run.spoken_ill for run in runs if run.spoken_ill is not None), None),
    )


def _arrivals(runs: Sequence[Run]) -> dict[str, ArrivalFigures]:
    """Return how often runs came into each state, and the last of them."""
    found = {state.value: ArrivalFigures() for state in RunState}
    for run in reversed(runs):
        for step in run.transitions:
            before = found[step.state.value]
            newer = before.at is None or step.at >= before.at
            found[step.state.value] = ArrivalFigures(
                count=before.count + 1,
                at=step.at if newer else before.at,
                run=run.spec.id if newer else before.run,
            )
    return found


def _duration(run: Run) -> float | None:
    """Return the seconds from a run's asking to its first end; None while it goes on."""
    ended = next((step.at for step in run.transitions if step.state.final), None)
    return None if ended is None else (ended - run.created_at).total_seconds()


def _unfinished(runs: Sequence[Run]) -> RunFigures | None:
    run = next((run for run in runs if not run.state.final), None)
    if run is None:
        return None
    progress = run.progress
    return RunFigures(
        created_at=run.created_at,
        moved_at=run.transitions[-1].at if run.transitions else run.created_at,
        round=run.round,
        progress=progress.done / progress.total if progress and progress.total else 0.0,
        increase=_increase(run) if run.state is RunState.PROBATION else None,
    )


def _increase(run: Run) -> IncreaseFigures | None:
    """Return what the newest window of a probation measured."""
    found = [each for verdict in run.verdicts if verdict.gate == PROBATION for each in verdict.measures]
    return IncreaseFigures(value=found[-1].value, low=found[-1].low, high=found[-1].high) if found else None
