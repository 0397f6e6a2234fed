"""Which weights a fine-tune changes: all of them, low-rank adapters, or the output head alone."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import structlog

from driftwatch.domain.errors import RunError
from driftwatch.retrain.finetune.family import Family
from driftwatch.retrain.finetune.folder import Adapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

    from driftwatch.domain.run import Recipe

log = structlog.get_logger()

_TASKS = {Family.CAUSAL: "CAUSAL_LM", Family.CLASSIFIER: "SEQ_CLS", Family.MASKED: None}
_EVERY_LINEAR = "all-linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A trained model as whole weights, and the adapter it came from where the recipe keeps it."""

    model: PreTrainedModel
    adapter: Adapter | None = None


def made_trainable(model: PreTrainedModel, recipe: Recipe, *, family: Family) -> PreTrainedModel:
    """Return the model with only those weights trainable that the recipe's method changes.

    Args:
        model: the champion, every weight trainable.
        recipe: its method, and the adapters' shape.
        family: of the model.

    Raises:
        RunError: the recipe's targets name no module of this model, or it has no head.
    """
    if recipe.method == "head":
        _freeze_all_but_head(model)
        return model
    return _with_adapters(model, recipe, family) if recipe.method == "lora" else model


def trained_weights(model: PreTrainedModel) -> dict[str, torch.nn.Parameter]:
    """Return the weights that training changes, by name, shared ones once."""
    return {name: weights for name, weights in model.named_parameters() if weights.requires_grad}


def finished(model: PreTrainedModel, recipe: Recipe, *, champion: str) -> Finished:
    """Return the model as whole weights, adapters merged into them.

    Args:
        model: trained.
        recipe: whose method made it trainable.
        champion: what a kept adapter calls the model it belongs to.
    """
    if recipe.method != "lora":
        return Finished(model=model)
    adapted = cast("PeftModel", model)
    adapter = _adapter(adapted, champion) if recipe.keep_adapter else None
    return Finished(model=cast("PreTrainedModel", adapted.merge_and_unload()), adapter=adapter)


def _freeze_all_but_head(model: PreTrainedModel) -> None:
    """Freeze the body; what the head shares with it (a tied embedding) is trained, and so changes in both."""
    body = {id(weights) for weights in model.base_model.parameters()} if model.base_model is not model else set()
    output: Any = cast("Any", model).get_output_embeddings()
    shared = {id(weights) for weights in output.parameters()} if output is not None else set()
    kept = [weights for weights in model.parameters() if id(weights) not in body or id(weights) in shared]
    if not kept:
        raise RunError("this model has no head of its own", cure="use a recipe with method full or lora")
    model.requires_grad_(requires_grad=False)
    for weights in kept:
        weights.requires_grad = True
    if any(id(weights) in body for weights in kept):
        log.info("head_is_shared", detail="the head shares its matrix with the input embeddings, which change with it")


def _with_adapters(model: PreTrainedModel, recipe: Recipe, family: Family) -> PreTrainedModel:
    """Return the model inside peft's wrapper.

    Source: Hu et al. 2021, LoRA (arXiv 2106.09685), through peft; the adapters begin as zero, so the first step is the
    champion's.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    alpha: Any = recipe.alpha  # a whole number in peft's signature alone
    targets: Any = list(recipe.targets) or _usual_targets(model)
    torch.manual_seed(recipe.seed)
    settings = LoraConfig(
        r=recipe.rank,
        lora_alpha=alpha,
        lora_dropout=recipe.dropout,
        target_modules=targets,
        fan_in_fan_out=_is_transposed(model, targets),
        task_type=_TASKS[family],
    )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message=".*gradient_checkpointing", category=FutureWarning
            )  # peft's words
            adapted = get_peft_model(model, settings)
    except ValueError as error:
        raise RunError(
            f"adapters cannot be put into this model: {str(error).splitlines()[0]}",
            cure="set targets in the recipe to names of its linear modules, or leave them out",
        ) from error
    return cast("PreTrainedModel", adapted)


def _usual_targets(model: PreTrainedModel) -> list[str] | str:
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as USUAL

    found = USUAL.get(model.config.model_type)
    return list(found) if found else _EVERY_LINEAR


def _is_transposed(model: PreTrainedModel, targets: list[str] | str) -> bool:
    """Whether the targets are GPT-2's ``Conv1D``, whose matrices lie the other way round."""
    from transformers.pytorch_utils import Conv1D

    named = [
        module for name, module in model.named_modules() if targets == _EVERY_LINEAR or name.endswith(tuple(targets))
    ]
    return any(isinstance(module, Conv1D) for module in named)


def _adapter(model: PeftModel, champion: str) -> Adapter:
    from peft import get_peft_model_state_dict

    settings = {**model.peft_config["default"].to_dict(), "inference_mode": True, "base_model_name_or_path": champion}
    tensors: Mapping[str, torch.Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
    copied = {name: weights.detach().to("cpu").contiguous().clone() for name, weights in tensors.items()}
    return Adapter(config=json.dumps(_plain(settings), indent=2, sort_keys=True).encode(), tensors=copied)


def _plain(value: object) -> object:
    """Return peft's settings as JSON knows them; their sets are sorted, so that equal runs write equal bytes."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(_plain(each) for each in value)  # type: ignore[type-var]
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return (
        value if isinstance(value, str | int | float | bool) or value is None else getattr(value, "value", str(value))
    )
