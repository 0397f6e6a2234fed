"""How commands on the same machine reach the daemon, and know it from another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

SOCKET = "control.sock"
"""Name of the daemon's own socket in its state folder; only the folder's user and root can open it."""

INSTANCE_PATH = "/-/instance"
"""Where a daemon says who it is: to anybody a name without meaning, over its own socket everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a daemon is, and what it says of its sources.

    Args:
        instance: a name of this start of it, drawn at random.
        version: of driftwatch.
        config: file that it was started with.
        settings: digest of what that file said then.
        state_dir: its state folder.
        listen: host and port it was told to listen on.
        started_at: when.
        failing: sources that cannot be read at the moment, and why.
    """

    instance: str
    version: str
    config: str
    settings: str
    state_dir: str
    listen: str
    started_at: datetime
    failing: tuple[str, ...] = ()
