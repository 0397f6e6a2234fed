"""How much of a plain fine-tune's gain is kept, and how little is forgotten, with replay and merge.

``python -m benchmarks.retraining.forgetting [--quick] [--json FILE]``. A small documentation model is fine-tuned on
news, and a news model on documentation: once plainly, once as a run does it by the recipes' default, with a fifth of
replayed text on which it is held to the champion, and the merge's coefficient searched for. The limit of forgetting
that the search is told is a fifth of what the plain fine-tune forgets; what is shown is measured on
texts that neither training nor search saw.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.retraining.drifts import Drift, fresh_texts, pools, texts_of
from benchmarks.retraining.mixes import mixed
from benchmarks.retraining.probe import CHAMPION_STEPS, RECIPE, REFERENCE
from benchmarks.retraining.small_models import train_champion
from benchmarks.table import Row, at_least, at_most, main
from driftwatch.domain.run import GateLimits
from driftwatch.features.loss import load_model
from driftwatch.gate.remembered import RememberedModel
from driftwatch.gate.verdicts import compare, whole_rise
from driftwatch.job import judging
from driftwatch.job.merging import Merging
from driftwatch.retrain.finetune import finetune

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.protocols import GateData, Model
    from driftwatch.domain.text import Text

SHARE = 0.2
"""Of the plain fine-tune's forgetting: the limit that the merge is told, and the target."""

GAIN_KEPT = 0.92
DIRECTIONS = (
    Drift(champion="docs", into="news", share=1.0, texts=600),
    Drift(champion="news", into="docs", share=1.0, texts=600),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A fine-tune's gain on the new text and its forgetting of the old, nats per token."""

    gain: float
    loss: float


def measure(quick: bool) -> list[Row]:
    """Fine-tune both ways in both directions; return the figures."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as name:
        work = Path(os.environ.get("DRIFTWATCH_BENCHMARK", name))
        work.mkdir(parents=True, exist_ok=True)
        for drift in DIRECTIONS[:1] if quick else DIRECTIONS:
            found += _rows(work, drift)
    return found


def _rows(work: Path, drift: Drift) -> list[Row]:
    champion = train_champion(work / drift.champion, pools()[drift.champion].learnt, steps=CHAMPION_STEPS)
    old = texts_of(pools()[drift.champion].learnt[:REFERENCE], kind="old")
    mix = mixed(fresh_texts(drift), old, RECIPE, work / "mix forgetting")
    folder = work / "forgetting"
    shutil.rmtree(folder, ignore_errors=True)
    known = RememberedModel(load_model(champion))
    _tune(champion, mix.fresh, (), folder / "plain")
    _tune(champion, mix.fresh, mix.replay, folder / "trained")
    chosen_by, judged_by = judging.selection(mix), judging.judgement(mix)
    limit = SHARE * _outcome(folder / "plain", known, chosen_by).loss
    plain, replayed = (_outcome(folder / model, known, judged_by) for model in ("plain", "trained"))
    curve = Merging(
        champion,
        trained=folder / "trained",
        candidate=folder / "candidate",
        curve=folder / "merge.json",
        load=load_model,
    ).work(RECIPE.merge, known, chosen_by, limits=GateLimits(forgetting_max_loss=limit), seed=RECIPE.seed)
    ours = _outcome(folder / "candidate", known, judged_by)
    way = f"{drift.champion} to {drift.into}"
    return [
        Row(measure=f"{way}: plain gain, nats/token", driftwatch=plain.gain),
        Row(measure=f"{way}: plain loss, nats/token", driftwatch=plain.loss),
        Row(measure=f"{way}: share of plain's loss with replay alone", driftwatch=replayed.loss / plain.loss),
        Row(measure=f"{way}: coefficient chosen", driftwatch=curve.chosen if curve is not None else 1.0),
        at_least(f"{way}: share of plain's gain kept", ours.gain / plain.gain, GAIN_KEPT),
        at_most(f"{way}: share of plain's loss", ours.loss / plain.loss, SHARE),
    ]


def _tune(champion: Path, texts: Sequence[Text], replay: Sequence[Text], out: Path) -> None:
    finetune(
        champion,
        texts,
        RECIPE,
        round=1,
        out=out,
        checkpoints=out.with_name("checkpoints"),
        on_progress=lambda _progress: None,
        should_stop=lambda: False,
        threads=1,
        replay=replay,
    )


def _outcome(folder: Path, champion: Model, data: GateData) -> Outcome:
    model = load_model(folder)
    gain = whole_rise(compare(model, champion, data.fresh), seed=1)
    loss = whole_rise(compare(model, champion, data.reference), seed=1)
    return Outcome(gain=-gain.value, loss=loss.value)


if __name__ == "__main__":
    main("retraining.forgetting", measure)
