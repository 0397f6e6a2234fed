"""Puts the app on a port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn import Config, Server

if TYPE_CHECKING:
    from driftwatch.web.app import App

_DRAIN_SECONDS = 10
_CONNECTIONS = 256


def serve(app: App, host: str, port: int) -> Server:
    """Return a server for the app, not started; ``run()`` blocks until it is told to stop.

    Quiet: what is worth logging, the app logs itself. No server or proxy headers are sent or believed.
    """
    return Server(
        Config(
            app,
            host=host,
            port=port,
            loop="asyncio",
            ws="none",
            lifespan="on",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
    )
