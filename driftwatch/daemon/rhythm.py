"""How often the daemon's loops come round."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """Time from one round to the next, by the machine's clock, whatever clock the daemon's work goes by.

    Args:
        snapshot: of reading what is exported off the store.
        tend: of looking after runs, pauses and serving models.
        deliver: of delivering alerts and making the reports that were asked for.
        health: of looking whether the daemon is degraded.
        prune: of deleting what is past its retention.
        export: of registering kept models elsewhere.
    """

    snapshot: timedelta = timedelta(seconds=2)
    tend: timedelta = timedelta(seconds=2)
    deliver: timedelta = timedelta(seconds=2)
    health: timedelta = timedelta(seconds=15)
    prune: timedelta = timedelta(hours=1)
    export: timedelta = timedelta(seconds=30)


RHYTHM = Rhythm()
"""As operators run it."""
