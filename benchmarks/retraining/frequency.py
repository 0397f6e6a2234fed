"""How often is a model retrained, and how well does it do? A year of traffic under three policies.

``python -m benchmarks.retraining.frequency [--quick] [--seed N] [--policy NAME …] [--data FOLDER]`` measures this part
alone. The product itself lives through it, with the same traffic and first champion; driftwatch's policy is the rule of
``policies/default.yaml`` that retrains, its recipe included, the others train by ``small``. With
``DRIFTWATCH_BENCHMARK`` set, each policy's year is kept in that folder, so that a long measurement can be cut into
pieces: a policy at a time, and all of them at last.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog
import yaml

from benchmarks.retraining.small_models import train_champion
from benchmarks.retraining.year import BEGIN, BESIDE, STREAM, WINDOW, simulated
from benchmarks.table import Row, at_most, print_table
from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.cycle import Cycle, Progressed
from driftwatch.domain.run import RunState
from driftwatch.job import Job
from driftwatch.worker import Analyst

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from benchmarks.retraining.year import Year
    from driftwatch.config import Config
    from driftwatch.domain.analysis import Analysis, AnalysisRequest
    from driftwatch.domain.run import Run
    from driftwatch.store import Store

_CONFIG = """\
state_dir = "state"
policies = ["policies/*.yaml"]

[streams.{stream}]
model = "{champion}"
window = {window}
false_alarms = "1 per 365d"
evidence = {{dependence = "independent"}}

[streams.{stream}.encoder]
kind = "static"

