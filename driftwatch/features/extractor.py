"""All features of texts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.features import Features, Tier

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from driftwatch.domain.protocols import Encoder, Model, TokenCounter
    from driftwatch.domain.text import Text


class Extractor:
    """Embeds, counts and scores the same texts.

    Args:
        encoder: for embeddings of every text.
        counter: for token counts.
        model: for losses; None for a stream without a model.
        tier: the dearer encoder of a second tier; None where one encoder reads every text.
    """

    def __init__(
        self, encoder: Encoder, counter: TokenCounter, model: Model | None, *, tier: Encoder | None = None
    ) -> None:
        self._encoder = encoder
        self._counter = counter
        self._model = model
        self._tier = tier

    def right(self, texts: Sequence[Text]) -> dict[str, bool]:
        """Return by id whether the model gives each text's class; nothing for models and classes that don't fit."""
        losses = self._model.score(texts) if self._model is not None and texts else None
        if losses is None or losses.correct is None:
            return {}
        answers = zip(texts, losses.correct.tolist(), losses.tokens.tolist(), strict=True)
        return {text.id: correct for text, correct, known in answers if known}

    def features(self, texts: Sequence[Text], *, closely: npt.NDArray[np.int64] | None = None) -> Features:
        """Return the features of the texts, in their order.

        Args:
            texts: n of them.
            closely: int64 [m], ascending, rows that the transformer tier reads, where there is one; None for all.
        """
        bodies = [text.body for text in texts]
        return Features(
            embeddings=self._encoder.embed(bodies),
            tokens=self._counter.count(bodies),
            losses=self._model.score(texts) if self._model is not None else None,
            tier=self._read_closely(bodies, closely),
        )

    def _read_closely(self, bodies: Sequence[str], closely: npt.NDArray[np.int64] | None) -> Tier | None:
        if self._tier is None:
            return None
        rows = np.arange(len(bodies), dtype=np.int64) if closely is None else closely
        return Tier(rows=rows, embeddings=self._tier.embed([bodies[row] for row in rows.tolist()]))
