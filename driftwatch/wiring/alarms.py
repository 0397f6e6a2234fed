"""Alarms as people talk of them: from the window in which one began, with what was said of it."""

from __future__ import annotations

import getpass
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from driftwatch.domain.audit import AuditEntry
from driftwatch.domain.errors import ConflictError, NotFoundError
from driftwatch.domain.mark import Mark
from driftwatch.wiring.base import CLOCK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from driftwatch.domain.drift import DriftState, WindowResult
    from driftwatch.store import Store

_PAGE = 200
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An alarm.

    Args:
        window: in which it began.
        last: window in which it was last in force.
        in_force: whether it still is, in the newest window.
        state: of that last window; None where it has none.
        raised_at: time of the first window's last text.
        onset_at: when the drift is thought to have begun.
        mark: what was said of it.
    """

    window: int
    last: int
    in_force: bool
    state: DriftState | None
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
        if result.alarmed:
            going_on = found and before is not None and before.alarmed
            begun = found.pop() if going_on else _begun(store, result, marks)
            found.append(replace(begun, last=result.index, in_force=result.index == newest.index, state=result.state))
        before = result
    return found[::-1]


def _begun(store: Store, result: WindowResult, marks: Mapping[int, Mark]) -> Begun:
    begin = begin_of(store, result)
    first = store.windows.result(result.stream, begin) or result
    return Begun(
        window=begin,
        last=result.index,
        in_force=False,
        state=result.state,
        raised_at=first.last_seen_at,
        onset_at=first.onset.seen_at if first.onset is not None else None,
        mark=marks.get(begin),
    )


def begin_of(store: Store, result: WindowResult) -> int:
    """Return the window in which the alarm that is in force in a window began."""
    begin, last = result.index, result.index - 1
    while last >= 0:
        page = store.windows.between(result.stream, first=max(last - _PAGE + 1, 0), last=last)
        for before in reversed(page):
            if not before.alarmed:
                return begin
            begin = before.index
        last -= _PAGE
    return begin


def mark_alarm(store: Store, stream: str, index: int, *, false: bool, note: str) -> Mark:
    """Keep what a person says of the alarm that is in force in a window.

    Raises:
        ConflictError: no alarm is in force there.
        NotFoundError: there is no such window.
    """
    result = store.windows.result(stream, index)
    if result is None:
        raise NotFoundError(f"stream {stream} has no window {index}", cure=f"driftwatch alarm list {stream}")
    if not result.alarmed:
        raise ConflictError(f"no alarm is in force in window {index}", cure=f"driftwatch alarm list {stream}")
    begin, who = begin_of(store, result), _one_line(_user())[:_LONGEST_NAME]
    mark = Mark(stream=stream, window=begin, false=false, note=_one_line(note), who=who, at=CLOCK.now())
    entry = AuditEntry(
        at=mark.at,
        who=who,
        what=f"alarm-marked-{mark.word}",
        subject=f"{stream}/{begin}",
        detail={"because": mark.note},
    )
    store.marks.put(mark, entry=entry)
    return mark


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return "somebody"


def _one_line(words: str) -> str:
    """Leave out what would move a terminal's cursor or cannot be stored: it is shown on terminals for ever."""
    return " ".join("".join(each if each.isprintable() else " " for each in words).split())
