"""Packed where it can be and has been shown to be the same; else the plain path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from driftwatch.features.model import inspect_model
from driftwatch.features.packed.blueprint import UnpackableError
from driftwatch.features.packed.encoder import PackedEncoder
from driftwatch.features.packed.parity import LEAST_COSINE, Verdicts
from driftwatch.features.transformer import TransformerEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.domain.protocols import Encoder
    from driftwatch.features.encoder import EncoderSettings

log = structlog.get_logger()


def packed_or_plain(folder: Path, settings: EncoderSettings, *, threads: int = 1, cache: Path | None = None) -> Encoder:
    """Load a transformer to embed with; where it cannot be packed, the log says why.

    Args:
        folder: of the model.
        settings: limits of length and batch.
        threads: of torch.
        cache: where it is remembered that a packed encoder is as transformers' own; None to check it each time.

    Raises:
        ModelError: the folder cannot be used.
    """
    path = inspect_model(folder).path
    try:
        packed = PackedEncoder(path, settings, threads=threads)
    except UnpackableError as reason:
        log.info("encoder_plain", model=str(path), reason=str(reason))
        return TransformerEncoder(path, settings, threads=threads)
    verdict = Verdicts(cache).of(packed, path)
    if verdict.passed:
        return packed
    log.warning(
        "encoder_plain",
        model=str(path),
        reason="packed, its embeddings are not those of transformers",
        same_tokens=verdict.same_tokens,
        least_cosine=round(verdict.least_cosine, 6),
        limit=LEAST_COSINE,
    )
    return TransformerEncoder(path, settings, threads=threads)
