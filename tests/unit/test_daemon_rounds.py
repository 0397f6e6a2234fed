from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime

from driftwatch.cycle import Progressed
from driftwatch.daemon.rounds import assessing
from driftwatch.metrics import Observations

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


class Stopped:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOON


@dataclass
class Windows:
    """A stream whose windows end as they are told."""

    ends: list[Progressed]
    stream: str = "support"
    window: int = 0

    def step(self) -> Progressed:
        end = self.ends.pop(0) if self.ends else Progressed.WAITING
        if end is not Progressed.WAITING:
            self.window += 1
        return end


def test_every_attempt_is_noted_and_waiting_is_none() -> None:
    watch, steps = Observations(["support"]), list[None]()
    windows = Windows([Progressed.ASSESSED, Progressed.SET_ASIDE, Progressed.ASSESSED, Progressed.FAILED])
    assess = assessing(
        [windows],  # type: ignore[list-item] # what the round needs of a cycle
        stopping=threading.Event(),
        beat=lambda: None,
        stepped=lambda: steps.append(None),
        watch=watch,
        clock=Stopped(),
    )
    assess()
    seen = watch.of("support")
    assert seen.results == {"assessed": 2, "failed": 1, "set-aside": 1}
    assert sum(seen.durations.counts) == 4
    assert [(each.id, each.at) for each in seen.durations.exemplars if each] == [("4", NOON.timestamp())]
    assert len(steps) == 3, "a window that failed leaves nothing to show"


def test_once_it_stops_no_window_is_begun() -> None:
    watch, stopping = Observations(["support"]), threading.Event()
    stopping.set()
    windows = Windows([Progressed.ASSESSED])
    assessing(
        [windows],  # type: ignore[list-item]
        stopping=stopping,
        beat=lambda: None,
        stepped=lambda: None,
        watch=watch,
        clock=Stopped(),
    )()
    assert windows.ends
