"""The merge of a round: looks at coefficients with the selection texts and leaves the chosen candidate."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import structlog

from driftwatch.gate.slices import read_slices
from driftwatch.gate.verdicts import CannotJudgeError, compare, whole_rise
from driftwatch.retrain.merge import MergePoint, interpolate, load_curve, lower, save_curve, search

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from driftwatch.domain.protocols import GateData, Model
    from driftwatch.domain.run import GateLimits
    from driftwatch.retrain.merge import MergeCurve

log = structlog.get_logger()


class Merging:
    """One round's way from its fine-tuned model to its candidate. Done again after a kill, it comes to the same.

    Args:
        champion: folder.
        trained: folder of the fine-tuned model.
        candidate: folder to leave.
        curve: file of the curve.
        load: loads a model from a folder.
    """

    def __init__(
        self, champion: Path, *, trained: Path, candidate: Path, curve: Path, load: Callable[[Path], Model]
    ) -> None:
        self._champion, self._trained, self._candidate = champion, trained, candidate
        self._file = curve
        self._load = load

    def work(
        self, grid: Sequence[float], champion: Model, data: GateData, *, limits: GateLimits, seed: int
    ) -> MergeCurve | None:
        """Leave the candidate's folder and return the curve; None with nothing to choose or to choose by.

        Args:
            grid: coefficients to begin with; none to take the model as it was trained.
            champion: loaded, for comparison.
            data: texts to choose with, not those of the judgement.
            limits: of the gates.
            seed: of the bootstraps.

        Raises:
            ModelError: the models are not of one architecture.
        """
        curve = load_curve(self._file)
        if self._candidate.exists():
            return curve
        if curve is None and grid:
            curve = self._search(grid, champion, data, limits=limits, seed=seed)
        interpolate(self._champion, self._trained, curve.chosen if curve is not None else 1.0, self._candidate)
        return curve

    def lower(self, refusal: str) -> MergeCurve | None:
        """Leave the candidate of a smaller coefficient in the place of one that was refused, and return the curve.

        Args:
            refusal: why it was.

        Returns:
            None where there is no smaller one to try; the candidate then stays.
        """
        curve = load_curve(self._file)
        lowered = lower(curve, refusal) if curve is not None and self._trained.exists() else None
        if lowered is None:
            return None
        self._drop_candidate()  # first: a kill from here on finds a curve and no candidate, and makes the one chosen
        save_curve(lowered, self._file)
        log.info("merged_lower", coefficient=lowered.chosen, reason=lowered.reason)
        interpolate(self._champion, self._trained, lowered.chosen, self._candidate)
        return lowered

    def done(self) -> None:
        """Delete the fine-tuned model: the candidate that was made of it is judged."""
        shutil.rmtree(self._trained, ignore_errors=True)

    def _drop_candidate(self) -> None:
        aside = self._aside()
        self._candidate.rename(aside)  # whole or not there, for whoever looks after a kill
        shutil.rmtree(aside)

    def _aside(self) -> Path:
        """Return a free name for what does not stay."""
        folder = self._candidate.with_name(f"{self._candidate.name}-look")
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def _search(
        self, grid: Sequence[float], champion: Model, data: GateData, *, limits: GateLimits, seed: int
    ) -> MergeCurve | None:
        def measure(coefficient: float) -> MergePoint:
            return self._look(coefficient, champion, data, max_loss=limits.forgetting_max_loss, seed=seed)

        try:
            curve = search(measure, grid, min_gain=limits.quality_min_gain, max_loss=limits.forgetting_max_loss)
        except CannotJudgeError as error:  # the gates will refuse for the same reason, and say so
            log.warning("merge_left_out", reason=str(error))
            return None
        save_curve(curve, self._file)
        log.info("merged", coefficient=curve.chosen, looks=len(curve.points), reason=curve.reason)
        return curve

    def _look(self, coefficient: float, champion: Model, data: GateData, *, max_loss: float, seed: int) -> MergePoint:
        folder = self._aside()
        interpolate(self._champion, self._trained, coefficient, folder)
        try:
            model = self._load(folder)
            fresh, old = (compare(model, champion, texts) for texts in (data.fresh, data.reference))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        gain, loss = whole_rise(fresh, seed=seed), whole_rise(old, seed=seed)
        slices = (read_slices(compared, limit=max_loss, seed=seed) for compared in (fresh, old))
        return MergePoint(
            coefficient=coefficient,
            gain=-gain.value,
            gain_low=-gain.high,
            gain_high=-gain.low,
            loss=loss.value,
            loss_low=loss.low,
            loss_high=loss.high,
            unit=fresh.unit,
            sacrificed=tuple(sorted({name for reading in slices for name in reading.worse})),
        )
