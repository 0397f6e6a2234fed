"""A round's hearing: merged with the champion, looked at, judged, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.run import RunState
from driftwatch.gate.bias.builtin import builtin_suite
from driftwatch.gate.bias.suite import Suite
from driftwatch.gate.bias.suites import BUILTIN
from driftwatch.gate.remembered import RememberedModel
from driftwatch.job import judging
from driftwatch.job.bias import write_bias
from driftwatch.job.held import BESIDE_ROUNDS
from driftwatch.job.merging import Merging
from driftwatch.job.neutral import NeutralFineTunes, forget_others
from driftwatch.job.places import version_of
from driftwatch.retrain.dataset import load_mix

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.domain.protocols import Model
    from driftwatch.domain.run import Recipe, Run, Verdict
    from driftwatch.domain.text import Text
    from driftwatch.gate.bias.cells import Scores
    from driftwatch.job.held import HeldRun


class Hearing:
    """Hears the candidates of one run, round after round.

    Args:
        held: the run.
    """

    def __init__(self, held: HeldRun) -> None:
        self._held, self._store, self._spec = held, held.store, held.spec
        self._places, self._tuning = held.places, held.tuning

    def judge(self, run: Run) -> None:
        """Merge, then look with the selection texts; what holds is judged by texts that nothing was chosen by."""
        mix = load_mix(self._places.data)
        chosen_by, champion = judging.selection(mix), RememberedModel(self._held.load(self._places.champion))
        merging = self._merging(run)
        merging.work(
            self._spec.recipe.merge, champion, chosen_by, limits=self._spec.limits, seed=self._spec.recipe.seed
        )
        panel = self._panel(run, champion)
        verdicts = panel.look(chosen_by)
        neutral = self._neutral(champion, texts=len(mix.train), train=not judging.refused(verdicts))
        if self._held.stopping.is_set():
            return
        verdicts += panel.look_at_bias(neutral)
        while judging.goes_too_far(verdicts) and merging.lower(judging.said(verdicts)) is not None:
            panel = self._panel(run, champion)
            verdicts = [*panel.look(chosen_by), *panel.look_at_bias(neutral)]
        merging.done()
        self._write_bias(run, panel.candidate, champion)
        canaries = [] if judging.refused(verdicts) else panel.look_at_canaries(mix, beside=mix.select)
        if judging.refused([*verdicts, *canaries]):
            self._again(run, [*verdicts, *canaries])
        elif judging.unsure(canaries) and self._tuning.no_other(run.round) is None:
            self._again(run, canaries)  # without the cluster that was learnt
        else:
            final = panel.decide(verdicts, judging.judgement(mix))
            self._decide(run, [*final, *panel.look_at_canaries(mix, beside=mix.judge)])

    def _neutral(self, champion: Model, *, texts: int, train: bool) -> Scores | None:
        """Return how neutral fine-tunes of the champion score the bias suite; they are trained where that is due.

        Args:
            champion: loaded.
            texts: that the candidate was trained on.
            train: whether those that are missing are worth their training; a candidate refused already needs none.
        """
        count, kept = self._spec.limits.bias_neutral, self._held.config.state_dir / "neutral" / self._spec.stream
        if not count:
            return None
        fine_tunes = NeutralFineTunes(
            champion,
            builtin_suite(),
            recipe=self._spec.recipe,
            reference=self._spec.reference,
            kept=kept / self._spec.champion,
        )
        if not train:
            return fine_tunes.known(count)
        with self._tuning.meter.measuring(BESIDE_ROUNDS):
            scores = fine_tunes.made(
                count,
                self._held.old_texts,
                most=texts,
                folder=self._places.run,
                tune=self._tune_neutral,
                load=self._held.load,
            )
        forget_others(kept, self._places.champion.parent)
        self._tuning.account(BESIDE_ROUNDS)
        return scores

    def _tune_neutral(self, recipe: Recipe, texts: Sequence[Text], out: Path, *, told: str) -> bool:
        """Fine-tune on reference texts as on fresh ones, a share of them replayed as the recipe says."""
        cut = round(len(texts) * recipe.replay)
        return self._tuning.tune(recipe, texts[cut:], out, replay=texts[:cut], select=(), round_=1, told=told)

    def _write_bias(self, run: Run, candidate: Model, champion: Model) -> None:
        suite, limits = Suite(name=BUILTIN, pairs=builtin_suite()), self._spec.limits
        write_bias(
            self._places.run,
            suite,
            candidate=candidate,
            champion=champion,
            round=run.round,
            seed=self._spec.recipe.seed,
            more=limits.bias_suites if limits.bias_not_shown == "more-pairs" else (),
        )

    def _panel(self, run: Run, champion: Model) -> judging.Panel:
        candidate = RememberedModel(self._held.load(self._places.candidate(run.round)))
        return judging.Panel(self._store, run, candidate=candidate, champion=champion)

    def _merging(self, run: Run) -> Merging:
        return Merging(
            self._places.champion,
            trained=self._places.trained(run.round),
            candidate=self._places.candidate(run.round),
            curve=self._places.curve(run.round),
            load=self._held.load,
        )

    def _again(self, run: Run, verdicts: Sequence[Verdict]) -> None:
        """Begin another round where the rule allows one."""
        refusal, none = judging.said(verdicts), self._tuning.no_other(run.round)
        if none is not None:
            self._held.move(RunState.REJECTED, f"{none}: {refusal}")
        else:
            self._held.move(RunState.TRAINING, f"round {run.round} refused: {refusal}", round_=run.round + 1)

    def _decide(self, run: Run, verdicts: Sequence[Verdict]) -> None:
        version = version_of(self._places.candidate(run.round))
        unsure = judging.unsure(verdicts)
        if judging.refused(verdicts):
            reason = f"refused on the texts kept for the final word: {judging.said(verdicts)}"
            self._held.move(RunState.REJECTED, reason)
        elif unsure:
            reason = f"not shown to be safe: {judging.said(unsure)}"
            self._held.move(RunState.AWAITING_APPROVAL, reason, candidate=version)
        elif self._spec.approve:
            self._held.move(RunState.AWAITING_APPROVAL, "every gate passed; the rule wants a person", candidate=version)
        else:
            self._held.move(RunState.PROMOTING, "every gate passed", candidate=version)
