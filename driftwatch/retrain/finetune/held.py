"""Cross-entropy and divergence from the champion at once, with their gradient written down.

Both look at the same log-softmax, and the divergence adds a difference of two distributions to the gradient. Through
autograd it would go over the whole batch's logits twice more, for the replayed fifth alone. Written down, and in place
on the rows that are kept, it costs no more than cross-entropy alone does through autograd.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from driftwatch.retrain.finetune.examples import IGNORED

if TYPE_CHECKING:
    import torch


def held_nats(logits: torch.Tensor, labels: torch.Tensor, *, champion: torch.Tensor, weight: float) -> torch.Tensor:
    """Return the summed cross-entropy, and ``weight`` times the divergence from the champion where rows are kept.

    The divergence is that of Kullback and Leibler, of the model's predictions from the champion's, nats.

    Args:
        logits: [rows, tokens, vocabulary], or [rows, classes] of a classifier.
        labels: int64 [rows, tokens] or [rows], where the logits that predict them are; ``IGNORED`` is not learnt.
        champion: its logits on the last rows, those on which the model should stay as it is.
        weight: of the divergence.
    """
    return cast("torch.Tensor", _held().apply(logits, labels, champion, weight))


@cache
def _held() -> Any:  # noqa: ANN401 - torch's class of functions, which must not load with this file
    import torch
    from torch.nn.functional import log_softmax

    class Held(torch.autograd.Function):
        """The sum of both."""

        @staticmethod
        def forward(  # type: ignore[override, unused-ignore]
            ctx: Any,  # noqa: ANN401 - torch's
            logits: torch.Tensor,
            labels: torch.Tensor,
            champion: torch.Tensor,
            weight: float,
        ) -> torch.Tensor:
            kept = slice(len(logits) - len(champion), None)
            ours = log_softmax(logits, dim=-1, dtype=torch.float32)
            theirs = log_softmax(champion, dim=-1, dtype=torch.float32)
            learnt = labels.ne(IGNORED)
            label = labels.clamp(min=0)[..., None]
            weights = weight * learnt[kept].float()
            said = theirs.exp()
            entropy = -(ours.gather(-1, label)[..., 0] * learnt).sum()
            departed = theirs.sub_(ours[kept]).mul_(said).sum(-1)
            ctx.save_for_backward(ours, said, learnt, label, weights)
            ctx.dtype = logits.dtype
            return entropy + (weights * departed).sum()

        @staticmethod
        def backward(ctx: Any, scale: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override, unused-ignore]  # noqa: ANN401
            ours, said, learnt, label, weights = ctx.saved_tensors
            # softmax − label of what is learnt; on kept rows also weight · (softmax − the champion's)
            share, pull = scale * learnt, scale * weights
            kept = slice(len(share) - len(pull), None)
            one = -share[..., None]
            share[kept] += pull
            gradient = ours.exp_().mul_(share[..., None])  # nobody needs the logarithms any more
            gradient.scatter_add_(-1, label, one)
            gradient[kept].addcmul_(said, pull[..., None], value=-1)
            return gradient.to(ctx.dtype), None, None, None

    return Held
