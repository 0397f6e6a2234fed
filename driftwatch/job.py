"""One retraining run in its own process, from queued to kept; killed anywhere, it goes on where it was.

Each stage leaves files that the next start finds whole or not at all, and ends with one transition in the store.
"""

from __future__ import annotations

import os
import signal
import threading
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from driftwatch import wiring
from driftwatch.alert import messages
from driftwatch.config import load_config
from driftwatch.domain.errors import ConflictError, DriftwatchError
from driftwatch.domain.run import Progress, RunId, RunState, VerdictOutcome
from driftwatch.drift.archive import load_reference
from driftwatch.gate.required import required_gates
from driftwatch.retrain.dataset import collect, load_mix, save_mix
from driftwatch.retrain.launchers.order import Order
from driftwatch.retrain.launchers.torchrun import train
from driftwatch.retrain.locks import hold_lock
from driftwatch.retrain.patience import patiently
from driftwatch.retrain.soundness import check_champion
from driftwatch.schedule.systemd import Systemd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.domain.protocols import Gate, GateData, Model
    from driftwatch.domain.run import Run, Verdict
    from driftwatch.domain.text import Text
    from driftwatch.store import Store

log = structlog.get_logger()

_PROGRESS_EVERY_SECONDS = 0.5


class Job:
    """Moves one run from state to state until it ends or waits for a person.

    Args:
        config: as loaded.
        store: where the run stands.
        run: which run.
        stopping: set when it is to stop at the next safe point; the run stays where it is.
    """

    def __init__(self, config: Config, store: Store, run: RunId, stopping: threading.Event) -> None:
        self._config = config
        self._store = store
        self._id = run
        self._spec = store.runs.get(run).spec
        self._folder = config.state_dir / "runs" / run
        self._stopping = stopping
        self._told_at = 0.0
        self._stages: Mapping[RunState, Callable[[Run], None]] = {
            RunState.QUEUED: self._begin,
            RunState.COLLECTING: self._collect,
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

    def _present(self) -> Run:
        return self._store.runs.get(self._id)

    def _begin(self, _run: Run) -> None:
        check_champion(self._champion_folder())
        self._move(RunState.COLLECTING, f"texts {self._spec.first_seq} to {self._spec.last_seq} of the store")

    def _collect(self, _run: Run) -> None:
        mix = collect(self._fresh(), self._old(), self._spec.recipe, seed=self._spec.recipe.seed)
        save_mix(mix, self._folder / "data")
        card = mix.card
        reason = (
            f"{card.train:,} fresh texts and {card.replay:,} replayed to train on, {card.select + card.judge:,} fresh "
            f"and {card.remembered:,} of the reference held out"
        )
        self._move(RunState.TRAINING, reason, round_=1)

    def _fresh(self) -> Iterator[Text]:
        span = self._store.texts.span(self._spec.stream, first_seq=self._spec.first_seq, last_seq=self._spec.last_seq)
        return (stored.text for stored in span)

    def _old(self) -> list[Text]:
        reference = load_reference(self._config.state_dir / "references" / self._spec.stream / self._spec.reference)
        return [*reference.train.texts, *reference.cal.texts, *reference.heldout.texts, *reference.memory]

    def _train(self, run: Run) -> None:
        order = Order(
            champion=self._champion_folder(),
            data=self._folder / "data",
            recipe=self._spec.recipe,
            round=run.round,
            out=self._candidate_folder(run.round),
            checkpoints=self._folder / f"checkpoints-{run.round}",
            threads=self._config.daemon.threads,
        )
        if train(order, on_progress=self._progress, should_stop=self._stopping.is_set):
            self._move(RunState.JUDGING, f"round {run.round} is trained")

    def _judge(self, run: Run) -> None:
        """Look at the round with the selection texts; what holds there is judged by texts that nothing else saw.

        Forgetting and bias look at the same texts and pairs both times, so only quality is judged again.
        """
        mix = load_mix(self._folder / "data")
        candidate, champion = self._load(self._candidate_folder(run.round)), self._load(self._champion_folder())
        gates = required_gates(self._spec.limits, seed=self._spec.recipe.seed)
        verdicts = self._ask(run, gates, candidate, champion, mix.selection)
        if not _refused(verdicts):
            final = [gate for gate in gates if gate.name == "quality"]
            verdicts = [v for v in verdicts if v.gate != "quality"]
            self._decide(run, [*verdicts, *self._ask(run, final, candidate, champion, mix.judgement)])
        elif run.round < self._spec.rounds:
            self._move(RunState.TRAINING, f"round {run.round} refused: {_said(verdicts)}", round_=run.round + 1)
        else:
            self._move(RunState.REJECTED, f"no round left: {_said(verdicts)}")

    def _decide(self, run: Run, verdicts: Sequence[Verdict]) -> None:
        version = f"m{candidate_digest(self._candidate_folder(run.round))}"
        unsure = [verdict for verdict in verdicts if verdict.outcome is VerdictOutcome.NOT_SHOWN]
        if _refused(verdicts):
            self._move(RunState.REJECTED, f"refused on the texts kept for the final word: {_said(verdicts)}")
        elif unsure:
            self._move(RunState.AWAITING_APPROVAL, f"not shown to be safe: {_said(unsure)}", candidate=version)
        elif self._spec.approve:
            self._move(RunState.AWAITING_APPROVAL, "every gate passed; the rule wants a person", candidate=version)
        else:
            self._move(RunState.PROMOTING, "every gate passed", candidate=version)

    def _ask(self, run: Run, gates: Sequence[Gate], candidate: Model, champion: Model, data: GateData) -> list[Verdict]:
        verdicts = []
        for number, gate in enumerate(gates):
            self._store.runs.progress(self._id, Progress(stage=f"judging {gate.name}", done=number, total=len(gates)))
            verdict = gate.judge(candidate, champion, data, round=run.round)
            self._store.runs.add_verdict(self._id, verdict)
            log.info("verdict", run=self._id, gate=gate.name, outcome=verdict.outcome.value, detail=verdict.detail)
            verdicts.append(verdict)
        return verdicts

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
        )

    def _load(self, folder: Path) -> Model:
        from driftwatch.features.loss import load_model

        return load_model(folder, threads=self._config.daemon.threads)

    def _champion_folder(self) -> Path:
        return self._config.state_dir / "models" / self._spec.stream / self._spec.champion

    def _candidate_folder(self, round_: int) -> Path:
        return self._folder / f"candidate-{round_}"

    def _progress(self, done: int, total: int, loss: float) -> None:
        if done == total or monotonic() - self._told_at >= _PROGRESS_EVERY_SECONDS:
            self._told_at = monotonic()
            progress = Progress(stage="training", done=done, total=total, figures={"loss": loss})
            self._store.runs.progress(self._id, progress)

    def _fail(self, reason: str) -> None:
        log.error("run_failed", run=self._id, reason=reason)
        self._move(RunState.FAILED, reason)
        wiring.reconcile(self._config, self._store)

    def _move(self, to: RunState, reason: str, *, round_: int | None = None, candidate: str | None = None) -> None:
        run, now = self._present(), wiring.CLOCK.now()
        alerts = messages.for_transition(run, to=to, reason=reason, at=now)
        receivers = wiring.receivers(self._config)
        self._store.runs.move(
            self._id, to=to, reason=reason, alerts=alerts, receivers=receivers, round=round_, candidate=candidate
        )


def _refused(verdicts: Sequence[Verdict]) -> bool:
    return any(verdict.outcome is VerdictOutcome.REFUSED for verdict in verdicts)


def _said(verdicts: Sequence[Verdict]) -> str:
    return "; ".join(f"{v.gate}: {v.detail}" for v in verdicts if v.outcome is not VerdictOutcome.PASSED)


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
        Job(config, store, run, stopping).work()
    finally:
        store.close()
