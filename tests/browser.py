"""Headless Chromium (Debian: chromium), driven over its debugging pipe: what a page asks for, says and looks like."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = shutil.which("chromium")
MISSING = "chromium is not installed (Debian: chromium)"
_DEADLINE = 60.0
_OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")


@dataclass
class Seen:
    """What a page did while it loaded."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


class Browser:
    """One tab.

    Args:
        read: end of the pipe that Chromium writes to.
        write: end of the pipe that Chromium reads from.
    """

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self._events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for room in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{room}.enable")

    def ask(self, method: str, **params: object) -> Any:
        """Call a method of the DevTools protocol and return its result; events meanwhile are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, url: str, *, width: int = 1280, dark: bool = False) -> Seen:
        """Load a page in a window of a width and return what it did."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=scheme)
        self._events.clear()
        assert "errorText" not in self.ask("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._next())
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        seen = Seen()
        for event in self._events:
            _note(seen, event)
        return seen

    def value(self, expression: str) -> Any:
        """Return what an expression is worth on the page."""
        told = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + _DEADLINE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(until - time.monotonic(), 0))
            assert ready, "Chromium does not answer"
            part = os.read(self._read, 1 << 20)
            assert part, "Chromium has ended"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start Chromium with a profile of its own and end it afterwards."""
    assert PROGRAM is not None, MISSING
    its_in, our_out = os.pipe()
    our_in, its_out = os.pipe()
    line = f'exec "$0" "$@" 3<&{its_in} 4>&{its_out}'
    options = (*_OPTIONS, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank")
    with subprocess.Popen(
        ["/bin/bash", "-c", line, PROGRAM, *options],
        pass_fds=(its_in, its_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(profile)},
    ) as process:
        os.close(its_in)
        os.close(its_out)
        try:
            yield Browser(our_in, our_out)
        finally:
            os.close(our_out)
            os.close(our_in)
            process.terminate()


def _note(seen: Seen, event: dict[str, Any]) -> None:
    params = event.get("params", {})
    match event.get("method"):
        case "Network.requestWillBeSent":
            seen.requests.append(params["request"]["url"])
        case "Log.entryAdded":
            seen.complaints.append(params["entry"]["text"])
        case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
            seen.complaints.append(json.dumps(params))
