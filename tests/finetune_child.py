"""A program that fine-tunes and tells each step on standard output, to be killed by a test."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from driftwatch.domain.run import Recipe
from driftwatch.retrain.finetune import finetune

RECIPE = Recipe(name="tiny", learning_rates=(1e-3,), epochs=2.0, batch=4, context=32, checkpoint_steps=3)


@dataclass(frozen=True)
class Paths:
    """Where a training reads and writes."""

    champion: Path
    texts: Path
    out: Path
    checkpoints: Path


def train(paths: Paths) -> bool:
    """Fine-tune as the arguments say, printing steps done and in all."""
    return finetune(
        paths.champion,
        json.loads(paths.texts.read_text()),
        RECIPE,
        round=1,
        out=paths.out,
        checkpoints=paths.checkpoints,
        on_progress=lambda done, total, _: print("step", done, total, flush=True),
        should_stop=lambda: False,
        threads=1,
    )


if __name__ == "__main__":
    train(Paths(*map(Path, sys.argv[1:])))
