"""How evidence is gathered on a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

_LONGEST = 4_096
_LEAST_BURN_IN = 200
_DAYS = (6, 92)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSettings:
    """How the detector ``evidence`` treats a stream's texts.

    Args:
        dependence: ``auto`` chooses the length of blocks on the stream's first texts, ``independent`` bets text by
            text (quicker, and the false-alarm budget is kept only if texts really don't depend on each other), a
            number fixes the groups or texts in a block.
        burn_in: texts on which ``auto`` measures; up to four times as many where these change from part to part.
        witnesses: whether to bet with scores learnt from the recent stream; they need texts that don't depend on each
            other beyond a block, which ``auto`` checks.
        seasons: ``auto`` looks for a daily or weekly pattern on the stream's first days and, where it finds one, takes
            the reference's rates by quarter of the day (``day``), for weekdays and weekends (``week``) or both
            (``day-week``), in UTC; each of these can be fixed, and ``none`` never looks. The reference needs texts with
            times, at least 500 to estimate on for each season.
        seasons_burn_in: whole days on which ``auto`` looks for seasons.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    dependence: str | int = "auto"
    burn_in: int = 1_000
    witnesses: bool = True
    seasons: Literal["auto", "none", "day", "week", "day-week"] = "auto"
    seasons_burn_in: int = 14

    def __post_init__(self) -> None:
        fixed = isinstance(self.dependence, int) and 1 <= self.dependence <= _LONGEST
        if not fixed and self.dependence not in ("auto", "independent"):
            raise ValueError(
                f'dependence is "auto", "independent" or a number from 1 to {_LONGEST:,}, not {self.dependence!r}'
            )
        if self.burn_in < _LEAST_BURN_IN:
            raise ValueError(f"burn_in must be at least {_LEAST_BURN_IN} texts")
        if not _DAYS[0] <= self.seasons_burn_in <= _DAYS[1]:
            raise ValueError(f"seasons_burn_in must lie between {_DAYS[0]} and {_DAYS[1]} days")
