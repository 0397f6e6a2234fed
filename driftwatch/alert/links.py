"""Where the pages that alerts speak of are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.alert import INCIDENT, REPORT, RUN

if TYPE_CHECKING:
    from driftwatch.domain.alert import Alert


def incident_path(stream: str, window: int) -> str:
    """Return the path of a window's incident page, below the address of the daemon."""
    return f"/streams/{stream}/incidents/{window}"


def report_path(stream: str, window: int) -> str:
    """Return the path of a window's report, below the address of the daemon."""
    return f"/streams/{stream}/windows/{window}/report"


def run_path(run: str) -> str:
    """Return the path of a run's page, below the address of the daemon."""
    return f"/runs/{run}"


def page(alert: Alert, link: str | None) -> str | None:
    """Return the page that an alert is opened on: its incident's or its run's where it has one; None without a link.

    Args:
        alert: to open.
        link: where people reach driftwatch's own pages.
    """
    path = next(iter(_paths(alert, INCIDENT, RUN).values()), None)
    return link if link is None or path is None else link.rstrip("/") + path


def linked(alert: Alert, link: str | None) -> dict[str, str]:
    """Return an alert's annotations, with the whole addresses of its pages where the daemon's is known."""
    found = {**alert.annotations}
    if link is not None:
        found |= {name: link.rstrip("/") + path for name, path in _paths(alert, INCIDENT, REPORT, RUN).items()}
    return found


def _paths(alert: Alert, *names: str) -> dict[str, str]:
    """Return those annotations that hold a path of ours; a rule's own of the same name may hold anything."""
    found = {name: alert.annotations.get(name, "") for name in names}
    return {name: path for name, path in found.items() if path.startswith("/")}
