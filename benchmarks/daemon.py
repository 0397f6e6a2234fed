"""What the daemon costs: CPU to be ready, memory at rest, and how fast it answers scrapes while others compute.

``python -m benchmarks.daemon [--quick] [--json FILE]``. Everything is real: ``driftwatch run`` with a small model, text
over HTTP, its analysis worker and a retraining job.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.table import Row, at_most, main
from driftwatch.demo.champion import train_champion
from driftwatch.demo.daemon_process import daemon_process, driftwatch
from driftwatch.demo.prose import paragraphs
from driftwatch.demo.workspace import STREAM, WINDOW, Workspace, configure, make, to_webhook, write_texts
from driftwatch.domain.errors import DriftwatchError
from driftwatch.domain.run import RunState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.demo.process import Process

HEAVY = ("torch", "sklearn", "scipy", "numpy", "pandas", "transformers")
ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
_POLICY = f"""\
stream: [{STREAM}]
rules:
  - name: always
    when: window.texts > 0
    do: retrain
    recipe: small
    need: {{fresh_texts: {WINDOW}}}
"""
_IDLE_SECONDS = 5
_LONGEST = 1_800
"""Seconds for a window, its decision and a run's collecting, on a machine that is busy with something else."""
_ARRIVALS = re.compile(r'^driftwatch_run_arrivals_total\{state="([^"]+)",stream="[^"]+"\} (\S+)', re.MULTILINE)
ENDS = tuple(state.value for state in RunState if state.final)


def measure(quick: bool) -> list[Row]:
    """Run the daemon and return its figures."""
    scrapes = 200 if quick else 2_000
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as folder:
        workspace = _prepared(Path(folder) / "work", reference=600 if quick else 5_000)
        with daemon_process(workspace) as daemon:
            daemon.await_ready()
            start = _cpu_seconds(daemon.pid)
            time.sleep(_IDLE_SECONDS)
            rows = [
                at_most("CPU to ready, s", start, 1.0),
                at_most("resident at rest, MB", _resident_megabytes(daemon.pid), 100.0),
                at_most("heavy packages in the daemon at rest", float(len(_heavy(daemon.pid))), 0.0),
                *_latency(workspace, "at rest", scrapes),
                *_busy(workspace, daemon, scrapes),
                at_most("resident at the end, MB", _resident_megabytes(daemon.pid), 100.0),
                at_most("heavy packages at the end", float(len(_heavy(daemon.pid))), 0.0),
            ]
    return rows


def _prepared(folder: Path, *, reference: int) -> Workspace:
    workspace = make(folder)
    known = paragraphs(["numpy", "scipy"], reference + 200)
    write_texts(folder / "training.jsonl", known[:reference])
    write_texts(folder / "heldout.jsonl", known[reference:])
    train_champion(known[:300], folder / "champion", scratch=folder / "scratch", on_progress=lambda *_: None)
    configure(workspace, alerts=to_webhook("http://127.0.0.1:9/none"), encoder=ENCODER)
    (folder / "policies" / "demo.yaml").write_text(_POLICY)
    driftwatch(workspace, "reference", "build", STREAM)
    return workspace


def _busy(workspace: Workspace, daemon: Process, scrapes: int) -> list[Row]:
    texts = paragraphs(["torch/nn", "accelerate", "datasets"], 4 * WINDOW, seed=1)
    httpx.post(
        f"{workspace.url}/v1/streams/{STREAM}/texts", json=[{"text": text} for text in texts], timeout=30
    ).raise_for_status()
    embedding = _latency(workspace, "while the worker embeds", scrapes)
    daemon.until(lambda: _training(workspace) or None, "a job to train", seconds=_LONGEST)
    return [*embedding, *_latency(workspace, "while a job trains", scrapes)]


def _training(workspace: Workspace) -> bool:
    """Return whether the run has come to its training.

    Raises:
        DriftwatchError: it ended before.
    """
    scrape = httpx.get(f"{workspace.url}/metrics", timeout=10).text
    came = {state: float(count) for state, count in _ARRIVALS.findall(scrape)}
    if not came.get("training") and (ended := [state for state in ENDS if came.get(state)]):
        raise DriftwatchError(f"the run is {ended[0]} without training", where=str(workspace.folder / "state" / "runs"))
    return came.get("training", 0) > 0


def _latency(workspace: Workspace, when: str, scrapes: int) -> list[Row]:
    waits = []
    with httpx.Client(base_url=workspace.url, timeout=10) as client:
        for _ in range(scrapes):
            began = time.perf_counter()
            client.get("/metrics").raise_for_status()
            waits.append(1_000 * (time.perf_counter() - began))
            threading.Event().wait(0.01)
    return [
        Row(measure=f"scrape {when}, median ms", driftwatch=_quantile(waits, 0.5)),
        at_most(f"scrape {when}, 99% ms", _quantile(waits, 0.99), 100.0),
    ]


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def _cpu_seconds(pid: int) -> float:
    """Return user and system time of the process alone, its children not counted."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else float("nan")


def _heavy(pid: int) -> set[str]:
    maps = Path(f"/proc/{pid}/maps").read_text()
    return {package for package in HEAVY if f"/site-packages/{package}/" in maps}


if __name__ == "__main__":
    main("daemon", measure)
