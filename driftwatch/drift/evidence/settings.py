"""How evidence is gathered on a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

_LONGEST = 4_096
_LEAST_BURN_IN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSettings:
    """How the detector ``evidence`` treats a stream's texts.

    Args:
        dependence: ``auto`` chooses the length of blocks on the stream's first texts, ``independent`` bets text by
            text (quicker, and the false-alarm budget is kept only if texts really don't depend on each other), a
            number fixes the groups or texts in a block.
        burn_in: texts on which ``auto`` measures.
        witnesses: whether to bet with scores learnt from the recent stream; they need texts that don't depend on each
            other beyond a block, which ``auto`` checks.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    dependence: str | int = "auto"
    burn_in: int = 1_000
    witnesses: bool = True

    def __post_init__(self) -> None:
        fixed = isinstance(self.dependence, int) and 1 <= self.dependence <= _LONGEST
        if not fixed and self.dependence not in ("auto", "independent"):
            raise ValueError(
                f'dependence is "auto", "independent" or a number from 1 to {_LONGEST:,}, not {self.dependence!r}'
            )
        if self.burn_in < _LEAST_BURN_IN:
            raise ValueError(f"burn_in must be at least {_LEAST_BURN_IN} texts")
