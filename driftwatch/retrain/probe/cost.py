"""What work costs, counted in tokens that are learnt from: so a probe's share of its run is a share of the clock too.

A probe that looked at the clock itself would foretell something else after a kill, or on a busy machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.retrain.finetune.family import Family
from driftwatch.retrain.finetune.precision import precision_here

if TYPE_CHECKING:
    from driftwatch.domain.run import Recipe

STEP = 100
"""Cost of an optimiser step beside its tokens: 70 to 110 tokens on a CPU, for models of 0.7M to 15M parameters."""

_CONTEXT = 1_024
"""Of a recipe that names none; models whose limit is another have as many steps more or fewer."""

_READ = 1 / 3
"""Cost of a token that is only predicted: the backward pass takes twice the forward's."""

_READ_WIDE = {"cpu": 1.0, "cuda": 2.0}
"""The same where training is in half precision, for models are always scored in float32."""

_PASSES = {Family.CAUSAL: 1, Family.MASKED: 3, Family.CLASSIFIER: 1}
"""How often a text goes through the model that scores it; a masked one hides up to three sets of its tokens."""


def read_cost(family: Family, recipe: Recipe) -> float:
    """Return the cost of one token that a model is measured by, on this machine.

    Args:
        family: of the model.
        recipe: whose precision the run is trained in.

    Raises:
        RunError: this machine does not have that precision.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    wide = precision_here(recipe.precision) != "float32"
    return _PASSES[family] * (_READ_WIDE[device] if wide else _READ)


def train_cost(tokens: float, recipe: Recipe) -> float:
    """Return the cost of learning from so many tokens, every pass counted, in the recipe's batches."""
    return tokens + STEP * steps_of(tokens, recipe)


def steps_of(tokens: float, recipe: Recipe) -> int:
    """Return the optimiser steps that so many tokens take in the recipe's batches."""
    return max(1, round(tokens / step_tokens(recipe)))


def step_tokens(recipe: Recipe) -> int:
    """Return the tokens of one optimiser step by the recipe."""
    return recipe.batch * (recipe.context or _CONTEXT)
