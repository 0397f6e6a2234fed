"""What the web face shows, read off the store when somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from driftwatch import __version__
from driftwatch.domain.errors import NotFoundError
from driftwatch.domain.run import RunId
from driftwatch.web import Page, Pages, Room, StatusView, status_from
from driftwatch.wiring.incidents import incident as incident_html
from driftwatch.wiring.incidents import report_file

if TYPE_CHECKING:
    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock
    from driftwatch.store import Store


Reasons = Callable[[], tuple[str, ...]]


def pages(config: Config, store: Store, *, clock: Clock, unready: Reasons, failing: Reasons = tuple) -> Pages:
    """Return where the pages come from.

    Args:
        config: with the streams.
        store: where everything is read from.
        clock: what now is.
        unready: returns why the daemon is not ready.
        failing: returns which sources cannot be read, and why.
    """
    room = Room(limit=config.daemon.backlog, drops=config.daemon.when_full == "drop")

    def status() -> StatusView:
        why = {"unready": unready(), "failing": failing()}
        return status_from(store, config.streams, version=__version__, at=clock.now(), room=room, **why)

    def window(stream: str, index: int) -> Page | None:
        from driftwatch.drift.page import window_page

        result = store.windows.result(stream, index)
        if result is None:
            return None
        opinion = f"/streams/{stream}/windows/{index}/report" if report_file(config, stream, index) else None
        return Page(html=window_page(result, report=opinion, incident=f"/streams/{stream}/incidents/{index}"))

    def incident(stream: str, index: int) -> Page | None:
        html = incident_html(config, store, stream, index)
        return Page(html=html) if html is not None else None

    def report(stream: str, index: int) -> Page | None:
        file = report_file(config, stream, index)
        return Page(html=file.read_text(encoding="utf-8"), scripted=True) if file is not None else None

    def run(run_id: str) -> Page | None:
        from driftwatch.retrain.report import read_trail, run_page

        try:
            found = store.runs.get(RunId(run_id))
        except NotFoundError:
            return None
        return Page(html=run_page(found, read_trail(config.state_dir / "runs" / run_id)))

    return Pages(status=status, window=window, incident=incident, report=report, run=run)
