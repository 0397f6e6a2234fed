"""All features of texts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.features import Features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.protocols import Encoder, Model, TokenCounter
    from driftwatch.domain.text import Text


class Extractor:
    """Embeds, counts and scores the same texts.

    Args:
        encoder: for embeddings.
        counter: for token counts.
        model: for losses; None for a stream without a model.
    """

    def __init__(self, encoder: Encoder, counter: TokenCounter, model: Model | None) -> None:
        self._encoder = encoder
        self._counter = counter
        self._model = model

    def right(self, texts: Sequence[Text]) -> dict[str, bool]:
        """Return by id whether the model gives each text's class; nothing for models and classes that don't fit."""
        losses = self._model.score(texts) if self._model is not None and texts else None
        if losses is None or losses.correct is None:
            return {}
        answers = zip(texts, losses.correct.tolist(), losses.tokens.tolist(), strict=True)
        return {text.id: correct for text, correct, known in answers if known}

    def features(self, texts: Sequence[Text]) -> Features:
        """Return the features of the texts, in their order."""
        bodies = [text.body for text in texts]
        return Features(
            embeddings=self._encoder.embed(bodies),
            tokens=self._counter.count(bodies),
            losses=self._model.score(texts) if self._model is not None else None,
        )
