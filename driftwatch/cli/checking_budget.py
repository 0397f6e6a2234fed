"""A stream's false-alarm budget before the daemon starts: what it comes to in texts, and what can be seen within it."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Literal

from driftwatch.cli.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.config import Config, StreamSettings
    from driftwatch.store import Store

_LEAST_WINDOWS = 100
_TENTH = 0.1
_DAY = 86_400


def budget_findings(config: Config, store: Store, stream: StreamSettings) -> Iterator[Finding]:
    """Say what the false-alarm budget comes to in texts, and whether it lets a small topic be seen in a day."""
    from driftwatch.wiring.power import stream_arl

    subject = f"stream {stream.name}: false alarms"
    arl, rate = stream_arl(store, stream)
    at = "at one text a second, for want of windows" if rate is None else f"at {rate:,.3g} texts a second"
    words = f"{stream.false_alarms} {at}: {arl:,.0f} texts, {arl / stream.window:,.0f} windows between two"
    if arl < _LEAST_WINDOWS * stream.window:
        detail = f"{words}; more than one in {_LEAST_WINDOWS} windows is allowed, so write a longer time"
        yield Finding(level="warning", subject=subject, detail=detail)
        return
    yield Finding(level="ok", subject=subject, detail=words)
    yield from _power(config, store, stream, rate=rate)


def _power(config: Config, store: Store, stream: StreamSettings, *, rate: float | None) -> Iterator[Finding]:
    """Say what can be seen within the budget.

    Args:
        config: with the folder that keeps what was found before.
        store: with the reference.
        stream: its settings.
        rate: texts a second; None where it is not known yet.
    """
    from driftwatch.drift.power import LEAST_TEXTS, QUICK_TRIALS, sentence
    from driftwatch.wiring.power import kept_power

    subject = f"stream {stream.name}: power"
    reference = store.registry.reference(stream.name)
    if reference is None:
        return
    if reference.texts < LEAST_TEXTS:
        detail = (
            f"a reference of {reference.texts:,} texts is too small to say what it can see: give it {LEAST_TEXTS:,}"
        )
        yield Finding(level="warning", subject=subject, detail=detail)
        return
    seen = kept_power(config, store, stream, trials=QUICK_TRIALS)
    if seen is None:
        detail = f"what it can see is not known: driftwatch reference power {stream.name}"
        yield Finding(level="ok", subject=subject, detail=detail)
        return
    tenth = next(each for each in seen.found if each.share == _TENTH)
    day = inf if rate is None else rate * _DAY
    late = tenth.median is None or tenth.median > day
    fewer = "a day brings fewer texts" if (tenth.median or tenth.horizon) > day else "more could not be simulated"
    cure = f"; {fewer}, so give a larger reference or a laxer budget" if late else ""
    level: Literal["ok", "warning"] = "warning" if late else "ok"
    yield Finding(level=level, subject=subject, detail=sentence(seen.found) + cure)
