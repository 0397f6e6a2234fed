"""One retraining run in its own process, from queued to kept; killed anywhere, it goes on where it was.

collect → probe: is it worth it? → fine-tune → merge with the champion → judge → promote, or another round. Each stage
leaves files that the next start finds whole or not at all, and ends with one transition in the store.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import structlog

from driftwatch import wiring
from driftwatch.domain.errors import ConflictError, DriftwatchError
from driftwatch.domain.run import RunId, RunState
from driftwatch.gate.bias.suites import load_pairs
from driftwatch.job import judging
from driftwatch.job.hearing import Hearing
from driftwatch.job.held import BESIDE_ROUNDS, HeldRun
from driftwatch.job.memory import memory_told
from driftwatch.job.records import data_verdict, probe_verdict
from driftwatch.retrain import rounds
from driftwatch.retrain.collect.page import card_section
from driftwatch.retrain.dataset import collect, load_mix
from driftwatch.retrain.folders import write_whole
from driftwatch.retrain.probe.forecast import probe
from driftwatch.retrain.soundness import check_champion

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping

    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.run import Recipe, Run
    from driftwatch.domain.text import Text
    from driftwatch.store import Store

log = structlog.get_logger()


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
        self._held = HeldRun(config, store, run, stopping=stopping, clock=clock, now=now)
        self._config, self._store, self._spec = config, store, self._held.spec
        self._places, self._tuning = self._held.places, self._held.tuning
        self._stages: Mapping[RunState, Callable[[Run], None]] = {
            RunState.QUEUED: self._begin,
            RunState.COLLECTING: self._collect,
            RunState.PROBING: self._probe,
            RunState.TRAINING: self._train,
            RunState.JUDGING: Hearing(self._held).judge,
            RunState.PROMOTING: self._promote,
        }

    def work(self) -> None:
        """Go through the stages; a failure with a known cause ends the run with its reason.

        Raises:
            DriftwatchError: one that may pass, such as a full disk; the run stays and is taken up again.
        """
        try:
            while not self._held.stopping.is_set() and (stage := self._stages.get((run := self._held.present()).state)):
                log.info("stage", run=self._held.id, state=run.state.value, round=run.round)
                with memory_told(run.state.value):
                    stage(run)
        except ConflictError as error:  # somebody cancelled the run meanwhile
            log.info("run_moved_elsewhere", run=self._held.id, error=str(error))
        except DriftwatchError as error:
            if error.retryable:
                raise
            self._fail(str(error))
        self._held.report(self._held.present())

    def _begin(self, _run: Run) -> None:
        check_champion(self._places.champion, promoted=True)
        for name in self._spec.limits.bias_suites:
            load_pairs(name)  # rather than after all the training, when the gate looks at it
        first, last = self._spec.first_seq, self._spec.last_seq
        ours = self._store.texts.count(self._spec.stream, first_seq=first, last_seq=last)
        self._held.move(
            RunState.COLLECTING, f"texts numbered {first} to {last} in the store, {ours:,} of them this stream's"
        )

    def _collect(self, _run: Run) -> None:
        card = collect(
            self._fresh,
            self._held.old_texts,
            self._spec.recipe,
            into=self._places.data,
            seed=self._spec.recipe.seed,
            settings=self._config.streams[self._spec.stream].collect,
            checks=wiring.checks(self._config, self._spec.stream, champion=self._places.champion),
        )
        write_whole(self._places.card, card_section(card).encode())
        if card.identity is not None:
            self._store.runs.add_verdict(self._held.id, data_verdict(card.identity, BESIDE_ROUNDS))
        reason = (
            f"{card.train:,} fresh texts and {card.replay:,} replayed to train on, {card.select + card.judge:,} fresh "
            f"and {card.remembered:,} of the reference held out"
        )
        if self._spec.worth is None:
            self._held.move(RunState.TRAINING, reason, round_=1)
        else:
            self._held.move(RunState.PROBING, reason)

    def _fresh(self) -> Iterator[Text]:
        span = self._store.texts.span(self._spec.stream, first_seq=self._spec.first_seq, last_seq=self._spec.last_seq)
        return (stored.text for stored in span)

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
                score=lambda folder, texts: self._held.load(folder).score(texts),
            )
        self._tuning.account(BESIDE_ROUNDS)
        if prediction is None:
            if self._tuning.out_of_hours:
                self._held.move(RunState.DECLINED, f"{self._tuning.spent()}, in the probe")
            return
        self._store.runs.add_verdict(self._held.id, probe_verdict(prediction, BESIDE_ROUNDS))
        if prediction.worthless:
            self._held.move(RunState.DECLINED, prediction.words())
        else:
            self._held.move(RunState.TRAINING, prediction.words(), round_=1)

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
            self._held.move(RunState.JUDGING, f"round {run.round} is trained")
        elif self._tuning.out_of_hours:
            self._held.move(
                RunState.REJECTED, f"{self._tuning.spent()}, in round {run.round} and before it was trained"
            )

    def _recipe(self, run: Run) -> Recipe:
        forgot = rounds.forgot(run.verdicts, before=run.round)
        return rounds.setting(self._spec.recipe, round=run.round, forgot=forgot)

    def _promote(self, run: Run) -> None:
        mix = load_mix(self._places.data)
        wiring.promote(
            self._config,
            self._store,
            run,
            candidate=self._places.candidate(run.round),
            fresh=mix.fresh,
            heldout=(*mix.select, *mix.judge),
            memory=[*mix.replay, *mix.remembered, *self._held.old_texts()],
            clock=self._held.clock,
        )

    def _fail(self, reason: str) -> None:
        log.error("run_failed", run=self._held.id, reason=reason)
        self._held.move(RunState.FAILED, reason)
        wiring.reconcile(self._config, self._store)
