"""What the demo claims, each checked against the store, the receiver or the metrics, never against its own story."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One line of the closing table."""

    at: datetime
    what: str
    figures: str
    held: bool


@dataclass(slots=True)
class Claims:
    """Collects claims in the order they were checked."""

    now: Callable[[], datetime]
    made: list[Claim] = field(default_factory=list)

    def check(self, what: str, *, held: bool, figures: str = "", at: datetime | None = None) -> bool:
        """Record a claim and whether it held."""
        self.made.append(Claim(at=at or self.now(), what=what, figures=figures, held=held))
        return held

    @property
    def all_held(self) -> bool:
        """Whether there were claims and none failed."""
        return bool(self.made) and all(claim.held for claim in self.made)
