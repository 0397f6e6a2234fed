"""A daemon's cycle lived through window after window: the real store, real policies and a clock set by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from alert_samples import Hand
from policy_stream import START, window

from driftwatch.cycle import Cycle, Progressed
from driftwatch.domain.analysis import Analysis
from driftwatch.domain.budget import Budget
from driftwatch.domain.features import Digest
from driftwatch.domain.run import (
    COST,
    PROBE,
    GateMeasure,
    Recipe,
    RunId,
    RunState,
    Verdict,
    VerdictOutcome,
)
from driftwatch.domain.text import Text
from driftwatch.policy.rules import parse_policies
from driftwatch.store import Champion, ReferenceRow, Store, open_store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from driftwatch.domain.analysis import AnalysisRequest
    from driftwatch.domain.run import Run
    from driftwatch.policy.ruleset import Policy

SIZE = 20
"""Texts in a window."""

RECIPES = ("small", "thorough", "full", "lora-small")


@dataclass(slots=True)
class Given:
    """An analyst whose windows measure what a test says."""

    measures: Mapping[str, float] = field(default_factory=dict)
    stopped: bool = False

    def assess(self, request: AnalysisRequest) -> Analysis:
        made = window(request.index, **self.measures)
        result = replace(
            made,
            stream=request.stream,
            first_seq=request.texts[0].seq,
            last_seq=request.texts[-1].seq,
            texts=len(request.texts),
            distinct=len(request.texts) - 2,
            first_seen_at=request.texts[0].text.seen_at,
            last_seen_at=request.texts[-1].text.seen_at,
            reference=request.reference,
            champion=request.champion_version,
        )
        return Analysis(result=result, states={})


@dataclass(slots=True)
class Life:
    """A stream and its daemon, which may be stopped and begun again between any two windows."""

    path: Path
    rules: str
    stream: str = "s"
    streams: tuple[str, ...] = ("s",)
    clock: Hand = field(default_factory=lambda: Hand(START))
    analyst: Given = field(default_factory=Given)
    policy: Policy = field(init=False)
    store: Store = field(init=False)
    cycle: Cycle = field(init=False)

    def __post_init__(self) -> None:
        self.edit(self.rules)
        self.store = open_store(self.path, clock=self.clock)
        self._serve("m0", None)
        self._refer("r0")
        self._begin()

    def edit(self, rules: str) -> None:
        """Put other rules in force, as a reload does."""
        made = parse_policies({"p.yaml": rules}, streams=self.streams, recipes=RECIPES)
        recipes = {name: Recipe(name=name) for name in RECIPES}
        self.policy = replace(made, recipes=recipes)

    def restart(self) -> None:
        """Stop and begin again."""
        self.store.close()
        self.store = open_store(self.path, clock=self.clock)
        self._begin()

    def pass_window(self, **measures: float) -> None:
        """Let an hour pass, in which a window's texts come in, and assess it."""
        self.clock.pass_by(timedelta(hours=1))
        self.analyst.measures = measures
        at = self.clock.now()
        texts = [
            Text(id=f"{self.stream}{at:%Y%m%d%H%M%S}-{number}", body=f"text {number} of {at}", seen_at=at)
            for number in range(SIZE)
        ]
        self.store.texts.take_in(self.stream, source="file", texts=texts, cursor=None, counts={})
        assert self.cycle.step() is Progressed.ASSESSED

    def waiting(self) -> list[Run]:
        """Return the runs that have not ended."""
        return [run for run in self.store.runs.list(stream=self.stream) if not run.state.final]

    def move(self, run: RunId, *states: RunState) -> None:
        """Move a run on."""
        for state in states:
            self.store.runs.move(run, to=state, reason="on", round=1, candidate=f"m-{run}")

    def decline(self, run: RunId, *, best: float, hours: float) -> None:
        """End a run after its probe."""
        self.move(run, RunState.COLLECTING, RunState.PROBING)
        self._probe(run, best)
        self._cost(run, hours, round=0)
        self.move(run, RunState.DECLINED)

    def finish(self, run: RunId, *, hours: float, best: float = 0.5, promoted: bool = True) -> None:
        """Train a run, and promote it or not."""
        self.move(run, RunState.COLLECTING, RunState.PROBING)
        self._probe(run, best)
        self._cost(run, hours, round=1)
        self.move(run, RunState.TRAINING, RunState.JUDGING)
        if not promoted:
            self.move(run, RunState.REJECTED)
            return
        self.move(run, RunState.PROMOTING)
        self._serve(f"m-{run}", run)
        self._refer(f"r-{run}")
        self.move(run, RunState.KEPT)

    def _begin(self) -> None:
        self.cycle = Cycle(
            stream=self.stream,
            size=SIZE,
            budget=Budget(alarms=1, period=timedelta(days=365)),
            store=self.store,
            analyst=self.analyst,
            policy=lambda: self.policy,
            receivers=("webhook",),
            clock=self.clock,
        )

    def _probe(self, run: RunId, best: float) -> None:
        measure = GateMeasure(name="gain", value=best / 2, low=0.0, high=best, limit=0.02, unit="nats/token", n=100)
        said = Verdict(gate=PROBE, round=0, outcome=VerdictOutcome.NOT_SHOWN, detail="foretold", measures=(measure,))
        self.store.runs.add_verdict(run, said)

    def _cost(self, run: RunId, hours: float, *, round: int) -> None:  # noqa: A002 - the glossary's word
        spent = GateMeasure(name="hours", value=hours, low=hours, high=hours, limit=24, unit="h", n=1)
        said = Verdict(gate=COST, round=round, outcome=VerdictOutcome.PASSED, detail="spent", measures=(spent,))
        self.store.runs.add_verdict(run, said)

    def _serve(self, version: str, run: RunId | None) -> None:
        serving = Champion(
            stream=self.stream,
            version=version,
            path=version,
            digest=Digest("sha256:" + version),
            at=self.clock.now(),
            run=run,
        )
        self.store.registry.set_champion(serving, reference=None, reason="it serves")

    def _refer(self, version: str) -> None:
        row = ReferenceRow(
            stream=self.stream,
            version=version,
            path=version,
            encoder=Digest("sha256:e"),
            tokenizer=Digest("sha256:t"),
            champion=None,
            texts=500,
            created_at=self.clock.now(),
            in_force=True,
        )
        self.store.registry.add_reference(row, in_force=True)
