"""Texts that come in at an even pace, by log file and over HTTP in turns, until they are of another kind."""

from __future__ import annotations

import threading
from itertools import count, cycle, islice
from typing import TYPE_CHECKING, Self

import httpx

from driftwatch.demo import workspace
from driftwatch.demo.daemon_process import post

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.demo.workspace import Workspace

_BEAT = 0.5
"""Seconds between two handfuls of texts."""


class Traffic:
    """What production would send; use as a context manager.

    Args:
        space: whose daemon it goes to.
        before: texts until the turn.
        after: texts from the turn on.
        pace: texts a second.
    """

    def __init__(self, space: Workspace, *, before: Sequence[str], after: Sequence[str], pace: float) -> None:
        self._space = space
        self._before, self._after = cycle(before), cycle(after)
        self._handful = max(round(pace * _BEAT), 1)
        self._numbers = count(1)
        self._turned, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._flow, name="traffic", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    @property
    def turned(self) -> bool:
        """Whether the texts are of the other kind by now."""
        return self._turned.is_set()

    def turn(self) -> None:
        """From now on send texts of the other kind."""
        self._turned.set()

    def _flow(self) -> None:
        by_file = True
        while not self._stopped.wait(_BEAT):
            texts = list(islice(self._after if self.turned else self._before, self._handful))
            if by_file:
                workspace.write_texts(self._space.log, texts)
            else:
                self._post(texts)
            by_file = not by_file

    def _post(self, texts: Sequence[str]) -> None:
        """Send texts under ids of their own, again and again until the daemon has taken them."""
        records = [{"id": f"stack-{next(self._numbers)}", "text": text} for text in texts]
        while not self._stopped.is_set():
            try:
                post(self._space, f"/v1/streams/{workspace.STREAM}/texts", records)
            except httpx.HTTPError:
                self._stopped.wait(_BEAT)
            else:
                return
