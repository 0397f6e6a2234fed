"""What a champion was trained to do, as its configuration says: that decides how it is loaded, fed and scored."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from driftwatch.domain.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PretrainedConfig


class Family(StrEnum):
    """Kinds of models that can be fine-tuned."""

    CAUSAL = "causal"
    MASKED = "masked"
    CLASSIFIER = "classifier"


_ENDINGS = {
    "ForCausalLM": Family.CAUSAL,
    "LMHeadModel": Family.CAUSAL,
    "ForMaskedLM": Family.MASKED,
    "ForSequenceClassification": Family.CLASSIFIER,
}


def family_of(config: PretrainedConfig, folder: Path) -> Family:
    """Return the family that the architecture's name ends with.

    Raises:
        ModelError: none that can be fine-tuned.
    """
    names = [str(name) for name in getattr(config, "architectures", None) or ()]
    for name in names:
        for ending, family in _ENDINGS.items():
            if name.endswith(ending):
                return family
    raise ModelError(
        f"a model of architecture {', '.join(names) or '(none named)'} cannot be fine-tuned",
        where=str(folder / "config.json"),
        cure="give a causal language model, a masked language model or a sequence classifier",
    )


def auto_class(family: Family) -> Any:  # noqa: ANN401 - transformers types these classes in no useful way
    """Return transformers' class that loads such a model."""
    import transformers

    kinds: dict[Family, Any] = {
        Family.CAUSAL: transformers.AutoModelForCausalLM,
        Family.MASKED: transformers.AutoModelForMaskedLM,
        Family.CLASSIFIER: transformers.AutoModelForSequenceClassification,
    }
    return kinds[family]
