"""One retraining run in its own process, from queued to kept; killed anywhere, it goes on where it was.

collect → probe: is it worth it? → fine-tune → merge with the champion → judge → promote, or another round. Each stage
leaves files that the next start finds whole or not at all, and ends with one transition in the store.
"""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from driftwatch import wiring
from driftwatch.alert import messages
from driftwatch.config import load_config
from driftwatch.domain.errors import ConflictError, DriftwatchError
from driftwatch.domain.run import Progress, RunId, RunState, VerdictOutcome
from driftwatch.drift.archive import load_reference
from driftwatch.gate.remembered import RememberedModel
from driftwatch.job import judging
from driftwatch.job.merging import Merging
from driftwatch.job.meter import Meter
from driftwatch.job.records import Losses, cost_verdict, probe_verdict
from driftwatch.retrain import rounds
from driftwatch.retrain.collect.page import card_section
from driftwatch.retrain.dataset import collect, load_mix
from driftwatch.retrain.folders import write_whole
from driftwatch.retrain.launchers.torchrun import train
from driftwatch.retrain.locks import hold_lock
from driftwatch.retrain.patience import patiently
from driftwatch.retrain.probe.forecast import probe
from driftwatch.retrain.report import CARD_PAGE, write_report
from driftwatch.retrain.soundness import check_champion
from driftwatch.schedule.systemd import Systemd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.domain.features import TextLosses
    from driftwatch.domain.protocols import Clock, Model
    from driftwatch.domain.run import Recipe, Run, Verdict
    from driftwatch.domain.text import Text
    from driftwatch.store import Store

log = structlog.get_logger()

