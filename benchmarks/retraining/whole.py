"""Which share of a whole run does its probe take, by the clock? A run as the shipped rule asks for it.

``python -m benchmarks.retraining.whole [--quick]``; a job goes through its stages by the recipe ``thorough`` of
``policies/default.yaml``, with its gates and its neutral fine-tunes, and stands still at a clock of the process's
CPU-seconds: what lies between two transitions is what a stage took, whatever it loads, writes and judges.
"""

from __future__ import annotations

import json
import logging
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from benchmarks.retraining.drifts import Drift, fresh_texts, pools
from benchmarks.retraining.small_models import train_champion
from benchmarks.table import Row, at_most, main
from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.domain.run import GateLimits, RunId, RunSpec, RunState
from driftwatch.job import Job
from driftwatch.retrain.recipe import builtin_recipes, find_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from driftwatch.config import Config
    from driftwatch.store import Store

STREAM = "docs"
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_CONFIG = """\
state_dir = "state"

[streams.{stream}]
model = "champion"

[streams.{stream}.encoder]
kind = "static"

[streams.{stream}.reference]
data = ["training.jsonl"]
sample = 4000
"""
_REFERENCE = 6_000
_CHAMPION_STEPS = 500
_MOST = 0.1
"""Share of a run that its probe may take: that of the recipes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """A model, and how much text drifts: as little as the shipped rule asks for, or more.

    Args:
        width: of the model's layers.
        texts: that are fresh.
    """

    width: int
    texts: int


_SIZES = (_Size(width=96, texts=750), _Size(width=96, texts=3_000), _Size(width=384, texts=750))


class _Clock:
    """Tells the CPU-seconds of this process, over all of its threads, as a moment."""

    def now(self) -> datetime:
        """Return that moment."""
        return _BEGIN + timedelta(seconds=time.process_time())


def measure(*, quick: bool) -> Iterator[Row]:
    """Yield, for each size, what the probe takes of the job and of the fine-tune.

    Args:
        quick: the smallest alone.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for size in _SIZES[:1] if quick else _SIZES:
        spent = _stages(size)
        probe, whole = spent[RunState.PROBING], sum(spent.values())
        told = ", ".join(f"{state.value} {seconds:.1f}" for state, seconds in spent.items())
        print(f"width {size.width}, {size.texts:,} texts, CPU-s: {told}", flush=True)
        named = f"model of width {size.width}, {size.texts:,} fresh texts, recipe thorough"
        yield at_most(f"CPU-s of the probe over its fine-tune's, {named}", probe / spent[RunState.TRAINING], _MOST)
        yield at_most(f"CPU-s of the probe over the whole job's, {named}", probe / whole, _MOST)


def _stages(size: _Size) -> Mapping[RunState, float]:
    """Return the CPU-seconds of each stage of a run, its rounds together."""
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as name:
        config = _deployed(Path(name), size)
        store = wiring.open_store(config, clock=_Clock())
        try:
            run = _asked(store, size)
            (config.state_dir / "runs" / run).mkdir(parents=True)
            Job(config, store, run, clock=_Clock()).work()
            moved = store.runs.get(run).transitions
        finally:
            store.close()
    spent: dict[RunState, float] = {}
    for here, after in pairwise(moved):
        spent[here.state] = spent.get(here.state, 0.0) + (after.at - here.at).total_seconds()
    return spent


def _deployed(folder: Path, size: _Size) -> Config:
    """Make a stream with a champion and its reference."""
    learnt = pools()[STREAM].learnt
    train_champion(folder / "champion", learnt, steps=_CHAMPION_STEPS, width=size.width)
    lines = (json.dumps({"text": body}) + "\n" for body in learnt[:_REFERENCE])
    (folder / "training.jsonl").write_text("".join(lines))
    (folder / "driftwatch.toml").write_text(_CONFIG.format(stream=STREAM))
    config = load_config(folder / "driftwatch.toml", environ={})
    wiring.build_reference(config, STREAM)
    return config


def _asked(store: Store, size: _Size) -> RunId:
    """Ask for a run on a third of news, as the shipped rule does."""
    texts = fresh_texts(Drift(champion=STREAM, into="news", share=0.3, texts=size.texts))
    store.texts.take_in(STREAM, source="benchmark", texts=texts, cursor=None, counts={})
    champion, reference = store.registry.champion(STREAM), store.registry.reference(STREAM)
    if champion is None or reference is None:
        raise RuntimeError("the stream has no champion or no reference")
    spec = RunSpec(
        id=RunId("measured"),
        stream=STREAM,
        rule="worth-learning",
        window=1,
        first_seq=1,
        last_seq=len(texts),
        reference=reference.version,
        champion=champion.version,
        recipe=replace(find_recipe("thorough", builtin_recipes()), learning_rates=(1e-3,)),
        limits=GateLimits(),
        rounds=1,
        approve=True,
        worth=0.0,
    )
    store.runs.create(spec, reason="the benchmark asks")
    return spec.id


if __name__ == "__main__":
    main("retraining.whole", lambda quick: list(measure(quick=quick)))
