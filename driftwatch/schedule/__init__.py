"""The daemon's clock: what runs how often, whether it still does, and telling systemd so."""

from driftwatch.schedule.loops import Loop, Loops
from driftwatch.schedule.supervisor import Supervisor

__all__ = ["Loop", "Loops", "Supervisor"]
