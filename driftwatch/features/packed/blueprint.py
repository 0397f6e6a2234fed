"""What a packed network is built from: sizes out of a folder's ``config.json``, and what its tensors are called."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class UnpackableError(Exception):
    """This folder's network is none that can be packed; the plain path takes it, or says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the tensors of an architecture are called; those of a layer stand behind ``layer``."""

    layer: str
    query: str
    key: str
    value: str
    joined: str
    attended: str
    wide: str
    narrow: str
    out: str
    types: str | None = None
    distances: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """Sizes of a network.

    Args:
        names: of its tensors.
        layers: how many.
        heads: of attention.
        width: of the hidden states.
        inner: width inside the feed-forward part.
        vocabulary: token ids it knows.
        table: rows of its table of positions.
        padding: id that stands at no position, where positions are counted from behind it (RoBERTa, MPNet); else None.
        eps: of the layer norms.
        activation: as transformers calls it.
    """

    names: Names
    layers: int
    heads: int
    width: int
    inner: int
    vocabulary: int
    table: int
    padding: int | None
    eps: float
    activation: str

    @property
    def positions(self) -> int:
        """Most tokens of a text."""
        return self.table if self.padding is None else self.table - self.padding - 1


BUCKETS = 32
"""Of relative distances: transformers counts so many whatever MPNet's configuration says."""
ACTIVATIONS = {
    "gelu": ("gelu", "none"),
    "gelu_new": ("gelu", "tanh"),
    "gelu_pytorch_tanh": ("gelu", "tanh"),
    "relu": ("relu", ""),
    "silu": ("swish", ""),
}
"""Activations by transformers' name, as oneDNN calls them and their variant."""

_BERT = Names(
    layer="encoder.layer.{}.",
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    joined="attention.output.dense",
    attended="attention.output.LayerNorm",
    wide="intermediate.dense",
    narrow="output.dense",
    out="output.LayerNorm",
    types="embeddings.token_type_embeddings.weight",
)
_DISTILBERT = Names(
    layer="transformer.layer.{}.",
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    joined="attention.out_lin",
    attended="sa_layer_norm",
    wide="ffn.lin1",
    narrow="ffn.lin2",
    out="output_layer_norm",
)
_MPNET = replace(
    _BERT,
    query="attention.attn.q",
    key="attention.attn.k",
    value="attention.attn.v",
    joined="attention.attn.o",
    attended="attention.LayerNorm",
    types=None,
    distances="encoder.relative_attention_bias.weight",
)
_NAMES = {
    "bert": _BERT,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
    "camembert": _BERT,
    "distilbert": _DISTILBERT,
    "mpnet": _MPNET,
}
_FROM_PADDING = frozenset({"roberta", "xlm-roberta", "camembert", "mpnet"})
_MPNETS_PADDING = 1
"""The architecture fixes it, whatever the configuration says."""


def read_blueprint(folder: Path) -> Blueprint:
    """Return the sizes that a folder's configuration tells.

    Raises:
        UnpackableError: it is of another architecture, or of a variant that is computed in another way.
    """
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = config.get("model_type")
    if kind not in _NAMES:
        raise UnpackableError(f"its architecture is {kind}")
    _check_variant(config)
    try:
        return _blueprint(kind, config)
    except (KeyError, TypeError, ValueError) as error:
        raise UnpackableError(f"its config.json does not tell its sizes ({error})") from None


def _check_variant(config: dict[str, Any]) -> None:
    odd = {
        "position_embedding_type": config.get("position_embedding_type") not in {None, "absolute"},
        "is_decoder": bool(config.get("is_decoder")),
        "add_cross_attention": bool(config.get("add_cross_attention")),
        "relative_attention_num_buckets": config.get("relative_attention_num_buckets") not in {None, BUCKETS},
        "quantization_config": config.get("quantization_config") is not None,
    }
    found = [name for name, is_odd in odd.items() if is_odd]
    if found:
        raise UnpackableError(f"its config.json sets {found[0]}")


def _blueprint(kind: str, config: dict[str, Any]) -> Blueprint:
    small = kind == "distilbert"
    activation = str(config.get("activation" if small else "hidden_act", "gelu"))
    if activation not in ACTIVATIONS:
        raise UnpackableError(f"its activation is {activation}")
    padding = None
    if kind in _FROM_PADDING:
        padding = _MPNETS_PADDING if kind == "mpnet" else int(config["pad_token_id"])
    made = Blueprint(
        names=_NAMES[kind],
        layers=int(config["n_layers" if small else "num_hidden_layers"]),
        heads=int(config["n_heads" if small else "num_attention_heads"]),
        width=int(config["dim" if small else "hidden_size"]),
        inner=int(config["hidden_dim" if small else "intermediate_size"]),
        vocabulary=int(config["vocab_size"]),
        table=int(config["max_position_embeddings"]),
        padding=padding,
        eps=1e-12 if small else float(config.get("layer_norm_eps", 1e-12)),
        activation=activation,
    )
    if made.heads < 1 or made.width % made.heads or made.positions < 1:
        raise UnpackableError("its config.json's sizes do not fit each other")
    return made
