"""Seasons: hours of the day and days of the week at which a stream's texts differ, as a burn-in of days shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftwatch.domain.text import Text

Counts = npt.NDArray[np.int32]
Classes = npt.NDArray[np.int64]
QUARTERS = 4
TOPICS = 64
_HOURS = 24 // QUARTERS
_SATURDAY = 5
CLASSES: Mapping[str, int] = MappingProxyType({"none": 1, "day": QUARTERS, "week": 2, "day-week": 2 * QUARTERS})
"""Schemes by name, simplest first, and how many seasons each tells apart."""
_PATTERN = {"day": "a daily pattern", "week": "a weekly pattern", "day-week": "a daily and weekly pattern"}
_BY = {"day": "quarter of the day", "week": "weekdays and weekends", "day-week": "quarter of the day and kind of day"}
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _UNKNOWN.toordinal()
_LEAST_ON_A_DAY = 40
_LEAST_DAYS = 2
_MOST_DAYS = 4
_WEIGHTS = (0.1, 0.3, 0.6, 0.9)
_FINER = 1.1
_SIGNIFICANT = 4.0
_RELEVANT = 0.001


def season_of(scheme: str, at: datetime) -> int:
    """Return the number of a moment's season, in UTC.

    Examples:
        >>> season_of("day", datetime(2026, 11, 2, 13, tzinfo=UTC))
        2
        >>> season_of("day-week", datetime(2026, 11, 1, 13, tzinfo=UTC))
        6
    """
    at = at.astimezone(UTC)
    return int(_classes(scheme, at.hour // _HOURS, at.weekday() >= _SATURDAY))


def season_name(scheme: str, season: int) -> str:
    """Return a season in words, such as ``weekends 06–12 UTC``."""
    days = "" if scheme in ("none", "day") else "weekends" if season >= CLASSES[scheme] // 2 else "weekdays"
    quarter = season % QUARTERS
    hours = "" if scheme in ("none", "week") else f"{quarter * _HOURS:02}–{(quarter + 1) * _HOURS:02} UTC"
    return " ".join(each for each in (days, hours) if each) or "any time"


def seasons_apart(scheme: str) -> str | None:
    """Return for people what a scheme means for delays that were measured without seasons; None without seasons.

    Examples:
        >>> seasons_apart("none")
        >>> print(seasons_apart("week"))
        The stream is bet on by weekdays and weekends, 2 seasons with a part of the reference each; this was simulated \
        as if it had none. In texts of one season delays are longer, in texts of all longer still.
    """
    if scheme == "none":
        return None
    return (
        f"The stream is bet on by {_BY[scheme]}, {CLASSES[scheme]} seasons with a part of the reference each; this was "
        "simulated as if it had none. In texts of one season delays are longer, in texts of all longer still."
    )


def comes_again(scheme: str, season: int) -> timedelta:
    """Return how long it takes at most until a whole day's share of the season has passed again."""
    if scheme in ("none", "day"):
        return timedelta(days=CLASSES[scheme] > 1)
    return timedelta(days=6 if season >= CLASSES[scheme] // 2 else 3)


def has_time(text: Text) -> bool:
    """Say whether a reference's text says when it was written; 1970 stands for unknown."""
    return text.seen_at != _UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the burn-in of days showed.

    Args:
        days: whole days counted so far.
        wanted: days of the burn-in.
        settled: whether it is over.
        scheme: that the later half confirmed; ``none`` where there is no pattern, or none is known yet.
        gain: nats per text that rates by season gain over pooled ones, averaged over the later half's days.
        t: it over its standard error over those days.
    """

    days: int
    wanted: int
    settled: bool = False
    scheme: str = "none"
    gain: float = 0.0
    t: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seasonal:
    """How seasons are treated, as the monitor's state keeps it.

    Args:
        scheme: in use.
        finding: of the burn-in; None where the configuration fixes the scheme.
        obstacle: why the scheme found or fixed is not in use.
        hold: until when an alarm in force cannot be over, because its season has not passed again.
    """

    scheme: str = "none"
    finding: Finding | None = None
    obstacle: str | None = None
    hold: datetime | None = None

    @property
    def sentence(self) -> str:
        """Return it in words."""
        found = self.finding
        if found is None:
            said = "as the configuration says"
        elif not found.settled:
            return f"not known yet: {found.days} of {found.wanted} days counted"
        elif found.scheme == "none":
            return f"no daily or weekly pattern found ({found.days} days counted)"
        else:
            said = f"{_PATTERN[found.scheme]} was found ({found.gain:.2g} nats per text, t {found.t:.1f})"
        if self.obstacle is not None:
            return f"{said}; {self.obstacle}"
        return (
            f"{said}; one reference for all" if self.scheme == "none" else f"{said}; a reference by {_BY[self.scheme]}"
        )


def obstacle(scheme: str, texts: Sequence[Text], *, least: int) -> str | None:
    """Return why a reference cannot be split by season; None where it can.

    Args:
        scheme: of seasons.
        texts: CAL's.
        least: texts needed in each season.
    """
    seasons = [season_of(scheme, text.seen_at) for text in texts if has_time(text)]
    if not seasons:
        return "the reference's texts carry no times: set time in the stream's reference and build it again"
    sizes = np.bincount(seasons, minlength=CLASSES[scheme])
    if sizes.min() >= least:
        return None
    name = season_name(scheme, int(sizes.argmin()))
    return f"the reference has only {sizes.min():,} texts with a time for {name}, of {least:,} needed: give it more"


@dataclass(slots=True, kw_only=True)
class Tally:
    """How many texts fell nearest to which topic, by day and quarter of the day.

    Args:
        wanted: days of the burn-in.
        days: counts int32 [4, 64] by the day's ordinal.
    """

    wanted: int
    days: dict[int, Counts] = field(default_factory=dict)

    def add(self, times: npt.NDArray[np.float64], topics: npt.NDArray[np.int64]) -> Finding:
        """Count texts, and say what they show so far; only whole days count, so neither the first nor the last.

        Args:
            times: float64 [n], of the texts, seconds since 1970.
            topics: int64 [n], number of the nearest to each.
        """
        quarters = times // (_HOURS * 3_600)
        ordinals = _EPOCH_DAY + quarters.astype(np.int64) // QUARTERS
        for day in np.unique(ordinals).tolist():
            here = ordinals == day
            cells = (quarters[here].astype(np.int64) % QUARTERS) * TOPICS + topics[here]
            found = np.bincount(cells, minlength=QUARTERS * TOPICS).reshape(QUARTERS, TOPICS).astype(np.int32)
            self.days[day] = self.days[day] + found if day in self.days else found
        for day in sorted(self.days)[: -_MOST_DAYS * self.wanted]:
            del self.days[day]
        whole = [day for day in sorted(self.days) if self.days[day].sum() >= _LEAST_ON_A_DAY][1:-1]
        if len(whole) < self.wanted:
            return Finding(days=len(whole), wanted=self.wanted)
        return choose(whole, np.stack([self.days[day] for day in whole]), wanted=self.wanted)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the counts as arrays."""
        if not self.days:
            return {}
        return {"tally_days": np.array(list(self.days), dtype=np.int64), "tally": np.stack(list(self.days.values()))}

    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Go on from the counts that ``arrays`` returned."""
        days = [int(day) for day in arrays.get("tally_days", ())]
        self.days = {day: np.array(arrays["tally"][row], dtype=np.int32) for row, day in enumerate(days)}


def choose(days: Sequence[int], counts: Counts, *, wanted: int) -> Finding:
    """Choose a scheme on the first half of the days, and check it on the later one.

    Chosen is the scheme whose rates gain most on days left out; it stays chosen where rates of the first half gain on
    the later half's days, each day counting once however many texts it has, since texts of a day depend on each other.
    Where the days are alike but for noise, rates by season are noisier than pooled ones and lose on average.

    Args:
        days: their ordinals, ascending.
        counts: int32 [days, 4, 64].
        wanted: days of the burn-in.
    """
    half = len(days) // 2
    weekends = np.array([date.fromordinal(day).weekday() >= _SATURDAY for day in days])
    best, best_weight, best_gain = "none", 0.0, _RELEVANT
    for scheme in list(CLASSES)[1:]:
        if not all(_enough(scheme, weekends[part], counts[part]) for part in (slice(half), slice(half, None))):
            continue
        gain, weight = max(
            (_left_out(scheme, weekends[:half], counts[:half], weight=weight), weight) for weight in _WEIGHTS
        )
        # A finer scheme must gain something beyond the simpler one: each season costs texts of the reference.
        if gain > best_gain * (_FINER if best != "none" else 1.0):
            best, best_weight, best_gain = scheme, weight, gain
    if best == "none":
        return Finding(days=len(days), wanted=wanted, settled=True)
    gains = _gains(best, weekends, counts, test=np.arange(len(days)) >= half, weight=best_weight)
    error = _error(gains, weekends[half:])
    gain, t = float(gains.mean()), float(gains.mean() / max(error, 1e-12))
    confirmed = t > _SIGNIFICANT and gain > _RELEVANT
    return Finding(days=len(days), wanted=wanted, settled=True, scheme=best if confirmed else "none", gain=gain, t=t)


def _error(gains: npt.NDArray[np.float64], weekends: npt.NDArray[np.bool_]) -> float:
    """Return the standard error of the mean gain; days of one kind are held against each other only.

    A weekly pattern gains much at weekends and little on weekdays, which is no noise.
    """
    means = np.where(weekends, gains[weekends].mean() if weekends.any() else 0.0, 0.0)
    means[~weekends] = gains[~weekends].mean() if (~weekends).any() else 0.0
    freedom = len(gains) - len(set(weekends.tolist()))
    return float(np.sqrt(((gains - means) ** 2).sum() / max(freedom, 1) / len(gains)))


def _classes(scheme: str, quarter: int | Classes, weekend: bool | Classes) -> int | Classes:
    if scheme == "none":
        return quarter * 0
    if scheme == "day":
        return quarter
    return weekend + quarter * 0 if scheme == "week" else quarter + QUARTERS * weekend


def _cells(scheme: str, weekends: npt.NDArray[np.bool_]) -> Classes:
    """Return int64 [days, 4]: the season of each cell."""
    quarters = np.broadcast_to(np.arange(QUARTERS), (len(weekends), QUARTERS))
    return np.asarray(_classes(scheme, quarters, weekends.astype(np.int64)[:, None]), dtype=np.int64)


def _enough(scheme: str, weekends: npt.NDArray[np.bool_], counts: Counts) -> bool:
    """Say whether each season was there on at least two days."""
    seasons, filled = _cells(scheme, weekends), counts.sum(2) > 0
    return all(((seasons == season) & filled).any(1).sum() >= _LEAST_DAYS for season in range(CLASSES[scheme]))


def _left_out(scheme: str, weekends: npt.NDArray[np.bool_], counts: Counts, *, weight: float) -> float:
    """Return the mean gain on days left out one after the other."""
    days = np.arange(len(counts))
    return float(np.mean([_gains(scheme, weekends, counts, test=days == day, weight=weight) for day in days]))


def _gains(
    scheme: str, weekends: npt.NDArray[np.bool_], counts: Counts, *, test: npt.NDArray[np.bool_], weight: float
) -> npt.NDArray[np.float64]:
    """Return the gain per text of rates by season over pooled rates on each test day, learnt on the other days.

    A season's rates are mixed with the pooled ones at a weight: the noisier the days, the less of their own helps.
    """
    seasons = _cells(scheme, weekends)
    pooled = counts[~test].sum((0, 1)) + 1.0 / counts.shape[2]
    pooled = pooled / pooled.sum()
    rates = np.stack([counts[~test][seasons[~test] == season].sum(0) for season in range(CLASSES[scheme])])
    own = (rates + pooled) / (rates.sum(1, keepdims=True) + 1.0)
    gains = np.log(weight * own / pooled + 1.0 - weight)
    told = (counts[test] * gains[seasons[test]]).sum((1, 2))
    found: npt.NDArray[np.float64] = told / np.maximum(counts[test].sum((1, 2)), 1)
    return found
