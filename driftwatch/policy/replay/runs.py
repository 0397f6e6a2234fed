"""Runs of the past, as a replay looks at them, and what a run that never was would have come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from driftwatch.domain.run import PROBE, RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from driftwatch.domain.run import Run, RunId
    from driftwatch.policy.decide import RetrainRequest

_PROMOTED = (RunState.PROBATION, RunState.KEPT)
_CUT_SHORT = (RunState.FAILED, RunState.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run that was.

    Args:
        run: as the store has it.
        asked: whether a rule's decision led to it; a person asked for it otherwise.
        ended_at: when it ended; None while it has not.
        promoted_at: when its candidate became champion; None where it did not.
        best: upper end of the gain that its probe foretold; None without a probe.
    """

    run: Run
    asked: bool
    ended_at: datetime | None
    promoted_at: datetime | None
    best: float | None

    @property
    def trained(self) -> bool:
        """Whether it was trained in full and came to its own end."""
        return self.ended_at is not None and self.run.state not in (*_CUT_SHORT, RunState.DECLINED)

    @property
    def lasted(self) -> timedelta:
        """How long it took from being asked for to its end; nothing while it has not ended."""
        return timedelta(0) if self.ended_at is None else self.ended_at - self.run.created_at

    def is_of(self, request: RetrainRequest) -> bool:
        """Say whether this is the run that a request asks for: same window, rule, recipe and bounds."""
        spec = self.run.spec
        return (spec.window, spec.rule, spec.recipe.name) == (request.window, request.rule, request.recipe) and (
            (spec.limits, spec.rounds, spec.worth, spec.max_hours, spec.probation)
            == (request.limits, request.rounds, request.worth, request.max_hours, request.probation)
        )


def past_runs(runs: Iterable[Run], asked: Collection[RunId]) -> list[PastRun]:
    """Return what a replay needs of runs, oldest first.

    Args:
        runs: of the store, in any order.
        asked: ids of those that a decision led to.
    """
    return [_past(run, asked=run.spec.id in asked) for run in sorted(runs, key=lambda run: run.created_at)]


def _past(run: Run, *, asked: bool) -> PastRun:
    verdicts = (measure for verdict in run.verdicts if verdict.gate == PROBE for measure in verdict.measures)
    return PastRun(
        run=run,
        asked=asked,
        ended_at=run.updated_at if run.state.final else None,
        promoted_at=next((moved.at for moved in run.transitions if moved.state in _PROMOTED), None),
        best=next((measure.high for measure in verdicts), None),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of a run.

    Args:
        lasts: from being asked for to its end.
        hours: of training; None where nothing is known to tell by.
        promoted_after: from being asked for to its promotion; None where it is not promoted.
    """

    lasts: timedelta
    hours: float | None
    promoted_after: timedelta | None = None


class Fates:
    """What runs that never were would have come to, told from those that were.

    Args:
        runs: of all streams, oldest first.
    """

    def __init__(self, runs: Sequence[PastRun]) -> None:
        self._trained = [run for run in runs if run.trained]
        self._declined = [run for run in runs if run.run.state is RunState.DECLINED]
        self._probed = [run for run in runs if run.best is not None]

    def of(self, request: RetrainRequest, stream: str, at: datetime) -> Fate:
        """Return what a run asked for at a moment would have come to."""
        best = self._probe(stream, at)
        if request.worth is not None and best is not None and best < request.worth:
            return Fate(lasts=_lasted(self._declined), hours=_hours(self._declined))
        alike = [run for run in self._trained if run.run.spec.recipe.name == request.recipe] or self._trained
        promoted = [run for run in alike if run.promoted_at is not None]
        after = _middle(promoted, lambda run: (run.promoted_at or run.run.created_at) - run.run.created_at)
        return Fate(
            lasts=_lasted(alike),
            hours=_hours(alike),
            promoted_after=after if 2 * len(promoted) >= len(alike) else None,
        )

    def assumptions(self) -> list[str]:
        """Return what is taken for granted, in sentences."""
        said = [
            "the measures are the recorded ones: they tell of the models and references that really served.",
            "runs of other streams are counted as they really were.",
        ]
        if not self._trained:
            said.append(
                "no run has ended yet, so runs are taken to end at once and to be promoted; their hours are not known."
            )
        else:
            count = len(self._trained)
            said.append(
                f"a run takes the median time and hours of the recorded runs of its recipe, else of all {count}, "
                "and is promoted where at least half of those were."
            )
        if self._probed:
            said.append("a run is declined where the stream's nearest recorded probe rules out what the rule asks for.")
        else:
            said.append("no probe is recorded, so no run is declined.")
        return said

    def _probe(self, stream: str, at: datetime) -> float | None:
        """Return the best gain that the stream's recorded probe nearest in time held possible."""
        of = [run for run in self._probed if run.run.spec.stream == stream]
        near = min(of, key=lambda run: abs(run.run.created_at - at), default=None)
        return near.best if near is not None else None


def _lasted(runs: Sequence[PastRun]) -> timedelta:
    return _middle(runs, lambda run: run.lasted)


def _hours(runs: Sequence[PastRun]) -> float | None:
    return median(run.run.training_hours for run in runs) if runs else None


def _middle(runs: Sequence[PastRun], of: Callable[[PastRun], timedelta]) -> timedelta:
    return timedelta(seconds=median(of(run).total_seconds() for run in runs)) if runs else timedelta(0)