_PROGRESS_EVERY_SECONDS = 0.5
PROBE_ROUND = 0
"""Round under which the probe's hours and prediction stand."""


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
        self._folder = config.state_dir / "runs" / run
        self._meter = Meter(self._folder / "hours.json", now=now)
        self._stopping = stopping or threading.Event()
        self._clock = clock
        self._now, self._told_at = now, 0.0
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
            write_report(run, self._folder)
        except OSError as error:
            log.warning("page_not_written", run=self._id, error=str(error))

    def _present(self) -> Run:
        return self._store.runs.get(self._id)

    def _begin(self, _run: Run) -> None:
        check_champion(self._champion_folder())
        self._move(RunState.COLLECTING, f"texts {self._spec.first_seq} to {self._spec.last_seq} of the store")

    def _collect(self, _run: Run) -> None:
        card = collect(
            self._fresh,
            self._old,
            self._spec.recipe,
            into=self._folder / "data",
            seed=self._spec.recipe.seed,
            settings=self._config.streams[self._spec.stream].collect,
            checks=wiring.checks(self._config, self._spec.stream, champion=self._champion_folder()),
        )
        write_whole(self._folder / CARD_PAGE, card_section(card).encode())
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
        reference = load_reference(self._config.state_dir / "references" / self._spec.stream / self._spec.reference)
        return [*reference.train.texts, *reference.cal.texts, *reference.heldout.texts, *reference.memory]

    def _probe(self, _run: Run) -> None:
        """Train on a small part and decline the run where even the best to be expected of it is not worth it."""
        mix, worth = load_mix(self._folder / "data"), self._spec.worth or 0.0
        with self._meter.measuring(PROBE_ROUND):
            prediction = probe(
                self._champion_folder(),
                mix.train,
                judging.selection(mix).fresh,
                self._spec.recipe,
                worth=worth,
                folder=self._folder / "probe",
                tune=lambda recipe, texts, out: self._tune(
                    recipe, texts, out, select=mix.select, round_=1, told="probing"
                ),
                score=self._score,
            )
        self._store.runs.add_verdict(self._id, cost_verdict(self._meter, PROBE_ROUND, limit=self._spec.max_hours))
        if prediction is None:
            if self._out_of_hours():
                self._move(RunState.DECLINED, f"{self._spent()}, in the probe")
            return
        self._store.runs.add_verdict(self._id, probe_verdict(prediction, PROBE_ROUND))
        if prediction.worthless:
            self._move(RunState.DECLINED, prediction.words())
        else:
            self._move(RunState.TRAINING, prediction.words(), round_=1)

    def _train(self, run: Run) -> None:
        mix = load_mix(self._folder / "data")
        recipe = self._recipe(run)
        texts = rounds.training_texts(mix, replay=recipe.replay, usual=self._spec.recipe.replay)
        if self._candidate_folder(run.round).exists():
            done = True
        else:
            with self._meter.measuring(run.round):
                done = self._tune(
                    recipe,
                    texts,
                    self._trained_folder(run.round),
                    select=mix.select,
                    round_=run.round,
                    told="training",
                )
        self._store.runs.add_verdict(self._id, cost_verdict(self._meter, run.round, limit=self._spec.max_hours))
        if done:
            self._move(RunState.JUDGING, f"round {run.round} is trained")
        elif self._out_of_hours():
            self._move(RunState.REJECTED, f"{self._spent()}, in round {run.round} and before it was trained")

    def _recipe(self, run: Run) -> Recipe:
        forgot = rounds.forgot(run.verdicts, before=run.round)
        return rounds.setting(self._spec.recipe, round=run.round, forgot=forgot)

    def _tune(
        self, recipe: Recipe, texts: Sequence[Text], out: Path, *, select: Sequence[Text], round_: int, told: str
    ) -> bool:
        """Fine-tune the champion on some texts; false where it was stopped before the end."""
        losses = Losses(self._folder / f"training-{round_}.jsonl" if told == "training" else None)

        def on_progress(progress: Progress) -> None:
            self._meter.tick()
            losses.add(progress.done, progress.figures["loss"])
            self._tell(replace(progress, stage=told))

        return train(
            self._champion_folder(),
            texts,
            recipe,
            round=round_,
            select=select,
            out=out,
            checkpoints=out.with_name(f"checkpoints-{out.name}"),
            on_progress=on_progress,
            should_stop=lambda: self._stopping.is_set() or self._out_of_hours(),
            threads=self._config.daemon.threads,
        )

    def _out_of_hours(self) -> bool:
        return self._spec.max_hours is not None and self._meter.hours >= self._spec.max_hours

    def _spent(self) -> str:
        return f"the {self._spec.max_hours:g} hours of training that the rule allows are used up"

    def _judge(self, run: Run) -> None:
        """Merge, then look with the selection texts; what holds is judged by texts that nothing was chosen by."""
        mix = load_mix(self._folder / "data")
        chosen_by, champion = judging.selection(mix), RememberedModel(self._load(self._champion_folder()))
        self._merging(run).work(
            self._spec.recipe.merge, champion, chosen_by, limits=self._spec.limits, seed=self._spec.recipe.seed
        )
        candidate = RememberedModel(self._load(self._candidate_folder(run.round)))
        panel = judging.Panel(self._store, run, candidate=candidate, champion=champion)
        verdicts = panel.look(chosen_by)
        if not judging.refused(verdicts):
            self._decide(run, [*panel.decide(verdicts, judging.judgement(mix)), *panel.look_at_canaries(mix)])
        else:
            self._again(run, verdicts)

    def _merging(self, run: Run) -> Merging:
        return Merging(
            self._champion_folder(),
            trained=self._trained_folder(run.round),
            candidate=self._candidate_folder(run.round),
            curve=self._folder / f"merge-{run.round}.json",
            load=self._load,
        )

    def _again(self, run: Run, verdicts: Sequence[Verdict]) -> None:
        """Begin another round where the rule allows one, in number and in hours."""
        refusal, most = judging.said(verdicts), self._spec.max_hours
        if run.round >= self._spec.rounds:
            self._move(RunState.REJECTED, f"no round left: {refusal}")
        elif most is not None and self._meter.hours + self._meter.of_round(run.round) > most:
            spent = f"{self._meter.hours:.2g} of {most:g} hours of training are used"
            self._move(RunState.REJECTED, f"no time for another round, {spent}: {refusal}")
        else:
            self._move(RunState.TRAINING, f"round {run.round} refused: {refusal}", round_=run.round + 1)

    def _decide(self, run: Run, verdicts: Sequence[Verdict]) -> None:
        version = f"m{candidate_digest(self._candidate_folder(run.round))}"
        unsure = [verdict for verdict in verdicts if verdict.outcome is VerdictOutcome.NOT_SHOWN]
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
        mix = load_mix(self._folder / "data")
        wiring.promote(
            self._config,
            self._store,
            run,
            candidate=self._candidate_folder(run.round),
            fresh=mix.fresh,
            heldout=(*mix.select, *mix.judge),
            memory=[*mix.replay, *mix.remembered, *self._old()],
            clock=self._clock,
        )

    def _load(self, folder: Path) -> Model:
        from driftwatch.features.loss import load_model

        return load_model(folder, threads=self._config.daemon.threads)

    def _score(self, folder: Path, texts: Sequence[Text]) -> TextLosses:
        return self._load(folder).score(texts)

    def _champion_folder(self) -> Path:
        return self._config.state_dir / "models" / self._spec.stream / self._spec.champion

    def _trained_folder(self, round_: int) -> Path:
        return self._folder / f"trained-{round_}"

    def _candidate_folder(self, round_: int) -> Path:
        return self._folder / f"candidate-{round_}"

    def _tell(self, progress: Progress) -> None:
        if progress.done == progress.total or self._now() - self._told_at >= _PROGRESS_EVERY_SECONDS:
            self._told_at = self._now()
            self._store.runs.progress(self._id, progress)

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


def candidate_digest(folder: Path) -> str:
    """Return the first 12 digits of a model's identity: the name of its version."""
    from driftwatch.features.model import model_digest

    return model_digest(folder).removeprefix("sha256:")[:12]


def main(run_id: str, config_path: Path) -> int:
    """Work on a run until it ends, waits, or we are told to stop; a second job on the same run ends at once."""
    config = load_config(config_path, environ=os.environ)
    wiring.log_to_stderr(config.daemon.log)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    patiently(lambda: _hold(config, RunId(run_id), stopping), folder=config.state_dir, stopping=stopping)
    return 0


def _hold(config: Config, run: RunId, stopping: threading.Event) -> None:
    """Work with the lock held, also while waiting for room; what is waited for outside is room for the lock itself."""
    with hold_lock(config.state_dir / "runs" / run):
        Systemd(os.environ, pid=os.getpid()).ready(f"works on run {run}")
        patiently(lambda: _work(config, run, stopping), folder=config.state_dir, stopping=stopping)


def _work(config: Config, run: RunId, stopping: threading.Event) -> None:
    store = wiring.open_store(config)
    try:
        Job(config, store, run, stopping=stopping).work()
    finally:
        store.close()