[streams.{stream}.reference]
data = ["training.jsonl"]
heldout = ["heldout.jsonl"]
sample = 6000
"""

_RULE = """\
stream: [{stream}]
rules:
  - name: {name}
    when: {when}
    for: {hold}
    do: retrain
    recipe: {recipe}
    need: {{fresh_texts: {need}}}
    {worth}
    limits: {{cooldown: {cooldown}}}
    gates: {{quality: {{min_gain: 0.0}}, forgetting: {{max_loss: 0.2}}, bias: {{max_increase: 5.0, neutral: 0}}}}
    promote: auto
    probation: {{windows: 0}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A policy under which the year is lived through.

    Args:
        name: of its row.
        when: the condition.
        hold: how long it must hold.
        cooldown: between two runs.
        worth: the rule's line about the probe; empty without one.
        need: fresh texts before a run is asked for.
        recipe: that runs are trained by.
    """

    name: str
    when: str
    hold: str
    cooldown: str
    worth: str = ""
    need: int = WINDOW
    recipe: str = "small"

    @property
    def policy(self) -> str:
        """The policy file."""
        return _RULE.format(
            stream=STREAM,
            name=self.name,
            when=self.when,
            hold=self.hold,
            recipe=self.recipe,
            need=self.need,
            worth=self.worth,
            cooldown=self.cooldown,
        )


_DEFAULT = Path(__file__).parents[2] / "policies" / "default.yaml"

_CHAMPION_STEPS = 600
"""Four passes over its texts: a model that has not finished learning gains by any retraining, drift or none."""


def _shipped() -> Strategy:
    """Return what the default policy says of when to train, on how much and how; gates and promotion are everyone's."""
    (rule,) = [each for each in yaml.safe_load(_DEFAULT.read_text("utf-8"))["rules"] if each["do"] == "retrain"]
    return Strategy(
        name="driftwatch",
        when=rule["when"],
        hold=rule["for"],
        cooldown=rule["limits"]["cooldown"],
        worth=f"worth: {{probe_gain: {rule['worth']['probe_gain']}}}",
        need=rule["need"]["fresh_texts"],
        recipe=rule["recipe"],
    )


OURS = _shipped()
ALARMS = Strategy(name="every-alarm", when="drift.alarm", hold="1 window", cooldown="0s")
MONTHS = Strategy(name="every-month", when="window.texts > 0", hold="1 window", cooldown="30d")
POLICIES = (OURS, ALARMS, MONTHS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What a year came to.

    Args:
        runs: that trained.
        declined: by their probe.
        promoted: that made a new champion.
        loss: mean over the windows of the serving model's loss, nats per token.
        hours: CPU hours of all runs.
        trained: windows after which runs were trained.
        losses: of each window.
    """

    runs: int
    declined: int
    promoted: int
    loss: float
    hours: float
    trained: tuple[int, ...]
    losses: tuple[float, ...] = field(repr=False)


class Clock:
    """Stands at the end of the window that was last seen."""

    def __init__(self) -> None:
        self.moment = BEGIN

    def now(self) -> datetime:
        """Return that moment."""
        return self.moment


def measure(data: Path, *, quick: bool, seed: int = 1) -> Iterable[Row]:
    """Live through the year under each policy; a line is printed as each is over.

    Args:
        data: folder with ``corpora``.
        quick: a year of 52 windows, not of 182.
        seed: of the year.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    lived = live_through(data, POLICIES, windows=52 if quick else 182, seed=seed)
    ours, others = lived[OURS.name], [lived[ALARMS.name], lived[MONTHS.name]]
    for strategy, found in lived.items():
        yield Row(measure=f"runs a year, {strategy}", driftwatch=found.runs)
        yield Row(measure=f"runs declined by their probe, {strategy}", driftwatch=found.declined)
        yield Row(measure=f"promotions a year, {strategy}", driftwatch=found.promoted)
        yield Row(measure=f"mean loss of the year, nats/token, {strategy}", driftwatch=found.loss)
        yield Row(measure=f"CPU-s of runs, {strategy}", driftwatch=3_600 * found.hours)
    fewest, best = min(other.runs for other in others), min(other.loss for other in others)
    yield at_most("runs a year against the rarer of the two", ours.runs, 0.5 * fewest, peer=fewest)
    yield at_most("mean loss against the better of the two", ours.loss, 1.01 * best, peer=best)


def live_through(data: Path, strategies: Iterable[Strategy], *, windows: int, seed: int) -> dict[str, Lived]:
    """Return what the year comes to under each policy, by its name; those that were lived through before are kept."""
    year = simulated(data, windows=windows, seed=seed)
    with tempfile.TemporaryDirectory(prefix="driftwatch-year-") as name:
        folder = Path(os.environ.get("DRIFTWATCH_BENCHMARK", name)) / f"year {windows} {seed}"
        lived = {}
        for each in strategies:
            kept = folder / f"{each.name}-{hashlib.sha256(each.policy.encode()).hexdigest()[:8]}.json"
            if not kept.exists():
                found = _live(_first(folder, year), each, year)
                kept.write_text(json.dumps(asdict(found)))
            lived[each.name] = _told(each, Lived(**json.loads(kept.read_text())))
    return lived


def _told(strategy: Strategy, lived: Lived) -> Lived:
    print(f"{strategy.name}: {lived}", flush=True)
    return lived


def _first(folder: Path, year: Year) -> Path:
    """Make what every policy begins with, once: champion, reference and configuration; return their folder."""
    champion, live = folder / "champion", folder / "live"
    if (folder / "kept").exists():
        return live
    shutil.rmtree(live, ignore_errors=True)
    train_champion(champion, year.training, steps=_CHAMPION_STEPS)
    (live / "policies").mkdir(parents=True)
    (live / "driftwatch.toml").write_text(_CONFIG.format(stream=STREAM, champion=champion, window=WINDOW))
    (live / "policies" / "year.yaml").write_text(OURS.policy)
    for name, bodies in (("training", year.training), ("heldout", year.heldout)):
        lines = (json.dumps({"text": body}) + "\n" for body in bodies)
        (live / f"{name}.jsonl").write_text("".join(lines))
    wiring.build_reference(load_config(live / "driftwatch.toml", environ=os.environ), STREAM)
    shutil.copytree(live, folder / "copied", symlinks=True)
    (folder / "copied").rename(folder / "kept")
    return live


def _live(live: Path, strategy: Strategy, year: Year) -> Lived:
    """Live through the year from the beginning, always in the same folder, for the store knows its paths."""
    shutil.rmtree(live, ignore_errors=True)
    shutil.copytree(live.with_name("kept"), live, symlinks=True)
    (live / "policies" / "year.yaml").write_text(strategy.policy)
    config = load_config(live / "driftwatch.toml", environ=os.environ)
    clock, analyst = Clock(), Analyst(config)
    store = wiring.open_store(config, clock=clock)
    policy = wiring.load_policy(config)
    cycle = Cycle(
        stream=STREAM,
        size=WINDOW,
        budget=config.streams[STREAM].budget,
        store=store,
        analyst=_InProcess(analyst),
        policy=lambda: policy,
        receivers=(),
        clock=clock,
    )
    spent = 0.0
    try:
        for texts in year.traffic:
            clock.moment = texts[-1].seen_at
            store.texts.take_in(STREAM, source="year", texts=texts, cursor=None, counts={})
            if cycle.step() is not Progressed.ASSESSED:
                raise RuntimeError(f"a window of the year was not assessed: {cycle.trouble}")
            spent += _work(config, store, clock)
        return _account(store, windows=len(year.traffic), spent=spent)
    finally:
        store.close()


class _InProcess:
    """The analysis worker without a process of its own."""

    stopped = False

    def __init__(self, analyst: Analyst) -> None:
        self._analyst = analyst

    def assess(self, request: AnalysisRequest) -> Analysis:
        """Assess one window."""
        return self._analyst.assess(request)


def _work(config: Config, store: Store, clock: Clock) -> float:
    """Work on the runs that wait for it, in this process; returns the CPU-seconds that took."""
    begun = time.process_time()
    for run in store.runs.list(stream=STREAM, states=[state for state in RunState if state.working]):
        (config.state_dir / "runs" / run.spec.id).mkdir(parents=True, exist_ok=True)
        Job(config, store, run.spec.id, clock=clock).work()
    return time.process_time() - begun


def _account(store: Store, *, windows: int, spent: float) -> Lived:
    runs = store.runs.list(stream=STREAM, limit=10_000)
    losses = tuple(_loss(store, index) for index in range(windows))
    trained = tuple(sorted(run.spec.window for run in runs if RunState.TRAINING in _passed(run)))
    return Lived(
        runs=len(trained),
        declined=sum(run.state is RunState.DECLINED for run in runs),
        promoted=sum(RunState.PROMOTING in _passed(run) for run in runs),
        loss=float(np.mean(losses)),
        hours=spent / 3_600,
        trained=trained,
        losses=losses,
    )


def _loss(store: Store, index: int) -> float:
    result = store.windows.result(STREAM, index)
    loss = result.value("loss.nats") if result is not None else None
    if loss is None:
        raise RuntimeError(f"window {index} of the year has no loss")
    return loss


def _passed(run: Run) -> set[RunState]:
    return {transition.state for transition in run.transitions}


def _alone() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retraining.frequency")
    parser.add_argument("--quick", action="store_true", help="a year of 52 windows")
    parser.add_argument("--seed", type=int, default=1, help="of the year")
    parser.add_argument("--data", type=Path, default=BESIDE, help="folder with corpora")
    parser.add_argument(
        "--policy", nargs="+", choices=[each.name for each in POLICIES], help="live through these alone"
    )
    arguments = parser.parse_args()
    if arguments.policy:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        chosen = [each for each in POLICIES if each.name in arguments.policy]
        live_through(arguments.data, chosen, windows=52 if arguments.quick else 182, seed=arguments.seed)
        return
    print_table(list(measure(arguments.data, quick=arguments.quick, seed=arguments.seed)))


if __name__ == "__main__":
    _alone()
