"""Keeps an unbiased subset: a text's id alone decides, so a replay decides alike."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, ClassVar

from xxhash import xxh3_64_intdigest

from driftwatch.intake.drafts import Drafts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from driftwatch.domain.text import Text

_MEMORY_SECONDS = 60.0
_SHORTEST_SECONDS = 1.0  # two requests a millisecond apart are no thousand a second
_SPACE = 1 << 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """Which texts are kept.

    Args:
        rate: share of all texts, above 0 and at most 1.
        per_second: most texts a second on average; above it the share falls so far as needed.
        salt: changes which texts those are.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    rate: float = 1.0
    per_second: float | None = None
    salt: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise ValueError("rate must be above 0 and at most 1")
        if self.per_second is not None and not self.per_second > 0:
            raise ValueError("per_second must be above 0")


class HashSampler:
    """Keeps a text when the hash of its id lies below the present rate.

    Args:
        settings: share and budget.
    """

    def __init__(self, settings: SampleSettings) -> None:
        self._settings = settings
        self._seed = int.from_bytes(blake2b(settings.salt.encode("utf-8"), digest_size=8).digest(), "big")
        self._arrivals: float | None = None
        self._observed_at: datetime | None = None
        self._guard = threading.Lock()

    @property
    def rate(self) -> float:
        """Share of the texts kept now."""
        budget, arrivals = self._settings.per_second, self._arrivals
        if budget is None or not arrivals:
            return self._settings.rate
        return min(self._settings.rate, budget / arrivals)

    def observe(self, texts: int, at: datetime) -> None:
        """Note how many texts arrived until a moment; their moving average over a minute sets the budget's share."""
        with self._guard:
            if self._observed_at is None or at <= self._observed_at:
                self._observed_at = self._observed_at or at
                return
            seconds = (at - self._observed_at).total_seconds()
            weight = min(seconds / _MEMORY_SECONDS, 1.0)
            self._arrivals = (
                texts / max(seconds, _SHORTEST_SECONDS)
                if self._arrivals is None
                else ((1 - weight) * self._arrivals + weight * texts / seconds)
            )
            self._observed_at = at

    def keep(self, text: Text) -> bool:
        """Whether the text is kept."""
        return len(self.kept([text])) > 0

    def kept(self, texts: Sequence[Text]) -> Sequence[Text]:
        """Return the texts that are kept; drafts stay drafts."""
        rate = self.rate
        if rate >= 1.0:
            return texts
        if isinstance(texts, Drafts):
            return texts.chosen(lambda ids: self._chosen(ids, rate))
        return [texts[place] for place in self._chosen([text.id for text in texts], rate)]

    def _chosen(self, ids: Sequence[str], rate: float) -> list[int]:
        """Return the places of the ids whose hash lies below the rate."""
        least, seed = int(rate * _SPACE), self._seed
        try:
            return [place for place, name in enumerate(ids) if xxh3_64_intdigest(name.encode(), seed) < least]
        except UnicodeEncodeError:  # half a character, which a table may hold
            encoded = (name.encode("utf-8", "surrogatepass") for name in ids)
            return [place for place, name in enumerate(encoded) if xxh3_64_intdigest(name, seed) < least]
