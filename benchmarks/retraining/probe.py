"""Does the probe foretell what a run gains, does it let the worthwhile ones through, and what does it cost?

``python -m benchmarks.retraining.probe [--quick] [--share OF] [--seed N]``; the share of a run that a probe may cost is
the recipes' default where none is given, and so is the seed, which chooses what is held out and every order. Small
GPT-2s trained on the spot meet drifts of real text, from none to whole other domains; each run is probed, then trained
in full whatever the probe says. Costs are CPU-seconds of the process over all its threads, one of torch's, the
libraries loaded before: a run without a probe loads them too.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog
from scipy.stats import spearmanr

from benchmarks.retraining.drifts import DRIFTS, Drift, fresh_texts, pools, texts_of
from benchmarks.retraining.mixes import mixed
from benchmarks.retraining.small_models import CONTEXT, train_champion
from benchmarks.table import Row, at_least, at_most, print_table
from driftwatch.domain.features import Digest, TextLosses
from driftwatch.domain.run import Recipe
from driftwatch.features.loss import load_model
from driftwatch.retrain.finetune import finetune
from driftwatch.retrain.probe.forecast import probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from driftwatch.domain.text import Text
    from driftwatch.retrain.probe.record import Prediction

RECIPE = Recipe(name="benchmark", learning_rates=(1e-3,), epochs=2.0, batch=8, context=CONTEXT, checkpoint_steps=10_000)
CHAMPION_STEPS = 500
REFERENCE = 4_000
_MOST = 0.1
"""Of its run's fine-tune, by the clock."""
WORTHS = (0.01, 0.02, 0.05, 0.1, 0.2)
"""What a rule may ask for, nats per token; the shares are over all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One drift: what was foretold, and what the whole run gained on texts that the probe did not see.

    Args:
        drift: met.
        prediction: of the probe.
        gain: of the run, nats per token.
        probed: CPU-seconds of the probe, everything from planning to its prediction.
        trained: those of the run's fine-tune, everything from loading the champion to the candidate's folder.
    """

    drift: Drift
    prediction: Prediction
    gain: float
    probed: float
    trained: float


class Losses:
    """Losses by model and what they took, kept in a file, so that models measured before need not be trained again.

    Args:
        file: where they are kept.
        champion: folder of the champion.
    """

    def __init__(self, file: Path, champion: Path) -> None:
        self._file, self._champion = file, champion
        self._known: dict[str, list[float]] = json.loads(file.read_text()) if file.exists() else {}

    def tune(self, recipe: Recipe, texts: Sequence[Text], out: Path, *, replay: Sequence[Text] = ()) -> bool:
        """Fine-tune the champion, unless the model was measured before."""
        measured = "towards" if out.name == "trained" else out.name
        if any(name.startswith(f"{measured}:") for name in self._known):
            return True
        return finetune(
            self._champion,
            texts,
            recipe,
            round=1,
            out=out,
            checkpoints=out.with_name("checkpoints"),
            on_progress=lambda _progress: None,
            should_stop=lambda: False,
            threads=1,
            replay=replay,
        )

    def score(self, folder: Path, texts: Sequence[Text]) -> TextLosses:
        """Return a model's losses."""
        name = f"{folder.name}:{texts[0].id}:{len(texts)}"
        if name not in self._known:
            found = load_model(folder).losses([text.body for text in texts])
            self._keep(name, [*found.nats.tolist(), *found.tokens.tolist()])
        values = self._known[name]
        half = len(values) // 2
        return TextLosses(
            nats=np.array(values[:half]),
            tokens=np.array(values[half:], dtype=np.int64),
            digest=Digest(f"sha256:{name:0<64}"),
        )

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Keep the CPU-seconds of the block under a name, for good; they are of all threads."""
        begun = time.process_time()
        yield
        if name not in self._known:
            self._keep(name, [time.process_time() - begun])

    def seconds(self, name: str) -> float:
        """Return what is kept under a name."""
        return self._known[name][0]

    def _keep(self, name: str, values: list[float]) -> None:
        self._known[name] = values
        self._file.write_text(json.dumps(self._known))


def measure(quick: bool, *, share: float = RECIPE.probe, seed: int = RECIPE.seed) -> list[Row]:
    """Probe and train every drift.

    With ``DRIFTWATCH_BENCHMARK`` set, models and losses are kept in that folder.

    Args:
        quick: three drifts alone.
        share: of its run's fine-tune that a probe may cost.
        seed: of the recipe.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    recipe = replace(RECIPE, probe=share, seed=seed)
    drifts = DRIFTS[:3] if quick else DRIFTS
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as name:
        work = Path(os.environ.get("DRIFTWATCH_BENCHMARK", name))
        work.mkdir(parents=True, exist_ok=True)
        return rows([_case(work, drift, recipe) for drift in drifts], share=share)


