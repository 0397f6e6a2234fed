"""What is minimised: cross-entropy, summed over what is learnt and divided by how much that is in the whole step.

transformers' own losses average each part of an accumulated batch by itself for some architectures (BERT's) and over
the step for others; here a step means the same for all, however it goes through the device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from driftwatch.retrain.finetune.examples import IGNORED
from driftwatch.retrain.finetune.family import Family

if TYPE_CHECKING:
    import torch


class Outputs(Protocol):
    """What a model gives."""

    logits: torch.Tensor


class Objective(Protocol):
    """What transformers' ``Trainer`` calls ``compute_loss_func``."""

    def __call__(
        self, outputs: Outputs, labels: torch.Tensor, num_items_in_batch: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the loss."""
        ...


def objective(family: Family) -> Objective:
    """Return the family's loss."""

    def loss(outputs: Outputs, labels: torch.Tensor, num_items_in_batch: torch.Tensor | None = None) -> torch.Tensor:
        nats, count = nats_of(outputs.logits, labels, family=family)
        return nats / (count if num_items_in_batch is None else num_items_in_batch)

    return loss


def predicted_at(labels: torch.Tensor, *, family: Family) -> torch.Tensor:
    """Return the labels where the logits that predict them are; a causal model's are those of the token after.

    The labels move, for cut logits would be copied, there and back.
    """
    from torch.nn.functional import pad

    return pad(labels[:, 1:], (0, 1), value=IGNORED) if family is Family.CAUSAL else labels


def nats_of(logits: torch.Tensor, labels: torch.Tensor, *, family: Family) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the summed cross-entropy of what is learnt in a batch, and how many predictions that is.

    Args:
        logits: [rows, tokens, vocabulary], or [rows, classes] of a classifier.
        labels: [rows, tokens] or [rows]; a causal model's first column is never learnt.
        family: causal logits are those of the token after.
    """
    from torch.nn.functional import cross_entropy

    labels = predicted_at(labels, family=family).reshape(-1)
    logits = logits.reshape(-1, logits.shape[-1])
    nats = cross_entropy(logits.float(), labels, ignore_index=IGNORED, reduction="sum")
    return nats, labels.ne(IGNORED).sum()
