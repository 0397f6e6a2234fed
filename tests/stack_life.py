"""``driftwatch stack`` as its own process, as `make stack` runs it, and what its parts answer."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from board_files import chosen, panels
from deployment import ENVIRONMENT, command, until
from prometheus_server import Prometheus

from grafana.__main__ import BOARDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from http_receiver import HttpReceiver

_ADDRESS = re.compile(r"^ +(status page|Prometheus|Alertmanager) +(http://127\.0\.0\.1:\d+)/", re.MULTILINE)
_SETUP_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Told:
    """One alert in a message that Alertmanager sent."""

    name: str
    status: str


@dataclass
class StackLife:
    """A running stack.

    Args:
        folder: of everything that it keeps.
        process: of the command.
        receiver: that Alertmanager's messages reach.
        server: its Prometheus.
        addresses: as it printed them, by name.
    """

    folder: Path
    process: subprocess.Popen[bytes]
    receiver: HttpReceiver
    server: Prometheus
    addresses: dict[str, str]

    @property
    def said(self) -> str:
        return (self.folder.parent / "said").read_text()

    @property
    def config(self) -> Path:
        return self.folder / "driftwatch.toml"

    def drift(self) -> None:
        """Press Enter."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)

    def firing(self) -> dict[str, dict[str, Any]]:
        """Return what fires in Alertmanager, by name."""
        answer = httpx.get(f"{self.addresses['Alertmanager']}/api/v2/alerts", trust_env=False).raise_for_status()
        return {alert["labels"]["alertname"]: alert for alert in answer.json()}

    def told(self) -> list[Told]:
        """Return every alert in every message, in order."""
        alerts = [alert for post in list(self.receiver.posts) for alert in post.json["alerts"]]
        return [Told(alert["labels"]["alertname"], alert["status"]) for alert in alerts]

    def shown(self, name: str, title: str) -> list[float]:
        """Return what the first query of a board's panel says now."""
        [board] = [board for board in BOARDS if board.name == name]
        [panel] = [panel for panel in panels(board) if panel["title"] == title]
        return self.server.now(chosen(panel["targets"][0]["expr"]))

    def reload(self, file: str, old: str, new: str) -> None:
        """Edit a copy of a shipped file and let who runs on it read it again."""
        path = self.folder / "stack" / file
        written = path.read_text()
        assert written.count(old) == 1, (file, old)
        path.write_text(written.replace(old, new))
        for pid in processes(f"--config.file={self.folder}/stack/"):
            os.kill(pid, signal.SIGHUP)


@contextmanager
def stack_life(folder: Path, receiver: HttpReceiver, *options: str) -> Iterator[StackLife]:
    """Start the stack with a receiver and wait until text comes in."""
    port = receiver.url.rpartition(":")[2]
    asked = command("stack", "--folder", str(folder / "stack"), "--receiver", port, *options)
    environment = {**ENVIRONMENT, "PYTHONUNBUFFERED": "1"}
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=said, stderr=said, env=environment)
    try:
        until(lambda: _begun(folder / "said", process), "the stack", seconds=_SETUP_SECONDS)
        addresses = {found[1]: found[2] for found in _ADDRESS.finditer((folder / "said").read_text())}
        with httpx.Client(base_url=f"{addresses['Prometheus']}/api/v1", timeout=10, trust_env=False) as client:
            yield StackLife(folder / "stack", process, receiver, Prometheus(client), addresses)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(90)
        assert process.stdin is not None
        process.stdin.close()


def processes(part: str) -> list[int]:
    """Return the processes whose command line has a part."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            found += [int(entry.name)] if part in line else []
    return found


def _begun(said: Path, process: subprocess.Popen[bytes]) -> bool | None:
    assert process.poll() is None, said.read_text()
    return True if "Text comes in" in said.read_text() else None