def _case(work: Path, drift: Drift, recipe: Recipe) -> Case:
    champion = train_champion(work / drift.champion, pools()[drift.champion].learnt, steps=CHAMPION_STEPS)
    old = texts_of(pools()[drift.champion].learnt[:REFERENCE], kind="old")
    mix = mixed(fresh_texts(drift), old, recipe, work / f"mix {drift.name} {recipe.seed}")
    losses = Losses(work / f"{drift.name} {recipe.probe} {recipe.seed}.json", champion)
    folder = work / f"scratch {drift.name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _load_libraries(champion)
    with losses.timed("the probe"):
        prediction = probe(
            champion,
            mix.fresh,
            mix.replay,
            mix.select,
            recipe,
            worth=0.0,
            folder=folder / "probe",
            tune=losses.tune,
            score=losses.score,
        )
    if prediction is None:
        raise RuntimeError(drift.name)
    with losses.timed("the run"):
        losses.tune(recipe, mix.fresh, folder / "whole", replay=mix.replay)
    probed, trained = losses.seconds("the probe"), losses.seconds("the run")
    before, after = losses.score(champion, mix.judge), losses.score(folder / "whole", mix.judge)
    gain = float((before.nats - after.nats).sum() / before.tokens.sum())
    print(
        f"{drift.name:28s} gain {gain:+.3f}  foretold {prediction.gain:+.3f} [{prediction.low:+.3f}, "
        f"{prediction.high:+.3f}]  cost {prediction.cost:.1%}  CPU-s {probed:.2f} of {trained:.1f}: "
        f"{probed / trained:.1%}",
        flush=True,
    )
    return Case(drift=drift, prediction=prediction, gain=gain, probed=probed, trained=trained)


@cache
def _load_libraries(champion: Path) -> None:
    """Train and score a little: what a process loads once, a run without a probe loads too."""
    texts = texts_of(["so that everything is loaded before it is timed"] * 4, kind="first")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        losses = Losses(folder / "first.json", champion)
        losses.tune(replace(RECIPE, batch=1, epochs=1.0), texts, folder / "first")
        losses.score(folder / "first", texts)


def rows(cases: Sequence[Case], *, share: float) -> list[Row]:
    """Return the figures of probes that may cost such a share."""
    foretold = [case.prediction.gain for case in cases]
    gains = [case.gain for case in cases]
    inside = sum(case.prediction.low <= case.gain <= case.prediction.high for case in cases)
    good = [(case, worth) for case in cases for worth in WORTHS if case.gain >= worth]
    idle = [(case, worth) for case in cases for worth in WORTHS if case.gain < worth]
    planned = [case.prediction.cost for case in cases]
    clock = [case.probed / case.trained for case in cases]
    declined = [[case.prediction.high < worth for case, worth in lot] for lot in (good, idle)]
    return [
        Row(measure="drifts", driftwatch=len(cases)),
        at_least("rank correlation of foretold and true gain", float(spearmanr(foretold, gains).statistic), 0.8),
        at_most("share of worthwhile runs declined", float(np.mean(declined[0])), 0.05),
        Row(measure="share of idle runs declined", driftwatch=float(np.mean(declined[1])) if idle else float("nan")),
        Row(measure="share of gains inside the 90% interval", driftwatch=inside / len(cases)),
        at_most("the probe's cost over its run's fine-tune as planned, at most", max(planned), share),
        at_most("CPU-s of the probe over its run's fine-tune, median", float(np.median(clock)), _MOST),
        at_most(
            "CPU-s of the probes over the runs' fine-tunes, together",
            sum(case.probed for case in cases) / sum(case.trained for case in cases),
            _MOST,
        ),
        Row(measure="CPU-s of the probe over its run's fine-tune, at most", driftwatch=max(clock)),
    ]


def _alone() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retraining.probe")
    parser.add_argument("--quick", action="store_true", help="three drifts")
    parser.add_argument("--share", type=float, default=RECIPE.probe, help="of its fine-tune that a probe may cost")
    parser.add_argument("--seed", type=int, default=RECIPE.seed, help="of what is held out, and of every order")
    arguments = parser.parse_args()
    print_table(measure(arguments.quick, share=arguments.share, seed=arguments.seed))


if __name__ == "__main__":
    _alone()
