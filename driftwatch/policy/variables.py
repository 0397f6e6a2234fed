"""Everything that a rule's condition may look at, with its kind, unit and meaning."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from driftwatch.domain.drift import DriftState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from driftwatch.domain.decision import RunFact
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.pause import Pause

LONGEST_PERIOD = timedelta(days=366)
"""Further back than this no limit looks."""

_MONTH = timedelta(days=30)

Value: TypeAlias = "float | str"
"""Of a variable: a number, 1 or 0 for true or false, or a word."""


class Kind(StrEnum):
    """What values a variable takes; kinds are never compared with each other."""

    DECIMAL = "decimal"
    WHOLE = "whole"
    TRUTH = "truth"
    WORD = "word"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One name a condition may use.

    Args:
        name: dotted.
        kind: of its numbers.
        unit: of its numbers; empty for shares and scores.
        description: what it says, in one clause.
        words: that it can be, for a variable of words.
        low: that it can be at least.
        high: that it can be at most.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    words: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a decision needs to know beyond the window itself.

    Args:
        fresh_texts: number of texts retained from the first text of a given window up to now.
        runs: of this stream, newest last, as far back as ``LONGEST_PERIOD``; the one that ended last, however old.
        elsewhere: runs of other streams that have not ended.
        champion_at: when the serving model was promoted; None without a model.
        reference_at: when the reference in force was built.
        paused: pauses of the stream and its rules.
        spoken_ill: groups that the texts of the newest run that looked speak ill of more; None where none has.
    """

    fresh_texts: Callable[[int], int]
    runs: tuple[RunFact, ...] = ()
    elsewhere: int = 0
    champion_at: datetime | None = None
    reference_at: datetime | None = None
    paused: tuple[Pause, ...] = ()
    spoken_ill: int | None = None

    @property
    def running(self) -> bool:
        """Whether a run of this stream has not ended yet."""
        return any(run.ended_at is None for run in self.runs)

    @property
    def last_run_at(self) -> datetime | None:
        """When the stream's last run ended; None where none ever did."""
        return max((run.ended_at for run in self.runs if run.ended_at is not None), default=None)

    def within(self, period: timedelta, now: datetime) -> tuple[RunFact, ...]:
        """Return the runs begun within a period, and those begun after now by a clock since set back."""
        since = now - period
        return tuple(run for run in self.runs if run.began_at >= since)

    def hours_within(self, period: timedelta, now: datetime) -> float:
        """Return the hours of training in runs begun within a period."""
        return sum(run.training_hours for run in self.within(period, now))


_SHARE = (0.0, 1.0)
_AT_LEAST_0 = (0.0, math.inf)
_ANY = (-math.inf, math.inf)


def _decimal(name: str, unit: str, description: str, within: tuple[float, float] = _ANY) -> Variable:
    low, high = within
    return Variable(name=name, kind=Kind.DECIMAL, unit=unit, description=description, low=low, high=high)


def _whole(name: str, unit: str, description: str) -> Variable:
    return Variable(name=name, kind=Kind.WHOLE, unit=unit, description=description, low=0.0)


def _truth(name: str, description: str) -> Variable:
    return Variable(name=name, kind=Kind.TRUTH, unit="", description=description, low=0.0, high=1.0)


