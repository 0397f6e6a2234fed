"""The daemon's clock: what runs how often, whether it still does, and telling systemd so."""

from driftwatch.schedule.loops import Loop, Loops
from driftwatch.schedule.systemd import Systemd

__all__ = ["Loop", "Loops", "Systemd"]
