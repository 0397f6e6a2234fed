"""What people and tools do to a daemon all day: scrape it, look at its pages, change its rules, now and then badly."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Self

import httpx

from benchmarks.soaking.place import MODELLED, POLICY, STREAMS
from benchmarks.soaking.watch import scrape

if TYPE_CHECKING:
    from benchmarks.soaking.place import Place

_BAD = "stream: [docs]\nrules:\n  - name: no-such-variable\n    when: drift.nothing > 1.0\n    do: alert\n"
_BROWSE_EVERY = timedelta(minutes=20)
_EDIT_EVERY = timedelta(hours=2)


class Scraper:
    """Scrapes as Prometheus does, in a thread of its own; use as a context manager.

    Args:
        place: whose daemon.
        every: seconds between two scrapes.
    """

    def __init__(self, place: Place, *, every: float) -> None:
        self._client = httpx.Client(base_url=place.url, timeout=30)
        self._every = every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        self.newest = ""
        self.seconds: list[float] = []
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._client.close()

    def _go_on(self) -> None:
        while not self._stopping.wait(self._every):
            try:
                self.newest, seconds = scrape(self._client)
            except httpx.HTTPError as error:
                self.failures.append(repr(error))
            else:
                self.seconds.append(seconds)


class Operator:
    """Looks at pages, edits the rules, reloads by file, signal and HTTP, and once makes a mistake.

    Args:
        place: whose daemon.
        pid: of the daemon.
        client: of its web face.
    """

    def __init__(self, place: Place, pid: int, client: httpx.Client) -> None:
        self._place = place
        self._pid = pid
        self._client = client
        self._browsed = 0
        self._edited = 0
        self.refusals = 0
        self.pages = 0

    def act(self, elapsed: timedelta) -> None:
        """Do what is due by now."""
        if elapsed // _BROWSE_EVERY > self._browsed:
            self._browsed = elapsed // _BROWSE_EVERY
            self._browse()
        if elapsed // _EDIT_EVERY > self._edited:
            self._edited = elapsed // _EDIT_EVERY
            self._edit()

    def _browse(self) -> None:
        stream = STREAMS[self._browsed % len(STREAMS)]
        for path in ("/", f"/streams/{stream}/windows/1", f"/streams/{stream}/incidents/{self._browsed}"):
            self.pages += self._client.get(path).is_success

    def _edit(self) -> None:
        """Change the file, which is noticed by itself; then ask for a reload in another way."""
        if self._edited == 2:
            self._place.policy.write_text(_BAD)
            self.refusals += self._client.post("/-/reload").is_error
        self._place.policy.write_text(POLICY.format(mark=f"edit {self._edited}"))
        if self._edited % 2:
            os.kill(self._pid, signal.SIGHUP)
        else:
            self._client.post("/-/reload").raise_for_status()


def feedback(client: httpx.Client, sent: int) -> None:
    """Say of the newest text of the modelled stream whether the answer was right."""
    said = [{"id": f"{MODELLED}-{sent}", "correct": bool(sent % 10)}]
    client.post(f"/v1/streams/{MODELLED}/feedback", json=said).raise_for_status()
