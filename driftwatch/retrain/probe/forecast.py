"""The probe itself: plan, a small training, two measurements, one prediction."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Protocol

import numpy as np
import structlog

from driftwatch.retrain.finetune.family import family_of
from driftwatch.retrain.finetune.folder import load_config, load_tokenizer
from driftwatch.retrain.merge import interpolate
from driftwatch.retrain.probe.cost import read_cost, steps_of
from driftwatch.retrain.probe.extrapolation import PART, Measured, extrapolate
from driftwatch.retrain.probe.plan import Plan, plan, recipe_of
from driftwatch.retrain.probe.record import RECORD, Prediction, ProbePoint, load_prediction, save_prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from driftwatch.domain.features import TextLosses
    from driftwatch.domain.run import Recipe
    from driftwatch.domain.text import Text

log = structlog.get_logger()

LEAST_HELD = 10
"""Fewest held-out texts that a probe is measured by."""

LEAST_TRAINED = 5
"""Fewest texts of the small training."""


class Tune(Protocol):
    """Fine-tunes the champion."""

    def __call__(self, recipe: Recipe, texts: Sequence[Text], out: Path) -> bool:
        """Train on new texts into a folder; false when stopped before the end."""
        ...


def probe(  # noqa: PLR0913 - what a run trains on and is measured by, each named by its caller
    champion: Path,
    fresh: Sequence[Text],
    replay: Sequence[Text],
    held: Sequence[Text],
    recipe: Recipe,
    *,
    worth: float,
    folder: Path,
    tune: Tune,
    score: Callable[[Path, Sequence[Text]], TextLosses],
) -> Prediction | None:
    """Foretell the run's gain; done again after a kill or a stop, it goes on where it was and foretells the same.

    Args:
        champion: transformers folder.
        fresh: new texts that the run trains on.
        replay: those of the reference that it trains on again.
        held: fresh texts to measure by; never those of the final judgement.
        recipe: of the run.
        worth: least gain that the rule asks for, in the unit of the losses.
        folder: the probe's own.
        tune: fine-tunes the champion.
        score: returns a model's losses.

    Returns:
        The prediction; None after a stop.
    """
    if (known := load_prediction(folder / RECORD)) is not None:
        return known
    read = read_cost(family_of(load_config(champion), champion), recipe)
    planned = plan(fresh, replay, held, recipe, count=_counting(champion, recipe), read=read)
    if len(planned.held) < LEAST_HELD or len(planned.part) < LEAST_TRAINED:
        prediction = _nothing(planned, worth)
    else:
        smaller, trained, towards = recipe_of(recipe, planned.tokens), folder / "trained", folder / "towards"
        if not tune(smaller, planned.part, trained):
            return None
        interpolate(champion, trained, PART, towards, exact=True)
        losses = score(champion, planned.held), score(towards, planned.held)
        prediction = _foretold(planned, *losses, smaller, worth)
        for each in (towards, trained):
            shutil.rmtree(each, ignore_errors=True)
    save_prediction(prediction, folder / RECORD)
    log.info("probed", gain=prediction.gain, low=prediction.low, high=prediction.high, cost=prediction.cost)
    return prediction


def _foretold(planned: Plan, champion: TextLosses, towards: TextLosses, smaller: Recipe, worth: float) -> Prediction:
    found = extrapolate(
        Measured(
            champion=champion.nats,
            towards=towards.nats,
            tokens=champion.tokens.astype(np.float64),
            groups=[text.id if text.group is None else f"group {text.group}" for text in planned.held],
        ),
        tokens=planned.tokens,
        full=planned.fresh_tokens,
        steps=steps_of(planned.tokens, smaller),
        seed=smaller.seed,
    )
    small, whole = found.small, found.whole
    return Prediction(
        gain=whole.value,
        low=whole.low,
        high=whole.high,
        worth=worth,
        trained=ProbePoint(tokens=planned.tokens, gain=small.value, low=small.low, high=small.high),
        full_tokens=planned.full_tokens,
        texts=len(planned.held),
        cost=planned.cost,
        unit=champion.unit,
    )


def _nothing(planned: Plan, worth: float) -> Prediction:
    """Return the prediction of a probe that has too little to go by: the run is not declined for that."""
    why = f"its budget holds {len(planned.part)} texts to train on and {len(planned.held)} to measure by"
    return Prediction(
        gain=0.0,
        low=0.0,
        high=0.0,
        worth=worth,
        trained=None,
        full_tokens=planned.full_tokens,
        texts=0,
        cost=0.0,
        note=why,
    )


def _counting(champion: Path, recipe: Recipe) -> Callable[[Sequence[Text]], list[int]]:
    """Return what counts each text's tokens, its end too; the tokenizer is loaded once."""
    tokenizer, longest = load_tokenizer(champion), recipe.context or 1_024

    def count(texts: Sequence[Text]) -> list[int]:
        if not texts:
            return []
        rows = tokenizer([text.body for text in texts], add_special_tokens=False, verbose=False)["input_ids"]
        return [min(len(row), longest) + 1 for row in rows]

    return count
