"""How a model's rows are laid out: packed where its attention keeps texts apart, one by one elsewhere."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import RunError
from driftwatch.retrain.finetune.examples import Classified, Examples, Masked, Masking, Packed, Separate
from driftwatch.retrain.finetune.family import Family

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from driftwatch.domain.run import Recipe
    from driftwatch.retrain.finetune.rows import Rows

log = structlog.get_logger()

_DEFAULT_CONTEXT = 1_024
_LEAST_CONTEXT = 2
_PROBED = 12
"""Tokens of each of the two texts that a model is asked about."""

_TOLERANCE = 1e-3
"""Share of the largest logit by which a text's logits may differ packed and alone: rounding, far below attention."""


def context_of(config: PretrainedConfig, recipe: Recipe) -> int:
    """Return the recipe's context within the model's own limit."""
    limit = getattr(config.get_text_config(), "max_position_embeddings", None)
    if limit is not None and config.model_type in ("roberta", "xlm-roberta", "camembert"):
        limit -= int(config.pad_token_id or 0) + 1  # their positions begin after that of the padding
    context = min(recipe.context or limit or _DEFAULT_CONTEXT, limit or recipe.context or _DEFAULT_CONTEXT)
    if context < _LEAST_CONTEXT:
        raise RunError(f"a context of {context} tokens leaves nothing to predict", cure="set a larger context")
    return int(context)


def filler_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the token that pads; it is never looked at nor learnt, so any does where the tokenizer has none."""
    known = (tokenizer.pad_token_id, tokenizer.eos_token_id)
    return next((int(token) for token in known if token is not None), 0)


def lay_out(
    rows: Rows,
    *,
    family: Family,
    config: PretrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    recipe: Recipe,
    packed: bool,
) -> Examples:
    """Return what goes through the model.

    Args:
        rows: tokenised texts.
        family: of the model.
        config: of the model, whose limits and vocabulary count.
        tokenizer: whose mask and padding are used.
        recipe: context, share of masked tokens and seed.
        packed: whether the model keeps packed texts apart.
    """
    if family is Family.CLASSIFIER:
        return Classified(rows)
    if family is Family.MASKED:
        masking = Masking(
            share=recipe.mask,
            token=int(tokenizer.mask_token_id or 0),
            vocabulary=int(config.get_text_config().vocab_size),
            seed=recipe.seed,
        )
        return Masked(rows, masking)
    context = context_of(config, recipe)
    return Packed(rows, context=context, filler=filler_of(tokenizer)) if packed else Separate(rows, context=context)


def keeps_apart(model: PreTrainedModel) -> bool:
    """Whether two texts in one row, told apart by their positions alone, give the logits that each gives alone.

    Most of transformers' causal models read packed texts from ``position_ids``; some do not, and no name tells. So the
    model is asked, in float32, before it is trained.
    """
    import torch

    if "position_ids" not in inspect.signature(model.forward).parameters:
        log.info("not_packed", reason="the model takes no positions")
        return False
    vocabulary = int(model.config.get_text_config().vocab_size)
    tokens = torch.arange(2 * _PROBED).mul(7).remainder(vocabulary).view(2, _PROBED)
    positions = torch.arange(_PROBED)
    was_training = model.training
    model.train(mode=False)
    with torch.no_grad():  # not inference mode: what a model caches must be of use in its training
        alone = [model(input_ids=text[None], position_ids=positions[None]).logits[0] for text in tokens]
        both = model(input_ids=tokens.view(1, -1), position_ids=positions.repeat(2)[None]).logits[0]
    model.train(was_training)
    apart = bool((torch.cat(alone) - both).abs().max() <= _TOLERANCE * both.abs().max())
    if not apart:
        log.info("not_packed", reason="packed texts would see each other in this model")
    return apart
