"""Which drills a stream has."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SHARE = (0.01, 1.0)
_WITHIN = (100, 1_000_000)
_LEAST_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillSettings:
    """Drift that must be detected: texts of a file, mixed into a shadow of the stream time and again.

    Args:
        name: of the drill.
        texts: file of the texts that are mixed in, as training data is; somewhat more than share x within of them.
        field: name of the text's field or column; found by itself where only one fits.
        share: of the stream's texts that are replaced in the shadow, 0.01 to 1.
        every: time between two begins, by the texts' own times.
        within: texts of the stream after which a drill without an alarm is missed.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    texts: Path
    field: str | None = None
    share: float = 0.2
    every: timedelta = timedelta(days=7)
    within: int = 2_000

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f'a drill\'s name has lower-case letters, digits and dashes only, not "{self.name}"')
        if not _SHARE[0] <= self.share <= _SHARE[1]:
            raise ValueError("share must lie between 0.01 and 1")
        if not _WITHIN[0] <= self.within <= _WITHIN[1]:
            raise ValueError("within must lie between 100 and 1000000 texts")
        if self.every < _LEAST_EVERY:
            raise ValueError("every must be at least 1m")

    @property
    def least_texts(self) -> int:
        """How many different texts the file must hold, with three standard deviations to spare."""
        mean = self.share * self.within
        return math.ceil(mean + 3.0 * math.sqrt(mean * (1.0 - self.share)))
