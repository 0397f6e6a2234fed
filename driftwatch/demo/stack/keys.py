"""Whether the user pressed Enter while something was waited for."""

from __future__ import annotations

import os
import select
import time


class Keys:
    """Reads standard input without ever waiting for it longer than asked.

    Args:
        descriptor: of the input.
    """

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._open = True

    def wait(self, seconds: float) -> bool:
        """Wait for a while, or less where Enter is pressed, and return whether it was."""
        if not self._open:
            time.sleep(seconds)
            return False
        try:
            ready, _, _ = select.select([self._descriptor], [], [], seconds)
            read = os.read(self._descriptor, 1024) if ready else b""
        except OSError:  # closed, or a terminal that is another program's now
            ready, read = [self._descriptor], b""
        self._open = bool(read) or not ready
        return b"\n" in read
