"""One retraining run in its own process, from queued to kept; killed anywhere, it goes on where it was.

collect → probe: is it worth it? → fine-tune → merge with the champion → judge → promote, or another round. Each stage
leaves files that the next start finds whole or not at all, and ends with one transition in the store.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from driftwatch import wiring
from driftwatch.alert import messages
from driftwatch.domain.errors import ConflictError, DriftwatchError
from driftwatch.domain.run import RunId, RunState
from driftwatch.drift.archive import load_reference
from driftwatch.gate.bias.builtin import builtin_suite
from driftwatch.gate.bias.suite import Suite
from driftwatch.gate.bias.suites import BUILTIN, load_pairs
from driftwatch.gate.remembered import RememberedModel
from driftwatch.job import judging
from driftwatch.job.bias import write_bias
from driftwatch.job.memory import memory_told
from driftwatch.job.merging import Merging
from driftwatch.job.neutral import NeutralFineTunes, forget_others
from driftwatch.job.places import places_of, version_of
from driftwatch.job.records import data_verdict, probe_verdict
from driftwatch.job.tuning import Tuning
from driftwatch.retrain import rounds
from driftwatch.retrain.collect.page import card_section
from driftwatch.retrain.dataset import collect, load_mix
from driftwatch.retrain.folders import write_whole
from driftwatch.retrain.probe.forecast import probe
from driftwatch.retrain.report import write_report
from driftwatch.retrain.soundness import check_champion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock, Model
    from driftwatch.domain.run import Recipe, Run, Verdict
    from driftwatch.domain.text import Text
    from driftwatch.gate.bias.cells import Scores
    from driftwatch.store import Store

log = structlog.get_logger()

BESIDE_ROUNDS = 0
"""Round under which stand the hours of the probe and of neutral fine-tunes, and the probe's prediction."""


