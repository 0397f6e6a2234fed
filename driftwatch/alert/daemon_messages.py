"""Alerts about the daemon itself: that it does not do its work, and the one that is sent to see whether it arrives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from driftwatch.alert.wording import Wording, event
from driftwatch.domain.alert import Alert

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

DEGRADED = "DaemonDegraded"
_NAMED = re.compile(r"daemon:degraded:(.+):\d{4}-\d\d-\d\dT\S+")
NO_STREAM = "-"
"""Stands where an alert is of no stream."""


def degraded_keys(name: str | None) -> str:
    """Return what the keys of such alerts begin with: of the daemon of a name, or of the only one on its store."""
    return "daemon:degraded:" if name is None else f"daemon:degraded:{name}:"


def degraded_name(key: str) -> str | None:
    """Return the daemon that such an alert's key names; None where it was the only one on its store."""
    match = _NAMED.fullmatch(key)
    return match[1] if match else None


def daemon_degraded(reasons: Sequence[str], *, since: datetime, patience: timedelta, name: str | None = None) -> Alert:
    """Tell that the daemon runs and does not do all of its work; fires until it does again.

    Args:
        reasons: why, one a line.
        since: when it was first seen so.
        patience: how long it was so before this was told.
        name: of the daemon; None where it is the only one on its store.
    """
    minutes = patience.total_seconds() / 60
    of = "" if name is None else f" {name}"
    wording = Wording(
        what=f"The daemon{of} runs, and part of its work stands still: {reasons[0]}",
        figures=(*reasons, f"for {minutes:.0f} minutes, which is the limit"),
        since=since,
        by_itself="what fails is tried again; texts that come in are kept meanwhile and assessed once it works. This "
        "alert ends when it does.",
        person="cure what is named above.",
        look="driftwatch doctor; journalctl -u driftwatch; /-/ready",
    )
    return Alert(
        key=f"{degraded_keys(name)}{since.isoformat(timespec='seconds')}",
        name=DEGRADED,
        stream=NO_STREAM,
        severity="ticket",
        summary=f"driftwatch{of} does not do all of its work",
        description=str(wording),
        starts_at=since,
    )


def trial(*, at: datetime, who: str) -> Alert:
    """Return an alert that tells of nothing but that it arrived.

    Args:
        at: when it is sent.
        who: asked for it.
    """
    wording = Wording(
        what=f"This is a test that {who} asked for: driftwatch reaches this receiver.",
        figures=(),
        since=at,
        by_itself="nothing.",
        person="nothing.",
        look="driftwatch status",
    )
    key = f"test:{at.isoformat()}"
    summary = "driftwatch: a test, nothing happened"
    return event("Test", key=key, stream=NO_STREAM, severity="page", summary=summary, wording=wording)
