"""What stands on an encoder of BERT's family: the layers that restore hidden tokens, or that choose a class.

They are transformers' own, taken from the network that was loaded: they are small, and each architecture has its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftwatch.features.packed.blueprint import UnpackableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from transformers import PreTrainedModel

    Head = Callable[[torch.Tensor], torch.Tensor]
    """Takes hidden states [n, width], returns [n, outputs]."""

_ROBERTAS = ("roberta", "xlm-roberta", "camembert", "mpnet")


def restoring_head(model: PreTrainedModel) -> Head:
    """Return what tells the tokens at places, from the hidden states there.

    Raises:
        UnpackableError: it is not known of this architecture.
    """
    whole: Any = model

    def of_distilbert(states: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = whole.vocab_layer_norm(whole.activation(whole.vocab_transform(states)))
        return whole.vocab_projector(found)  # type: ignore[no-any-return]

    return _of(model, {"bert": "cls", **dict.fromkeys(_ROBERTAS, "lm_head"), "distilbert": of_distilbert})


def choosing_head(model: PreTrainedModel) -> Head:
    """Return what tells a text's class, from the hidden state of its first token.

    Raises:
        UnpackableError: it is not known of this architecture.
    """
    whole: Any = model

    def of_bert(states: torch.Tensor) -> torch.Tensor:
        return whole.classifier(whole.bert.pooler(states[:, None]))  # type: ignore[no-any-return]

    def of_roberta(states: torch.Tensor) -> torch.Tensor:
        return whole.classifier(states[:, None])  # type: ignore[no-any-return]

    def of_distilbert(states: torch.Tensor) -> torch.Tensor:
        return whole.classifier(whole.pre_classifier(states).relu())  # type: ignore[no-any-return]

    return _of(model, {"bert": of_bert, **dict.fromkeys(_ROBERTAS, of_roberta), "distilbert": of_distilbert})


def _of(model: PreTrainedModel, heads: Mapping[str, Head | str]) -> Head:
    kind = str(model.config.model_type)
    if kind not in heads:
        raise UnpackableError(f"where its head begins is not known of {kind}")
    found = heads[kind]
    if not isinstance(found, str):
        return found
    part: Head = getattr(model, found)
    return part
