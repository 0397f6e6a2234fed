"""Looks at the daemon and its worker from outside: memory, descriptors, threads, CPU, scrapes, the database's size."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from benchmarks.soaking.place import Place

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process at one moment: megabytes, counts, CPU seconds since its start."""

    pid: int
    resident: float
    proportional: float
    descriptors: int
    threads: int
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Everything at one moment.

    Args:
        hours: simulated, since the start.
        daemon: its process.
        worker: its analysis worker; None while there is none.
        windows: assessed so far, of all streams.
        waiting: texts not assessed yet.
        scrape: seconds the newest scrape took.
        database: megabytes of the database.
        log: megabytes of its write-ahead log.
        state: megabytes of everything below the state folder.
    """

    hours: float
    daemon: Process
    worker: Process | None
    windows: float
    waiting: float
    scrape: float
    database: float
    log: float
    state: float


class Metrics:
    """One scrape, parsed."""

    def __init__(self, text: str) -> None:
        self._values: dict[str, list[tuple[Mapping[str, str], float]]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._values.setdefault(sample.name, []).append((sample.labels, sample.value))

    def by(self, name: str, label: str, **wanted: str) -> dict[str, float]:
        """Return a metric's sums by a label's value, of the series with the wanted labels."""
        found: dict[str, float] = {}
        for labels, value in self._of(name, wanted):
            found[labels[label]] = found.get(labels[label], 0.0) + value
        return found

    def total(self, name: str, **wanted: str) -> float:
        """Return the sum of a metric's series with the wanted labels."""
        return sum(value for _, value in self._of(name, wanted))

    def _of(self, name: str, wanted: Mapping[str, str]) -> list[tuple[Mapping[str, str], float]]:
        series = self._values.get(name, [])
        return [each for each in series if all(each[0].get(label) == value for label, value in wanted.items())]


def scrape(client: httpx.Client) -> tuple[str, float]:
    """Return what Prometheus would get, and the seconds that took."""
    began = time.perf_counter()
    text = client.get("/metrics").raise_for_status().text
    return text, time.perf_counter() - began


def look(place: Place, pid: int, metrics: Metrics, *, hours: float, seconds: float) -> Sample:
    """Return a sample of this moment."""
    worker = next((child for child in _children(pid) if b"worker" in _arguments(child)), None)
    return Sample(
        hours=hours,
        daemon=process(pid),
        worker=process(worker) if worker is not None else None,
        windows=metrics.total("driftwatch_windows_total"),
        waiting=metrics.total("driftwatch_backlog_texts"),
        scrape=seconds,
        database=_megabytes(place.database),
        log=_megabytes(place.database.with_name(f"{place.database.name}-wal")),
        state=sum(_megabytes(file) for file in place.state.rglob("*")),
    )


def process(pid: int) -> Process:
    """Return a process as it is now."""
    folder = Path("/proc", str(pid))
    status, fields = (folder / "status").read_text(), _stat(pid)
    return Process(
        pid=pid,
        resident=_kilobytes(status, "VmRSS") / 1024,
        proportional=_kilobytes((folder / "smaps_rollup").read_text(), "Pss") / 1024,
        descriptors=len(list((folder / "fd").iterdir())),
        threads=int(fields[17]),
        cpu=(int(fields[11]) + int(fields[12])) / _TICKS,
    )


def _stat(pid: int) -> list[str]:
    return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()


def _children(pid: int) -> list[int]:
    folders = Path("/proc", str(pid), "task").glob("*/children")
    return [int(child) for folder in folders for child in folder.read_text().split()]


def _arguments(pid: int) -> list[bytes]:
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def _kilobytes(text: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _megabytes(file: Path) -> float:
    try:
        return file.lstat().st_size / 2**20 if not file.is_symlink() else 0.0
    except OSError:
        return 0.0
