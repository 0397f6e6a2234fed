"""The incident page of a window, from all that the store knows about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.wiring.alarms import begin_of

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.store import Store

_BEFORE, _AFTER = 48, 12
_MOST_RUNS = 200


def incident(config: Config, store: Store, stream: str, index: int, *, base: str = "") -> str | None:
    """Return the page as HTML, or None where there is no such window.

    Args:
        config: for the budget of false alarms and the place of reports.
        store: where results, decisions and runs are.
        stream: name of the stream.
        index: of the window.
        base: where the daemon's pages are; empty for links within them.

    Raises:
        StoreError: the store cannot be read.
    """
    from driftwatch.drift.incident import incident_page

    result = store.windows.result(stream, index)
    if result is None:
        return None
    first, last = max(index - _BEFORE, 0), index + _AFTER
    runs = store.runs.list(stream=stream, limit=_MOST_RUNS)
    settings = config.streams.get(stream)
    mark = store.marks.get(stream, begin_of(store, result)) if result.alarmed else None
    return incident_page(
        result,
        history=store.windows.between(stream, first=first, last=last),
        decisions=[stored.decision for stored in store.decisions.between(stream, first=first, last=last)],
        runs=[run for run in reversed(runs) if first <= run.spec.window <= last],
        report=f"{base}/streams/{stream}/windows/{index}/report" if report_file(config, stream, index) else None,
        budget=settings.false_alarms if settings is not None else None,
        mark=mark,
        base=base,
    )


def report_file(config: Config, stream: str, index: int) -> Path | None:
    """Return evidently's report of a window, or None where it was not made."""
    file = config.state_dir / "reports" / stream / f"{index}.html"
    return file if stream in config.streams and file.is_file() else None
