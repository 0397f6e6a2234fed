"""Real texts as the product sees them: by its own encoder and counter of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from driftwatch.domain.features import Embeddings, Features

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Kind = Literal["static", "transformer"]
_CHUNK = 2_000


def featured(bodies: Sequence[str], *, kind: Kind, cache: Path) -> Features:
    """Return embeddings and token counts of texts, in their order.

    Args:
        bodies: of the texts.
        kind: of the product's encoder, with the model it takes unless told otherwise.
        cache: folder where encoders are kept.
    """
    from driftwatch.features.counting import load_counter
    from driftwatch.features.encoder import EncoderSettings, find_folder, load_encoder

    settings = EncoderSettings(kind=kind)
    encoder = load_encoder(settings, threads=1, cache=cache)
    chunks = [bodies[start : start + _CHUNK] for start in range(0, len(bodies), _CHUNK)]
    values = np.concatenate([encoder.embed(chunk).values for chunk in chunks]).astype(np.float32)
    tokens = load_counter(find_folder(settings.name)).count(bodies)
    return Features(embeddings=Embeddings(values=values, digest=encoder.digest), tokens=tokens, losses=None)
