"""Alerts about pauses: that one holds, that one is about to end, that one is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.alert.wording import Wording, event, moment, sentence
from driftwatch.domain.alert import Alert
from driftwatch.domain.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from driftwatch.domain.pause import Pause


def pause_key(pause: Pause) -> str:
    """Return the key of the alert that fires while a pause holds."""
    return f"pause:{pause.stream}:{pause.scope}:{pause.at:%Y%m%dT%H%M%S.%fZ}"


def paused(pause: Pause) -> Alert:
    """Tell that rules do nothing for a while; fires until the pause is over."""
    wording = Wording(
        what=f"Stream {pause.stream} is paused ({_whose(pause)}) until {moment(pause.until)}: nothing is alerted or "
        f"retrained. {sentence(f'{pause.who}: {pause.because}')}",
        figures=(f"paused for {format_duration(pause.until - pause.since)} in all",),
        since=pause.since,
        by_itself="texts are taken in and assessed as ever, and streaks are counted; the pause ends by itself.",
        person=f"nothing; to end it sooner: {_resume(pause)}.",
        look="driftwatch status",
    )
    return Alert(
        key=pause_key(pause),
        name="Paused",
        stream=pause.stream,
        severity="info",
        summary=f"{pause.stream}: paused ({_whose(pause)}) until {moment(pause.until)}",
        description=str(wording),
        starts_at=pause.since,
        labels={"rule": pause.scope},
    )


def pause_ending(pause: Pause, *, holding: Sequence[str], at: datetime) -> Alert:
    """Tell that a pause is about to end, while there is time to prolong it.

    Args:
        pause: which.
        holding: rules under it whose condition holds.
        at: when this is told.
    """
    true = (
        f"true at the moment: {', '.join(holding)}; each acts on the first window after the pause if it still is"
        if holding
        else "no rule under it is true at the moment"
    )
    wording = Wording(
        what=f"The pause of {_whose(pause)} of stream {pause.stream} ends at {moment(pause.until)}, "
        f"in {format_duration(pause.until - at)}.",
        figures=(true,),
        since=at,
        by_itself="from then on the rules decide again.",
        person=f'nothing, or prolong it: driftwatch pause {pause.stream}{_rule(pause)} --for 24h --because "…".',
        look="driftwatch status",
    )
    return event(
        "PauseEnding",
        key=f"{pause_key(pause)}:ending",
        stream=pause.stream,
        severity="ticket" if holding else "info",
        summary=f"{pause.stream}: the pause of {_whose(pause)} ends soon",
        wording=wording,
        labels={"rule": pause.scope},
    )


def pause_over(pause: Pause, *, how: str, at: datetime) -> Alert:
    """Tell that a pause is over.

    Args:
        pause: which.
        how: ``by itself``, or on whose word and why.
        at: when it ended.
    """
    wording = Wording(
        what=f"The pause of {_whose(pause)} of stream {pause.stream} ended {how}; decisions are taken again.",
        figures=(f"it was {pause.who}'s: {pause.because}", f"it lasted {format_duration(at - pause.since)}"),
        since=at,
        by_itself="a rule that was true all along acts on the next window.",
        person="nothing.",
        look="driftwatch status",
    )
    return event(
        "PauseOver",
        key=f"{pause_key(pause)}:over",
        stream=pause.stream,
        severity="info",
        summary=f"{pause.stream}: the pause of {_whose(pause)} is over",
        wording=wording,
        labels={"rule": pause.scope},
    )


def _whose(pause: Pause) -> str:
    return "all rules" if pause.rule is None else f'rule "{pause.rule}"'


def _rule(pause: Pause) -> str:
    return "" if pause.rule is None else f" --rule {pause.rule}"


def _resume(pause: Pause) -> str:
    return f"driftwatch resume {pause.stream}{_rule(pause)}"
