"""What a window's result says, in plain words; not yet escaped."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from driftwatch.domain.drift import Change, DriftState, Outcome
from driftwatch.drift.paper.measures import NAMES
from driftwatch.paper.frame import said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.domain.drift import ClusterShift, Measure, WindowResult
    from driftwatch.domain.features import LossUnit

_TONES = {
    DriftState.STABLE: "good",
    DriftState.BENIGN_DRIFT: "warn",
    DriftState.HARMFUL_DRIFT: "bad",
    DriftState.SILENT_DECAY: "bad",
}
_CHANGES = {Change.NEW: "New", Change.GROWN: "Grown", Change.SHRUNK: "Shrunk"}
_MOST_CLUSTERS, _MOST_KEYWORDS, _MOST_WORDS = 2, 3, 5


def headline(result: WindowResult, *, alpha: float = 0.005) -> str:
    """Return for people: whether this window alone looks drifted, how much of it, and whether the model suffers."""
    if result.outcome is Outcome.TOO_LITTLE_DATA:
        return f"Too little data: only {result.distinct} distinct texts, which cannot show drift."
    p, known = planned_look(result), result.value("window.known_share")
    share, increase = result.value("drift.new_share"), result.value("loss.increase")
    if not drifted_alone(result, alpha=alpha):
        if p is None and known:
            return f"This window alone cannot tell: {known:.0%} of its texts are known word for word."
        return "This window looks like the reference."
    new = f" At least {share:.0%} of its texts are new." if share else ""
    loss = (
        ""
        if increase is None
        else f" The model's loss is {increase:+.2f} {result.loss_unit.words} against its baseline."
    )
    chance = "" if p is None else f" (p = {p:.2g})"
    return f"This window has drifted from the reference{chance}.{new}{loss}"


def drifted_alone(result: WindowResult, *, alpha: float) -> bool:
    """Say whether this window alone looks drifted: by the p-value of one planned look.

    Where texts that are known word for word leave no p-value, any share of new texts says so, whose bound is above 0
    once in 100 windows without drift at most.
    """
    p = planned_look(result)
    if p is None:
        return bool(result.value("window.known_share")) and (result.value("drift.new_share") or 0.0) > 0
    return p <= alpha


def planned_look(result: WindowResult) -> float | None:
    """Return the p-value of one planned look; None where it was not measured."""
    p = result.value("drift.look_p")
    return result.value("embedding.mmd_p") if p is None else p


def state_name(result: WindowResult) -> tuple[str, str]:
    """Return the state's name and how urgent it looks: ``bad``, ``warn``, ``good`` or ``idle``."""
    if result.outcome is Outcome.TOO_LITTLE_DATA:
        return "Too little data", "idle"
    if result.state is None:
        return "Not judged", "idle"
    return (result.state_words or result.state.words).capitalize(), _TONES[result.state]


def verdict(result: WindowResult) -> str:
    """Return the state in one clause, without a stop."""
    if result.outcome is Outcome.TOO_LITTLE_DATA:
        return f"Too little data: {result.distinct} distinct texts cannot show whether anything changed"
    if (meaning := result.state_meaning) is None:
        return "This window was measured, but too little of it to say how things stand"
    if result.state is DriftState.STABLE and _differs(result):
        return "No alarm: some of this window differs from the reference, and the evidence does not reach its threshold"
    return meaning[:1].upper() + meaning[1:]


def _differs(result: WindowResult) -> bool:
    """Whether one of the bounds that are told below the verdict says that something has changed, or a measure does."""
    told = result.value("drift.new_share") or result.clusters or result.words
    return bool(told) or next(far_out(result), None) is not None


def far_out(result: WindowResult) -> Iterator[Measure]:
    """Return the measures that lie farther outside their null bands than these are wide: one in 20 lies outside."""
    for each in result.measures:
        if each.null_low is not None and each.null_high is not None:
            beyond = max(each.null_low - each.value, each.value - each.null_high)
            if beyond > each.null_high - each.null_low:
                yield each


def account(result: WindowResult) -> Iterator[str]:
    """Return what there is to know first, a sentence each: since when, how much, what, who, and the model."""
    if result.onset is not None:
        since = f"It began at about {said(result.onset.seen_at)} UTC, {result.onset.texts:,} texts"
        yield f"{since} before the end of this window."
    share = result.value("drift.new_share")
    if share:
        yield f"At least {share:.0%} of this window's texts are of a kind that the reference does not explain."
    yield from _topics(result)
    if result.slices:
        first = result.slices[0]
        yield f"It is strongest where {first.label} is {first.value} ({first.share:.0%} of the texts)."
    outside = [NAMES[each.name][0].lower() for each in far_out(result) if each.name in NAMES]
    if outside and result.state is DriftState.STABLE:
        yield f"Far from where it lies without drift: {', '.join(outside)} (a few very long or odd texts can do that)."
    if (loss := measure(result, "loss.increase")) is not None:
        yield model_sentence(loss, unit=result.loss_unit)


def model_sentence(increase: Measure, *, unit: LossUnit) -> str:
    """Return how the model fares: its loss against its baseline, with the interval where there is one."""
    value, low, high = (_signed(each) for each in (increase.value, increase.low, increase.high))
    interval = f" ({low} to {high})" if low and high else ""
    if increase.low is not None and increase.high is not None and increase.low <= 0 <= increase.high:
        return f"The model's loss cannot be told from its baseline: {value} {unit.words}{interval}."
    side = "above" if increase.value > 0 else "below"
    return f"The model's loss is {abs(increase.value):.2f} {unit.words} {side} its baseline{interval}."


def keywords(cluster: ClusterShift, *, most: int = 8) -> str:
    """Return what names a cluster."""
    return ", ".join(cluster.keywords[:most]) or "no word of its own"


def change_name(change: Change) -> str:
    """Return what became of a cluster, in a word."""
    return _CHANGES[change]


def measure(result: WindowResult, name: str) -> Measure | None:
    """Return a measure with its interval, or None where it was not measured."""
    return next((each for each in result.measures if each.name == name and math.isfinite(each.value)), None)


def alarmed(result: WindowResult) -> bool:
    """Whether an alarm is in force at the window's end."""
    return bool(result.value("drift.alarm"))


def _topics(result: WindowResult) -> Iterator[str]:
    for change in Change:
        found = [each for each in result.clusters if each.change is change][:_MOST_CLUSTERS]
        if found:
            topics = "; ".join(
                f"{keywords(each, most=_MOST_KEYWORDS)} ({each.share:.0%} of the texts, {each.reference_share:.1%} of "
                "the reference)"
                for each in found
            )
            yield f"{_CHANGES[change]}: {topics}."
    risen = [shift.word for shift in result.words if shift.z > 0][:_MOST_WORDS]
    if risen and not result.clusters:
        yield f"Words that rose most: {', '.join(risen)}."


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}".replace("-", "\u2212")
