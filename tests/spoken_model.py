"""A model whose losses are told, text by text: exact in tests where a network would only be near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.features import Digest, PairScores, PairUnit, TextLosses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftwatch.domain.features import Unreadable
    from driftwatch.domain.text import Text


@dataclass(frozen=True)
class SpokenModel:
    """Gives each body the nats that ``nats`` says, over as many tokens as it has words after the first."""

    nats: Callable[[str], float]
    name: str = "spoken"

    @property
    def digest(self) -> Digest:
        """Name it."""
        return Digest(f"sha256:{self.name:0<64}")

    def losses(self, bodies: Sequence[str]) -> TextLosses:
        """Say what was told."""
        return TextLosses(
            nats=np.array([self.nats(body) for body in bodies], dtype=np.float64),
            tokens=np.array([len(body.split()) - 1 for body in bodies], dtype=np.int64),
            digest=self.digest,
        )

    def score(self, texts: Sequence[Text]) -> TextLosses:
        """Say what was told of the bodies."""
        return self.losses([text.body for text in texts])

    def unreadable(self, bodies: Sequence[str]) -> tuple[Unreadable | None, ...]:
        """Read everything."""
        return (None,) * len(bodies)

    def unreadable_pairs(self, pairs: Sequence[tuple[str, str]]) -> tuple[Unreadable | None, ...]:
        """Read what of both sentences can be read."""
        reasons = self.unreadable([sentence for pair in pairs for sentence in pair])
        return tuple(first or second for first, second in zip(reasons[0::2], reasons[1::2], strict=True))

    def pair_scores(self, pairs: Sequence[tuple[str, str]]) -> PairScores:
        """Say the second sentence's nats less the first's."""
        losses = self.losses([sentence for pair in pairs for sentence in pair]).nats.reshape(-1, 2)
        return PairScores(values=losses[:, 1] - losses[:, 0], unit=PairUnit.NATS, digest=self.digest)
