"""A model that is asked the same many times: what it said of some texts is kept, so that it is computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.features import Digest, PairScores, TextLosses, Unreadable
    from driftwatch.domain.protocols import Model
    from driftwatch.domain.text import Text, Turn

_Asked: TypeAlias = "tuple[str, str | None, tuple[Turn, ...]]"
"""What of a text a model answers to."""


class RememberedModel:
    """Answers as another model does; the champion is compared with every coefficient of a merge and with every round.

    Args:
        model: that is asked once for each lot of texts.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._known: dict[tuple[str, ...], TextLosses] = {}
        self._scored: dict[tuple[_Asked, ...], TextLosses] = {}
        self._pairs: dict[tuple[tuple[str, str], ...], PairScores] = {}

    @property
    def digest(self) -> Digest:
        """Identity of weights, configuration and tokenizer."""
        return self._model.digest

    def losses(self, bodies: Sequence[str]) -> TextLosses:
        """Return each body's summed cross-entropy in nats and its number of predicted tokens."""
        key = tuple(bodies)
        if key not in self._known:
            self._known[key] = self._model.losses(bodies)
        return self._known[key]

    def score(self, texts: Sequence[Text]) -> TextLosses:
        """Return each text's, by its class or its chat's replies where the model is one for these; else its body's."""
        key = tuple((text.body, text.target, text.turns) for text in texts)
        if key not in self._scored:
            self._scored[key] = self._model.score(texts)
        return self._scored[key]

    def unreadable(self, bodies: Sequence[str]) -> tuple[Unreadable | None, ...]:
        """Say of each body why it cannot be scored as it is written; None where it can."""
        return self._model.unreadable(bodies)

    def unreadable_pairs(self, pairs: Sequence[tuple[str, str]]) -> tuple[Unreadable | None, ...]:
        """Say of each pair why its sentences cannot be scored as they are written, or not be compared; None else."""
        return self._model.unreadable_pairs(pairs)

    def pair_scores(self, pairs: Sequence[tuple[str, str]]) -> PairScores:
        """Return how differently the model takes the two sentences of each pair."""
        key = tuple(pairs)
        if key not in self._pairs:
            self._pairs[key] = self._model.pair_scores(pairs)
        return self._pairs[key]
