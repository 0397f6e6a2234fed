"""A small real deployment: model, reference, log file, policy; and the daemon as its own process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import httpx
from corpus import paragraphs
from models import tiny_causal
from postgres import IN_FILES, Stores

from driftwatch.demo.workspace import Workspace, free_port
from driftwatch.store import Store, open_store
from driftwatch.wiring import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
STREAM = "docs"
WINDOW = 60
QUIET = ("numpy", "sklearn/linear_model")
DRIFTED = ("litestar", "accelerate")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "PYTHONWARNINGS": "ignore",
}

CONFIG = """\
state_dir = "state"
{store}policies = ["policies/*.yaml"]

[daemon]
listen = "127.0.0.1:{port}"
poll = "100ms"

[streams.{stream}]
model = "champion"
window = {window}

[streams.{stream}.encoder]
kind = "champion"

[streams.{stream}.reference]
data = ["training.jsonl"]
sample = 900

[[streams.{stream}.sources]]
type = "file"
path = "production.jsonl"
time = "time"

[[streams.{stream}.sources]]
type = "http"
"""

POLICY = """\
stream: [{stream}]
rules:
  - name: model-suffers
    when: loss.increase > 0.12
    for: 4 windows
    do: retrain
    recipe: small
    need: {{fresh_texts: 200}}
    limits: {{cooldown: 24h}}
    gates: {{quality: {{min_gain: 0.0}}, forgetting: {{max_loss: 5.0}}, bias: {{max_increase: 50.0, neutral: 0}}}}
    promote: auto
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment(Workspace):
    """One folder with everything a daemon needs, and a database where its store is none in that folder."""

    database: str | None = None
    stores: Stores = IN_FILES

    def append(self, texts: Sequence[str], *, start: int) -> None:
        """Add texts to the log, each a second after the one before."""
        with self.log.open("a", encoding="utf-8") as log:
            for number, text in enumerate(texts, start):
                at = _EPOCH + timedelta(seconds=number)
                log.write(json.dumps({"text": text, "time": at.isoformat()}) + "\n")

    def store(self) -> Store:
        return open_store(self.database or self.state / "driftwatch.db", clock=SystemClock())


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "driftwatch", *arguments]


def run(*arguments: str) -> None:
    subprocess.run(command(*arguments), check=True, env=ENVIRONMENT, capture_output=True, timeout=300)


def deploy(folder: Path, stores: Stores = IN_FILES) -> Deployment:
    """Train the champion and build its reference."""
    deployment = Deployment(folder=folder, port=free_port(), database=stores.url(), stores=stores)
    (folder / "policies").mkdir(parents=True)
    training = paragraphs(QUIET, 1_000)
    tiny_causal(folder / "champion", training)
    (folder / "training.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in training))
    (folder / "production.jsonl").touch()
    (folder / "policies" / "policy.yaml").write_text(POLICY.format(stream=STREAM))
    configure(deployment)
    run("reference", "build", STREAM, "--config", str(deployment.config))
    return deployment


def configure(deployment: Deployment) -> None:
    store = f'store = "{deployment.database}"\n' if deployment.database else ""
    deployment.config.write_text(CONFIG.format(port=deployment.port, stream=STREAM, window=WINDOW, store=store))


def twin(deployment: Deployment, folder: Path, stores: Stores | None = None) -> Deployment:
    """Copy a deployment before its daemon ever ran; the store's paths are made anew by building the reference again.

    Args:
        deployment: to copy.
        folder: of the copy.
        stores: of which kind the copy's store is; None for the same kind.
    """
    stores = stores or deployment.stores
    other = Deployment(folder=folder, port=free_port(), database=stores.url(), stores=stores)
    shutil.copytree(deployment.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("state"))
    configure(other)
    run("reference", "build", STREAM, "--config", str(other.config))
    return other


class Child:
    """A command on a deployment as its own process; what it says goes to a log beside it.

    Args:
        deployment: whose.
        arguments: the command, and what it is given besides the configuration.
        log: name of the log, or its path where it lies elsewhere.
    """

    def __init__(self, deployment: Deployment, *arguments: str, log: str | Path) -> None:
        self.deployment = deployment
        self.log = deployment.folder / log
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command(*self._arguments, "--config", str(self.deployment.config)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=ENVIRONMENT,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def wait(self, seconds: float = 400) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.alive:
            self.kill()


class Daemon(Child):
    """``driftwatch run`` as its own process."""

    def __init__(self, deployment: Deployment) -> None:
        super().__init__(deployment, "run", log="daemon.log")

    def stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)


def until(ask: Callable[[], T | None], what: str, *, seconds: float = 240) -> T:
    """Ask until the answer is not None; real processes are waited for, so this looks again every few milliseconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (answer := ask()) is not None:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")


def ready(deployment: Deployment) -> bool | None:
    try:
        return True if httpx.get(f"{deployment.url}/-/ready", timeout=2).is_success else None
    except httpx.TransportError:
        return None


def children(pid: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                yield int(entry.name)


def job_pids(deployment: Deployment) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"job" in line and str(deployment.config).encode() in line:
                found.append(int(entry.name))
    return found
