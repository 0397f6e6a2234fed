"""What the daemon asks of the analysis worker, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from driftwatch.domain.drift import WindowResult
from driftwatch.domain.features import LossUnit
from driftwatch.domain.text import StoredText


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """The serving model's predecessor, which scores the same texts while the run is in probation.

    Args:
        run: whose probation it is.
        path: the predecessor's folder; None where it may not be loaded any more.
        trouble: why it may not.
        confidence: of the interval of one look.
    """

    run: str
    path: str | None
    confidence: float
    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The serving model against its predecessor, over the windows of the probation so far.

    Args:
        windows: that were looked at, with or without a comparison.
        texts: that both models scored.
        increase: of the loss, the serving model's less the predecessor's; None without a comparison.
        low: lower end of its interval.
        high: upper end.
        trouble: why this window could not be compared; None where it was.
        unit: of the increase.
    """

    windows: int
    texts: int
    increase: float | None = None
    low: float | None = None
    high: float | None = None
    trouble: str | None = None
    unit: LossUnit = LossUnit.TOKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRequest:
    """One window to assess, with everything it is assessed against.

    Args:
        stream: whose window.
        index: its number.
        texts: its texts in store order.
        reference: folder of the reference in force.
        champion: folder of the serving model; None for a stream without a model.
        champion_version: the registry's name for that model.
        states: monitors' states after the window before, by detector.
        arl_texts: the false-alarm budget in texts.
        targets: by text id, the right classes that feedback names without saying whether the model gave them.
        rival: the champion's predecessor while the champion is in probation.
    """

    stream: str
    index: int
    texts: tuple[StoredText, ...]
    reference: str
    champion: str | None
    champion_version: str | None
    states: Mapping[str, bytes]
    arl_texts: float
    targets: Mapping[str, str] = field(default_factory=dict)
    rival: Rival | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What became of a window.

    Args:
        result: the window's.
        states: of the monitors after it.
        right: by text id, whether the champion gives the class asked for; left out where it knows no such class.
        comparison: of the champion with the rival asked for.
    """

    result: WindowResult
    states: Mapping[str, bytes]
    right: Mapping[str, bool] = field(default_factory=dict)
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error with a known cause: asking again gives the same until somebody cures it."""

    what: str
    where: str | None
    cure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the worker sends back: exactly one of the two."""

    analysis: Analysis | None = None
    refusal: Refusal | None = None
