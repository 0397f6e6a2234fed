"""The daemon's own socket in its state folder, for commands of whoever may open that folder."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from driftwatch.web import App, serve_locally

if TYPE_CHECKING:
    from pathlib import Path


class LocalDoor:
    """Answers on the socket until it is closed.

    Args:
        app: that answers.
        file: the socket.

    Raises:
        ConfigError: the socket cannot be made.
    """

    def __init__(self, app: App, file: Path) -> None:
        self._file = file
        self._server = serve_locally(app, file)
        self._thread = threading.Thread(target=self._server.run, name="local", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more, and leave no socket behind."""
        self._server.should_exit = True
        self._thread.join()
        self._file.unlink(missing_ok=True)