class Job:
    """Moves one run from state to state until it ends or waits for a person.

    Args:
        config: as loaded.
        store: where the run stands.
        run: which run.
        stopping: set when it is to stop at the next safe point; the run stays where it is.
        clock: when its transitions happen.
        now: seconds from any fixed moment, to count hours of training by.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        run: RunId,
        *,
        stopping: threading.Event | None = None,
        clock: Clock = wiring.CLOCK,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._config = config
        self._store = store
        self._id = run
        self._spec = store.runs.get(run).spec
        self._places = places_of(config, self._spec)
        self._stopping = stopping or threading.Event()
        self._tuning = Tuning(
            store, self._spec, self._places, stopping=self._stopping, threads=config.daemon.threads, now=now
        )
        self._clock = clock
        self._stages: Mapping[RunState, Callable[[Run], None]] = {
            RunState.QUEUED: self._begin,
            RunState.COLLECTING: self._collect,
            RunState.PROBING: self._probe,
            RunState.TRAINING: self._train,
            RunState.JUDGING: self._judge,
            RunState.PROMOTING: self._promote,
        }

    def work(self) -> None:
        """Go through the stages; a failure with a known cause ends the run with its reason.

        Raises:
            DriftwatchError: one that may pass, such as a full disk; the run stays and is taken up again.
        """
        try:
            while not self._stopping.is_set() and (stage := self._stages.get((run := self._present()).state)):
                log.info("stage", run=self._id, state=run.state.value, round=run.round)
                with memory_told(run.state.value):
                    stage(run)
        except ConflictError as error:  # somebody cancelled the run meanwhile
            log.info("run_moved_elsewhere", run=self._id, error=str(error))
        except DriftwatchError as error:
            if error.retryable:
                raise
            self._fail(str(error))
        self._report(self._present())

    def _report(self, run: Run) -> None:
        """Write the run's page; a page that cannot be written harms nothing but itself."""
        try:
            write_report(run, self._places.run)
        except OSError as error:
            log.warning("page_not_written", run=self._id, error=str(error))

    def _present(self) -> Run:
        return self._store.runs.get(self._id)

    def _begin(self, _run: Run) -> None:
        check_champion(self._places.champion, promoted=True)
        for name in self._spec.limits.bias_suites:
            load_pairs(name)  # rather than after all the training, when the gate looks at it
        self._move(RunState.COLLECTING, f"texts {self._spec.first_seq} to {self._spec.last_seq} of the store")

    def _collect(self, _run: Run) -> None:
        card = collect(
            self._fresh,
            self._old,
            self._spec.recipe,
            into=self._places.data,
            seed=self._spec.recipe.seed,
            settings=self._config.streams[self._spec.stream].collect,
            checks=wiring.checks(self._config, self._spec.stream, champion=self._places.champion),
        )
        write_whole(self._places.card, card_section(card).encode())
        if card.identity is not None:
            self._store.runs.add_verdict(self._id, data_verdict(card.identity, BESIDE_ROUNDS))
        reason = (
            f"{card.train:,} fresh texts and {card.replay:,} replayed to train on, {card.select + card.judge:,} fresh "
            f"and {card.remembered:,} of the reference held out"
        )
        if self._spec.worth is None:
            self._move(RunState.TRAINING, reason, round_=1)
        else:
            self._move(RunState.PROBING, reason)

    def _fresh(self) -> Iterator[Text]:
        span = self._store.texts.span(self._spec.stream, first_seq=self._spec.first_seq, last_seq=self._spec.last_seq)
        return (stored.text for stored in span)

    def _old(self) -> list[Text]:
        reference = load_reference(self._places.reference)
        return [*reference.train.texts, *reference.cal.texts, *reference.heldout.texts, *reference.memory]

    def _probe(self, _run: Run) -> None:
        """Train on a small part and decline the run where even the best to be expected of it is not worth it."""
        mix, worth = load_mix(self._places.data), self._spec.worth or 0.0
        with self._tuning.meter.measuring(BESIDE_ROUNDS):
            prediction = probe(
                self._places.champion,
                mix.taught,
                mix.replay,
                judging.selection(mix).fresh,
                self._spec.recipe,
                worth=worth,
                folder=self._places.probe,
                tune=lambda recipe, texts, out: self._tuning.tune(
                    recipe, texts, out, replay=(), select=(), round_=1, told="probing"
                ),
                score=lambda folder, texts: self._load(folder).score(texts),
            )
        self._tuning.account(BESIDE_ROUNDS)
        if prediction is None:
            if self._tuning.out_of_hours:
                self._move(RunState.DECLINED, f"{self._tuning.spent()}, in the probe")
            return
        self._store.runs.add_verdict(self._id, probe_verdict(prediction, BESIDE_ROUNDS))
        if prediction.worthless:
            self._move(RunState.DECLINED, prediction.words())
        else:
            self._move(RunState.TRAINING, prediction.words(), round_=1)

    def _train(self, run: Run) -> None:
        mix = load_mix(self._places.data)
        recipe = self._recipe(run)
        learnt = rounds.learnt_before(run.verdicts, mix.card, before=run.round)
        replay = rounds.replayed_texts(mix, replay=recipe.replay, usual=self._spec.recipe.replay)
        if self._places.candidate(run.round).exists():
            done = True
        else:
            with self._tuning.meter.measuring(run.round):
                done = self._tuning.tune(
                    recipe,
                    rounds.new_texts(mix, without=learnt),
                    self._places.trained(run.round),
                    replay=replay,
                    select=mix.select,
                    round_=run.round,
                    told="training",
                )
        self._tuning.account(run.round)
        if done:
            self._move(RunState.JUDGING, f"round {run.round} is trained")
        elif self._tuning.out_of_hours:
            self._move(RunState.REJECTED, f"{self._tuning.spent()}, in round {run.round} and before it was trained")

    def _recipe(self, run: Run) -> Recipe:
        forgot = rounds.forgot(run.verdicts, before=run.round)
        return rounds.setting(self._spec.recipe, round=run.round, forgot=forgot)

    def _judge(self, run: Run) -> None:
        """Merge, then look with the selection texts; what holds is judged by texts that nothing was chosen by."""
        mix = load_mix(self._places.data)
        chosen_by, champion = judging.selection(mix), RememberedModel(self._load(self._places.champion))
        merging = self._merging(run)
        merging.work(
            self._spec.recipe.merge, champion, chosen_by, limits=self._spec.limits, seed=self._spec.recipe.seed
        )
        panel = self._panel(run, champion)
        verdicts = panel.look(chosen_by)
        neutral = self._neutral(champion, texts=len(mix.train), train=not judging.refused(verdicts))
        if self._stopping.is_set():
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
        count, kept = self._spec.limits.bias_neutral, self._config.state_dir / "neutral" / self._spec.stream
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
                count, self._old, most=texts, folder=self._places.run, tune=self._tune_neutral, load=self._load
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
        candidate = RememberedModel(self._load(self._places.candidate(run.round)))
        return judging.Panel(self._store, run, candidate=candidate, champion=champion)

    def _merging(self, run: Run) -> Merging:
        return Merging(
            self._places.champion,
            trained=self._places.trained(run.round),
            candidate=self._places.candidate(run.round),
            curve=self._places.curve(run.round),
            load=self._load,
        )

    def _again(self, run: Run, verdicts: Sequence[Verdict]) -> None:
        """Begin another round where the rule allows one."""
        refusal, none = judging.said(verdicts), self._tuning.no_other(run.round)
        if none is not None:
            self._move(RunState.REJECTED, f"{none}: {refusal}")
        else:
            self._move(RunState.TRAINING, f"round {run.round} refused: {refusal}", round_=run.round + 1)

    def _decide(self, run: Run, verdicts: Sequence[Verdict]) -> None:
        version = version_of(self._places.candidate(run.round))
        unsure = judging.unsure(verdicts)
        if judging.refused(verdicts):
            reason = f"refused on the texts kept for the final word: {judging.said(verdicts)}"
            self._move(RunState.REJECTED, reason)
        elif unsure:
            reason = f"not shown to be safe: {judging.said(unsure)}"
            self._move(RunState.AWAITING_APPROVAL, reason, candidate=version)
        elif self._spec.approve:
            self._move(RunState.AWAITING_APPROVAL, "every gate passed; the rule wants a person", candidate=version)
        else:
            self._move(RunState.PROMOTING, "every gate passed", candidate=version)

    def _promote(self, run: Run) -> None:
        mix = load_mix(self._places.data)
        wiring.promote(
            self._config,
            self._store,
            run,
            candidate=self._places.candidate(run.round),
            fresh=mix.fresh,
            heldout=(*mix.select, *mix.judge),
            memory=[*mix.replay, *mix.remembered, *self._old()],
            clock=self._clock,
        )

    def _load(self, folder: Path) -> Model:
        from driftwatch.features.loss import load_model

        return load_model(folder, threads=self._config.daemon.threads)

    def _fail(self, reason: str) -> None:
        log.error("run_failed", run=self._id, reason=reason)
        self._move(RunState.FAILED, reason)
        wiring.reconcile(self._config, self._store)

    def _move(self, to: RunState, reason: str, *, round_: int | None = None, candidate: str | None = None) -> None:
        run, now = self._present(), self._clock.now()
        alerts = messages.for_transition(run, to=to, reason=reason, at=now)
        receivers = wiring.receivers(self._config)
        moved = self._store.runs.move(
            self._id, to=to, reason=reason, alerts=alerts, receivers=receivers, round=round_, candidate=candidate
        )
        self._report(moved)
