"""A web face whose metrics are those of a busy daemon."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

from figures import busy_snapshot
from web_client import Daemon

from driftwatch.metrics import Exposition
from driftwatch.web import Pages, create_app, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 60.0


@contextmanager
def exporter() -> Iterator[int]:
    """Serve a busy daemon's metrics whose counters rise with every scrape."""
    daemon, scrapes = Daemon(), count(1)
    exposition = Exposition(lambda: busy_snapshot("support", "sales", at=datetime.now(UTC), scale=next(scrapes)))
    app = create_app(
        intake={},
        metrics=exposition.render,
        health=lambda: daemon.health,
        reload=lambda _who: daemon.reloaded,
        pages=Pages(
            status=lambda: daemon.view,
            window=daemon.window,
            incident=daemon.incident,
            report=daemon.report,
            run=daemon.run,
        ),
    )
    server = serve(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.port
    finally:
        server.should_exit = True
        thread.join(DEADLINE)
