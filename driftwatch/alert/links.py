"""Where the pages that alerts speak of are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.alert import INCIDENT, REPORT

if TYPE_CHECKING:
    from driftwatch.domain.alert import Alert


def incident_path(stream: str, window: int) -> str:
    """Return the path of a window's incident page, below the address of the daemon."""
    return f"/streams/{stream}/incidents/{window}"


def report_path(stream: str, window: int) -> str:
    """Return the path of a window's report, below the address of the daemon."""
    return f"/streams/{stream}/windows/{window}/report"


def page(alert: Alert, link: str | None) -> str | None:
    """Return the page that an alert is opened on: its incident's where it has one; None without a link.

    Args:
        alert: to open.
        link: where people reach driftwatch's own pages.
    """
    path = alert.annotations.get(INCIDENT)
    return link if link is None or path is None else link.rstrip("/") + path


def linked(alert: Alert, link: str | None) -> dict[str, str]:
    """Return an alert's annotations, with the whole addresses of its pages where the daemon's is known."""
    found = {**alert.annotations}
    if link is not None:
        found |= {name: link.rstrip("/") + found[name] for name in (INCIDENT, REPORT) if name in found}
    return found
