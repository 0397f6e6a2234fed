"""A program that fine-tunes and tells each step on standard output, to be killed by a test."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from families import texts_of

from driftwatch.domain.run import Recipe
from driftwatch.retrain.finetune import finetune

RECIPE = Recipe(name="tiny", learning_rates=(1e-3,), epochs=2.0, batch=4, context=32, checkpoint_steps=3)
"""Causal, dropout and all."""

STOPPING = Recipe(
    name="stopping",
    learning_rates=(3e-2,),
    epochs=4.0,
    batch=4,
    context=32,
    checkpoint_steps=3,
    patience=3,
    evaluate_steps=2,
)
"""Fast enough to overshoot, so that early stopping goes back to weights of a step before."""

MOST_SELECT = 12


@dataclass(frozen=True)
class Paths:
    """Where a training reads and writes."""

    champion: Path
    texts: Path
    out: Path
    checkpoints: Path


def train(paths: Paths, recipe: Recipe = RECIPE) -> bool:
    """Fine-tune as the arguments say, printing steps done and in all."""
    texts = texts_of(json.loads(paths.texts.read_text()))
    return finetune(
        paths.champion,
        texts,
        recipe,
        round=1,
        out=paths.out,
        checkpoints=paths.checkpoints,
        on_progress=lambda now: print("step", now.done, now.total, flush=True),
        should_stop=lambda: False,
        threads=1,
        select=texts[:MOST_SELECT],
    )


if __name__ == "__main__":
    train(Paths(*map(Path, sys.argv[1:5])), {recipe.name: recipe for recipe in (RECIPE, STOPPING)}[sys.argv[5]])
