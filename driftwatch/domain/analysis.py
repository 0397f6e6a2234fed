"""What the daemon asks of the analysis worker, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from driftwatch.domain.drift import WindowResult
from driftwatch.domain.text import StoredText


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What became of a window.

    Args:
        result: the window's.
        states: of the monitors after it.
        right: by text id, whether the champion gives the class asked for; left out where it knows no such class.
    """

    result: WindowResult
    states: Mapping[str, bytes]
    right: Mapping[str, bool] = field(default_factory=dict)


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
