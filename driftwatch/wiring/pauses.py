"""Pauses: begun, prolonged and ended on a person's word, or ended by themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from driftwatch.alert import messages
from driftwatch.domain.audit import AuditEntry
from driftwatch.domain.errors import ConflictError, DataError, NotFoundError
from driftwatch.domain.pause import LONGEST_PAUSE, Pause
from driftwatch.domain.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from driftwatch.store import Store

_SOON = timedelta(hours=1)
_LAST_PART = 10
"""A pause is told to end soon one hour before it does, or in the last tenth of a shorter one."""


def begin_pause(
    store: Store,
    *,
    stream: str,
    rule: str | None,
    until: datetime,
    who: str,
    because: str,
    receivers: Sequence[str],
    now: datetime,
) -> Pause:
    """Pause a stream or a rule; one that is paused is paused anew, until the later word's end.

    Raises:
        DataError: the end has passed, or is too far away.
        ConflictError: somebody changed the pause in the same moment.
    """
    if until <= now:
        raise DataError(f"{until:%Y-%m-%d %H:%M:%S} UTC has passed", cure="give an end in the future")
    if until - now > LONGEST_PAUSE:
        raise DataError(
            f"a pause lasts {format_duration(LONGEST_PAUSE)} at most, not {format_duration(until - now)}",
            cure="pause for less and prolong it, or take the rule out of the policy",
        )
    before = _open(store, stream, rule)
    goes_on = before is not None and before.holds(now)
    since = before.since if before is not None and goes_on else now
    pause = Pause(stream=stream, rule=rule, since=since, at=now, until=until, who=who, because=because)
    detail = {"until": until.isoformat(), "because": because}
    if before is not None and goes_on:
        detail |= {"since": before.since.isoformat(), "before": before.until.isoformat()}
    store.pauses.change(
        ended=before,
        ended_at=_ended_at(before, now),
        begun=pause,
        entry=AuditEntry(
            at=now, who=who, what="pause-prolonged" if goes_on else "paused", subject=_subject(pause), detail=detail
        ),
        alerts=(messages.paused(pause),),
        resolved=(messages.pause_key(before),) if before is not None else (),
        receivers=receivers,
    )
    return pause


def end_pause(
    store: Store, *, stream: str, rule: str | None, who: str, because: str, receivers: Sequence[str], now: datetime
) -> Pause:
    """End a pause before its time.

    Raises:
        NotFoundError: nothing of the kind is paused.
        ConflictError: somebody changed the pause in the same moment.
    """
    pause = _open(store, stream, rule)
    if pause is None or not pause.holds(now):
        holding = store.pauses.in_force(now, stream=stream)
        held = ["the whole stream" if each.rule is None else f"--rule {each.rule}" for each in holding]
        what = f"stream {stream} is not paused" if rule is None else f"rule {rule} of stream {stream} is not paused"
        raise NotFoundError(what, cure=f"paused are: {', '.join(held)}" if held else "driftwatch status shows pauses")
    _end(store, pause, at=now, now=now, who=who, because=because, receivers=receivers)
    return replace(pause, ended_at=now)


def tend_pauses(store: Store, *, receivers: Sequence[str], now: datetime) -> None:
    """Note and tell which pauses are over, and which soon will be."""
    for pause in store.pauses.open():
        if pause.until <= now:
            try:
                _end(store, pause, at=pause.until, now=now, who="driftwatch", because="", receivers=receivers)
            except ConflictError:
                continue  # somebody ended or prolonged it in this moment
        elif pause.until - now <= min(_SOON, (pause.until - pause.at) / _LAST_PART):
            store.outbox.put((messages.pause_ending(pause, holding=_holding(store, pause), at=now),), receivers)


def _end(
    store: Store, pause: Pause, *, at: datetime, now: datetime, who: str, because: str, receivers: Sequence[str]
) -> None:
    by_itself = at == pause.until
    how = "by itself" if by_itself else f"on the word of {who}: {because}" if because else f"on the word of {who}"
    store.pauses.change(
        ended=pause,
        ended_at=at,
        entry=AuditEntry(
            at=now,
            who=who,
            what="pause-over" if by_itself else "resumed",
            subject=_subject(pause),
            detail={"because": because} if because else {},
        ),
        alerts=(messages.pause_over(pause, how=how, at=at),),
        resolved=(messages.pause_key(pause),),
        receivers=receivers,
    )


def _open(store: Store, stream: str, rule: str | None) -> Pause | None:
    return next((each for each in store.pauses.open(stream=stream) if each.rule == rule), None)


def _ended_at(pause: Pause | None, now: datetime) -> datetime:
    return now if pause is None else min(pause.until, now)


def _holding(store: Store, pause: Pause) -> list[str]:
    states = store.decisions.rule_states(pause.stream).values()
    return sorted(state.rule for state in states if state.since_window is not None and pause.covers(state.rule))


def _subject(pause: Pause) -> str:
    return pause.stream if pause.rule is None else f"{pause.stream}/{pause.rule}"
