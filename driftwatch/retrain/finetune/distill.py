"""Distillation: on replayed texts the model is held to what the champion itself says there.

A replayed text alone teaches one next token where the champion knows a whole distribution of them; held to that, a
fifth of replayed text keeps what takes a half without. Source: Li and Hoiem 2016, Learning without Forgetting (arXiv
1606.09282), on replayed texts instead of new ones; Hinton, Vinyals and Dean 2015 (arXiv 1503.02531) at temperature 1.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from driftwatch.retrain.finetune.examples import IGNORED, KEPT
from driftwatch.retrain.finetune.folder import load_trainable
from driftwatch.retrain.finetune.held import held_nats
from driftwatch.retrain.finetune.objective import nats_of, predicted_at
from driftwatch.retrain.finetune.precision import precision_here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, Trainer

    from driftwatch.domain.run import Recipe
    from driftwatch.retrain.finetune.family import Family
    from driftwatch.retrain.finetune.objective import Outputs


class Distilling:
    """The loss of a training with rows on which the model should stay as it is: cross-entropy, and what it departs.

    Args:
        family: of the model.
        weight: of the divergence beside the cross-entropy, per prediction.
        champion: what the model should stay like.
    """

    def __init__(self, family: Family, weight: float, champion: Champion) -> None:
        self._family, self._weight, self._champion = family, weight, champion
        self._said: torch.Tensor | None = None

    def ask(self, inputs: dict[str, Any]) -> None:
        """Have the champion look at those rows of a batch, before the model does; takes the word of them out of it."""
        self._said = None
        kept = inputs.pop(KEPT, None)
        if kept is not None:
            first = len(kept) - int(kept.sum())  # they are the batch's last rows
            self._said = self._champion.logits(
                {name: each[first:] for name, each in inputs.items() if name != "labels"}
            )

    def __call__(
        self, outputs: Outputs, labels: torch.Tensor, num_items_in_batch: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the loss of the batch that was asked about."""
        if self._said is None:
            nats, count = nats_of(outputs.logits, labels, family=self._family)
        else:
            labels = predicted_at(labels, family=self._family)
            nats, count = (
                held_nats(outputs.logits, labels, champion=self._said, weight=self._weight),
                labels.ne(IGNORED).sum(),
            )
            self._said = None
        return nats / (count if num_items_in_batch is None else num_items_in_batch)


class Champion:
    """The champion beside the model that is trained from it: adapters switched off, or a copy that only looks.

    Args:
        folder: of the champion.
        model: trained from it.
        recipe: method and precision; a copy is kept in the precision that it is used in.
    """

    def __init__(self, folder: Path, model: PreTrainedModel, recipe: Recipe) -> None:
        import torch

        self._adapted = cast("PeftModel", model) if recipe.method == "lora" else None
        self._copy: torch.nn.Module | None = None
        if self._adapted is None:
            copy = load_trainable(folder).train(mode=False).requires_grad_(requires_grad=False)
            half = precision_here(recipe.precision) == "bfloat16"
            self._copy = cast("torch.nn.Module", copy).to(torch.bfloat16 if half else torch.float32)

    def logits(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return what the champion says of some rows, without dropout and without drawing a random number."""
        import torch

        with torch.no_grad(), self._looking(inputs["input_ids"].device) as model:
            found: torch.Tensor = model(**inputs).logits
        return found

    @contextmanager
    def _looking(self, device: torch.device) -> Iterator[torch.nn.Module]:
        if self._copy is not None:
            yield self._copy.to(device)
        elif self._adapted is not None:
            was_training = self._adapted.training
            self._adapted.train(mode=False)
            with self._adapted.disable_adapter():
                yield self._adapted
            self._adapted.train(was_training)


def distilling_trainer() -> type[Trainer]:
    """Return a ``Trainer`` whose ``compute_loss_func`` is a ``Distilling`` that sees each batch before the model."""
    from transformers import Trainer

    return cast("type[Trainer]", type("DistillingTrainer", (_Asking, Trainer), {}))


class _Asking:
    """What the trainer does more, but for the base class, which would load transformers with this file."""

    compute_loss_func: Distilling

    def compute_loss(self, model: torch.nn.Module, inputs: dict[str, Any], *given: Any, **named: Any) -> Any:  # noqa: ANN401 - handed on
        """Ask the champion first."""
        self.compute_loss_func.ask(inputs)
        return cast("Trainer", super()).compute_loss(model, inputs, *given, **named)
