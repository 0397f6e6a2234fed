"""Alarms as people talk of them: from the window in which one began, with what was said of it."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.errors import ConflictError, NotFoundError
from driftwatch.domain.mark import Mark
from driftwatch.wiring.base import CLOCK

if TYPE_CHECKING:
    from datetime import datetime

    from driftwatch.domain.drift import WindowResult
    from driftwatch.store import Store

_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An alarm.

    Args:
        window: in which it began.
        last: window in which it was last in force.
        raised_at: time of the first window's last text.
        onset_at: when the drift is thought to have begun.
        mark: what was said of it.
    """

    window: int
    last: int
    raised_at: datetime
    onset_at: datetime | None
    mark: Mark | None


def alarms(store: Store, stream: str, *, windows: int) -> list[Begun]:
    """Return the alarms of the newest windows, newest first; one that began before them is found to its begin."""
    newest = next(iter(store.windows.recent(stream, limit=1)), None)
    if newest is None:
        return []
    first = max(newest.index - windows + 1, 0)
    marks = {mark.window: mark for mark in store.marks.between(stream, first=0, last=newest.index)}
    found: list[Begun] = []
    before: WindowResult | None = None
    for result in store.windows.between(stream, first=first, last=newest.index):
        if in_force(result):
            began = found.pop() if before is not None and in_force(before) and found else None
            begin = began.window if began is not None else begin_of(store, result)
            found.append(_begun(store, stream, begin, result, began, marks.get(begin)))
        before = result
    return found[::-1]


def _begun(store: Store, stream: str, begin: int, last: WindowResult, before: Begun | None, mark: Mark | None) -> Begun:
    if before is not None:
        return Begun(
            window=begin, last=last.index, raised_at=before.raised_at, onset_at=before.onset_at, mark=before.mark
        )
    first = store.windows.result(stream, begin) or last
    onset = first.onset.seen_at if first.onset is not None else None
    return Begun(window=begin, last=last.index, raised_at=first.last_seen_at, onset_at=onset, mark=mark)


def begin_of(store: Store, result: WindowResult) -> int:
    """Return the window in which the alarm that is in force in a window began."""
    begin, last = result.index, result.index - 1
    while last >= 0:
        page = store.windows.between(result.stream, first=max(last - _PAGE + 1, 0), last=last)
        for before in reversed(page):
            if not in_force(before):
                return begin
            begin = before.index
        last -= _PAGE
    return begin


def in_force(result: WindowResult) -> bool:
    """Say whether an alarm is in force in a window."""
    return bool(result.value("drift.alarm"))


def mark_alarm(store: Store, stream: str, index: int, *, false: bool, note: str) -> Mark:
    """Keep what a person says of the alarm that is in force in a window.

    Raises:
        ConflictError: no alarm is in force there.
        NotFoundError: there is no such window.
    """
    result = store.windows.result(stream, index)
    if result is None:
        raise NotFoundError(f"stream {stream} has no window {index}", cure=f"driftwatch alarm list {stream}")
    if not in_force(result):
        raise ConflictError(f"no alarm is in force in window {index}", cure=f"driftwatch alarm list {stream}")
    mark = Mark(stream=stream, window=begin_of(store, result), false=false, note=note, who=_user(), at=CLOCK.now())
    store.marks.put(mark)
    return mark


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return "somebody"