_ALL = (
    _truth("drift.alarm", "whether an alarm is in force: evidence of drift reached its false-alarm budget"),
    _decimal("drift.evidence", "", "log10 of the evidence over the alarm threshold at its highest; an alarm from 0 on"),
    _decimal(
        "drift.onset_age",
        "s",
        "time from the estimated onset to the last text; only while an alarm is in force",
        _AT_LEAST_0,
    ),
    Variable(
        name="drift.state",
        kind=Kind.WORD,
        unit="",
        description="has the text drifted, and does the model suffer: " + ", ".join(DriftState),
        words=tuple(DriftState),
    ),
    _decimal(
        "drift.look_p", "", "p-value of several comparisons together, valid for one planned look at one window", _SHARE
    ),
    _decimal("embedding.mmd2", "", "unbiased squared maximum mean discrepancy between window and reference"),
    _decimal("embedding.mmd_p", "", "permutation p-value of embedding.mmd2, valid for one planned look", _SHARE),
    _decimal(
        "embedding.auc", "", "how well a classifier tells window and reference apart: 0.5 not at all, 1 wholly", _SHARE
    ),
    _decimal("tokens.psi", "", "population stability index of the token distributions, bias-corrected"),
    _decimal(
        "tokens.hellinger", "", "Hellinger distance of the token distributions, bias-corrected, 0 to 1", (-1.0, 1.0)
    ),
    _decimal(
        "text.length",
        "tokens",
        "median length of the window's distinct texts that the reference does not know",
        _AT_LEAST_0,
    ),
    _decimal(
        "tokens.jsd", "", "Jensen-Shannon divergence of the token distributions, bias-corrected, 0 to 1", (-1.0, 1.0)
    ),
    _decimal(
        "tokens.unknown_share", "", "share of the window's tokens that the reference does not hold, 0 to 1", _SHARE
    ),
    _decimal("loss.nats", "nats", "the champion's mean loss on the window", _AT_LEAST_0),
    _decimal("loss.increase", "nats", "loss.nats over what the same texts cost without drift"),
    _decimal(
        "loss.perplexity_ratio",
        "",
        "the champion's perplexity on the window over what it is without drift",
        _AT_LEAST_0,
    ),
    _decimal("loss.where_new", "nats", "the part of the loss's rise that comes from new texts, every text alike"),
    _decimal(
        "drift.new_share", "", "at least this share of the texts is not explained by the reference, 0 to 1", _SHARE
    ),
    _decimal("audit.texts", "texts", "reference texts that the evidence's own audit has streamed", _AT_LEAST_0),
    _decimal("audit.alarms", "alarms", "false alarms raised on them", _AT_LEAST_0),
    _decimal(
        "audit.arl_texts", "texts", "texts between two false alarms that the audit's budget asks for", _AT_LEAST_0
    ),
    _decimal("feedback.accuracy", "", "mean of the feedback on the window's texts: 1 right, 0 wrong, or a rating"),
    _whole("feedback.n", "texts", "number of the window's texts with such feedback by then"),
    _whole("window.texts", "texts", "number of texts in the window"),
    _whole(
        "window.transformer_texts", "texts", "those of them that the transformer read; only with two tiers of encoders"
    ),
    _decimal("window.duplicate_share", "", "share of the window's texts that repeat another of it, 0 to 1", _SHARE),
    _decimal(
        "window.known_share", "", "share of the window's texts that the reference knows word for word, 0 to 1", _SHARE
    ),
    _decimal("champion.age", "s", "time since the serving model was promoted", _AT_LEAST_0),
    _decimal("reference.age", "s", "time since the reference in force was built", _AT_LEAST_0),
    _decimal("runs.last_age", "s", "time since the stream's last run ended; infinite where none ever did", _AT_LEAST_0),
    _whole("runs.count_30d", "runs", "runs of the stream begun within 30 days"),
    _decimal("runs.gpu_hours_30d", "h", "hours of training in runs of the stream begun within 30 days", _AT_LEAST_0),
    _whole(
        "data.spoken_ill", "groups", "identity groups that the newest run's texts speak ill of more than the reference"
    ),
)

VARIABLES: Mapping[str, Variable] = MappingProxyType({variable.name: variable for variable in _ALL})

RESERVED: Mapping[str, str] = MappingProxyType(
    {
        "window.age": 'use "for" with a duration until it is',
    }
)
"""Names that are kept for measures to come, with what to use meanwhile."""


FACTS = ("champion.", "reference.", "runs.", "data.")
"""How the names of variables begin that are no measures of the window."""


def observe(result: WindowResult, facts: Facts, *, now: datetime) -> dict[str, Value]:
    """Return the value of every variable that is known for this window; the others are left out."""
    known = measured(result)
    known["runs.last_age"] = math.inf if facts.last_run_at is None else _age(facts.last_run_at, now)
    known["runs.count_30d"] = len(facts.within(_MONTH, now))
    known["runs.gpu_hours_30d"] = facts.hours_within(_MONTH, now)
    if facts.champion_at is not None:
        known["champion.age"] = _age(facts.champion_at, now)
    if facts.reference_at is not None:
        known["reference.age"] = _age(facts.reference_at, now)
    if facts.spoken_ill is not None:
        known["data.spoken_ill"] = facts.spoken_ill
    return known


def measured(result: WindowResult) -> dict[str, Value]:
    """Return the value of every variable that the window alone tells: all but those that begin with ``FACTS``."""
    known: dict[str, Value | None] = {m.name: m.value for m in result.measures if m.name in VARIABLES}
    known.setdefault("feedback.n", 0)
    known["drift.state"] = result.state.value if result.state is not None else None
    known["window.texts"] = result.texts
    known["window.duplicate_share"] = 1 - result.distinct / result.texts if result.texts else None
    # A value that is no number differs from itself: ``absent`` said for every value would be most of the work here.
    return {name: value for name, value in known.items() if value is not None and value == value}  # noqa: PLR0124


def absent(value: Value | None) -> bool:
    """Say whether there is no value."""
    return value is None or (not isinstance(value, str) and math.isnan(value))


def _age(at: datetime, now: datetime) -> float:
    return max((now - at).total_seconds(), 0.0)
