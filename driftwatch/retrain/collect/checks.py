"""Checks of single texts that other rooms can make; whoever starts a run hands them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftwatch.domain.features import Embeddings, TextLosses
    from driftwatch.domain.text import Text
    from driftwatch.retrain.fairness.check import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What is asked about single texts.

    Args:
        private: whether a text holds personal data; None not to ask.
        losses: the champion's losses on bodies; None not to ask.
        identity: groups whose mentions are compared with the reference's; None not to look.
        embed: embeddings of bodies, cheap enough for every fresh text; None not to look for clusters by meaning.
    """

    private: Callable[[str], bool] | None = None
    losses: Callable[[Sequence[str]], TextLosses] | None = None
    identity: Identity | None = None
    embed: Callable[[Sequence[str]], Embeddings] | None = None

    def is_private(self, text: Text) -> bool:
        """Whether personal data are found in the body, the chat or the target."""
        if self.private is None:
            return False
        return any(map(self.private, (text.body, *(turn.content for turn in text.turns), text.target or "")))

    def loss_per_token(self, bodies: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return nats per token, float64 [n]: NaN where that is no number, 0 where a text is too short to predict.

        Raises:
            RunError: the answer does not fit the question.
        """
        if self.losses is None or not bodies:
            return np.zeros(len(bodies))
        found = self.losses(bodies)
        if found.nats.shape != (len(bodies),) or found.tokens.shape != (len(bodies),):
            raise RunError(
                f"the champion gave losses of shape {found.nats.shape} for {len(bodies)} texts",
                cure="check the model's code and weights",
            )
        rate = np.where(found.tokens > 0, found.nats, 0.0) / np.maximum(found.tokens, 1)
        return np.where(np.isfinite(rate) & (rate >= 0), rate, np.nan)


def refuse_many_without_loss(count: int, of: int, *, most: float) -> None:
    """Refuse a champion that gives no loss on many texts.

    Raises:
        RunError: on more than the share ``most`` of them.
    """
    if count > most * of:
        raise RunError(
            f"the champion's loss is no number on {count:,} of {of:,} fresh texts",
            cure="check the serving model: driftwatch doctor loads it and scores a text",
        )
