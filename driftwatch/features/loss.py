"""The champion's own loss on each text, whatever family it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.errors import ModelError
from driftwatch.features.model import Family, inspect_model

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.domain.protocols import Model


def load_model(path: Path, *, threads: int = 1) -> Model:
    """Load a model that can score texts: a causal or masked language model, or a classifier.

    Args:
        path: of its folder.
        threads: of torch.

    Raises:
        ModelError: the folder cannot be used, or the model only embeds texts.
    """
    from driftwatch.features.causal import CausalModel
    from driftwatch.features.classifier import ClassifierModel
    from driftwatch.features.masked import MaskedModel

    folder = inspect_model(path)
    match folder.family:
        case Family.CAUSAL:
            return CausalModel(folder.path, threads=threads)
        case Family.MASKED:
            return MaskedModel(folder.path, threads=threads)
        case Family.CLASSIFIER:
            return ClassifierModel(folder.path, threads=threads)
        case Family.BARE:
            raise ModelError(
                "this model has no head: it embeds texts, but predicts nothing",
                where=str(path),
                cure="give a causal or masked language model, or a sequence classifier",
            )
