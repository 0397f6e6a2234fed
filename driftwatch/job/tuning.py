"""Fine-tuning within a run: counted in hours, told to the store, stopped where it must be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from driftwatch.job.meter import Meter
from driftwatch.job.records import Losses, cost_verdict
from driftwatch.retrain.launchers.torchrun import train

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from driftwatch.domain.run import Progress, Recipe, RunSpec
    from driftwatch.domain.text import Text
    from driftwatch.job.places import Places
    from driftwatch.store import Store

_PROGRESS_EVERY_SECONDS = 0.5


class Tuning:
    """Trains for one run.

    Args:
        store: where progress and hours are told.
        spec: of the run; bounds its hours.
        places: of the run.
        stopping: set when it is to stop at the next safe point.
        threads: CPU threads.
        now: seconds from any fixed moment, to count hours by.
    """

    def __init__(
        self,
        store: Store,
        spec: RunSpec,
        places: Places,
        *,
        stopping: threading.Event,
        threads: int,
        now: Callable[[], float],
    ) -> None:
        self._store, self._spec, self._places = store, spec, places
        self._stopping, self._threads = stopping, threads
        self._now, self._told_at = now, 0.0
        self.meter = Meter(places.hours, now=now)

    def tune(
        self,
        recipe: Recipe,
        texts: Sequence[Text],
        out: Path,
        *,
        replay: Sequence[Text],
        select: Sequence[Text],
        round_: int,
        told: str,
    ) -> bool:
        """Fine-tune the champion on some texts; false where it was stopped before the end.

        Args:
            recipe: hyperparameters.
            texts: to learn.
            replay: of the reference, to train on again.
            out: folder of the model.
            select: held-out texts for early stopping.
            round_: whose setting is used.
            told: the stage's name in what is told; the losses of ``training`` are kept.
        """
        losses = Losses(self._places.losses(round_) if told == "training" else None)

        def on_progress(progress: Progress) -> None:
            self.meter.tick()
            losses.add(progress.done, progress.figures["loss"])
            self._tell(replace(progress, stage=told))

        return train(
            self._places.champion,
            texts,
            recipe,
            round=round_,
            select=select,
            replay=replay,
            out=out,
            checkpoints=out.with_name(f"checkpoints-{out.name}"),
            on_progress=on_progress,
            should_stop=lambda: self._stopping.is_set() or self.out_of_hours,
            threads=self._threads,
        )

    def account(self, round_: int) -> None:
        """Store what a round cost so far."""
        verdict = cost_verdict(self.meter, round_, limit=self._spec.max_hours)
        self._store.runs.add_verdict(self._spec.id, verdict)

    @property
    def out_of_hours(self) -> bool:
        """Whether the hours that the rule allows are used up."""
        return self._spec.max_hours is not None and self.meter.hours >= self._spec.max_hours

    def spent(self) -> str:
        """Return that they are, in words."""
        return f"the {self._spec.max_hours:g} hours of training that the rule allows are used up"

    def no_other(self, round_: int) -> str | None:
        """Return why the rule allows no round after this one, in number or in hours; None where it does."""
        most = self._spec.max_hours
        if round_ >= self._spec.rounds:
            return "no round left"
        if most is not None and self.meter.hours + self.meter.of_round(round_) > most:
            return f"no time for another round, {self.meter.hours:.2g} of {most:g} hours of training are used"
        return None

    def _tell(self, progress: Progress) -> None:
        if progress.done == progress.total or self._now() - self._told_at >= _PROGRESS_EVERY_SECONDS:
            self._told_at = self._now()
            self._store.runs.progress(self._spec.id, progress)
