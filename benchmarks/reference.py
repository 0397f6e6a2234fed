"""What choosing a reference's texts costs, here and on 1 and 2 Ray workers, and that all choose the same.

``python -m benchmarks.reference [--texts N] [--workers 1 2] [--quick] [--json FILE]``. The texts are those of
``../shared/data/corpora`` again and again, each with a changing end. Every engine has a process of its own.

Three measures say how much quicker two workers are. The *path* is the CPU time of this process and of its busiest
worker together, an upper bound of the wall time where every process has a core, for both work at once. Where the
machine has as many cores as workers, they share these with this process and with Ray's own: what that leaves is all
their CPU time parted over the cores. And there is wall time itself, which is held to the target only where other
programs took next to nothing meanwhile; how much they took is told.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.table import Row, at_least, at_most, print_table, told, write_rows
from driftwatch.drift.reference import WANTED_TEXTS
from driftwatch.gathering import Engine, LocalEngine, Search, gather
from driftwatch.intake.training_records import TrainingFields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from driftwatch.gathering import Gathered

CORPORA = Path(__file__).resolve().parents[2] / "shared" / "data" / "corpora"
SPEED_UP = 1.7
MEMORY = 1.15
"""Most that four times as many texts may cost in memory."""
_PIECE = 4 * 1024 * 1024
_QUICK = 100_000
_QUIET = 0.05
"""Of the machine's processors, what others may take where wall time still says something."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one engine did.

    Args:
        digest: of all that was chosen.
        wall: seconds.
        driver: CPU-seconds of this process.
        workers: CPU-seconds of each worker.
        ray: CPU-seconds of Ray's other processes.
        others: share of the machine's processors that other programs took meanwhile.
        peak: bytes, of this process.
        worker_peak: bytes, of the largest worker.
    """

    digest: str
    wall: float
    driver: float
    workers: list[float]
    ray: float
    others: float
    peak: int
    worker_peak: int

    @property
    def path(self) -> float:
        """CPU-seconds of this process and its busiest worker."""
        return self.driver + max(self.workers, default=0.0)

    @property
    def parted(self) -> float:
        """Seconds that all CPU time takes on as many processors as workers, if it can be parted evenly."""
        return (self.driver + sum(self.workers) + self.ray) / max(len(self.workers), 1)


def write_texts(file: Path, count: int) -> None:
    """Write real texts, each once."""
    bodies = [
        json.loads(line)["text"]
        for corpus in sorted(CORPORA.glob("*.jsonl"))
        for line in corpus.read_text(encoding="utf-8").splitlines()
    ]
    with file.open("w", encoding="utf-8") as stream:
        for number, body in enumerate(islice(cycle(bodies), count)):
            stream.write(json.dumps({"text": f"{body} {number // len(bodies)}"}, ensure_ascii=False) + "\n")


def run(file: Path, workers: int) -> Run:
    """Choose texts with so many workers of a cluster of our own; 0 for none but this process."""
    search = Search(data=[file], heldout=(), fields=TrainingFields(), seed=7, sample=WANTED_TEXTS, piece_bytes=_PIECE)
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        engine: Engine = LocalEngine()
        if workers:
            from driftwatch.gathering.ray import connected

            engine = opened.enter_context(connected(None, workers))
            _warm(engine, folder, workers)
        before, machine = _seconds(), _machine_seconds()
        begun, cpu = time.perf_counter(), time.process_time()
        found = gather(search, engine, folder=folder)
        wall, driver = time.perf_counter() - begun, time.process_time() - cpu
        spent, taken = _since(before), _machine_seconds() - machine
        ours, rays = ([each.seconds for each in spent if each.worker is kind] for kind in (True, False))
        worker_peak = max((_peak(pid) for pid, each in before.items() if each.worker), default=0)
        peak = _peak(None)
    return Run(
        digest=_digest(found),
        wall=wall,
        driver=driver,
        workers=sorted(ours, reverse=True)[:workers],
        ray=sum(rays),
        others=max(taken - driver - sum(ours) - sum(rays), 0.0) / (wall * (os.cpu_count() or 1)),
        peak=peak,
        worker_peak=worker_peak,
    )


def _warm(engine: Engine, folder: Path, workers: int) -> None:
    """Have every worker started, with all that it imports."""
    file = folder / "warm.jsonl"
    write_texts(file, 20_000 * workers)
    search = Search(
        data=[file],
        heldout=(),
        fields=TrainingFields(),
        seed=7,
        sample=500,
        piece_bytes=file.stat().st_size // (4 * workers),
    )
    gather(search, engine, folder=folder)
    file.unlink()


@dataclass(frozen=True)
class _Spent:
    """CPU-seconds of a process, and whether it is a worker of our cluster, not one of Ray's own."""

    seconds: float
    worker: bool


def _seconds() -> Mapping[int, _Spent]:
    """Return what every process of our own cluster has spent, by its number."""
    import psutil

    found = {}
    for child in psutil.Process().children(recursive=True):
        times = child.cpu_times()
        worker = (child.cmdline() or [""])[0].startswith("ray::")
        found[child.pid] = _Spent(times.user + times.system, worker)
    return found


def _since(before: Mapping[int, _Spent]) -> list[_Spent]:
    """Return what every process of our own cluster has spent since then."""
    none = _Spent(0.0, worker=False)
    return [replace(each, seconds=each.seconds - before.get(pid, none).seconds) for pid, each in _seconds().items()]


def _machine_seconds() -> float:
    """Return the CPU-seconds that all programs of this machine have taken."""
    import psutil

    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _peak(pid: int | None) -> int:
    for line in Path(f"/proc/{pid or 'self'}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _digest(found: Gathered) -> str:
    digest = hashlib.sha256(msgspec.json.encode(list(found.learned.texts)))
    digest.update(found.learned.bodies.tobytes())
    digest.update(f"{found.learned.distinct} {found.learned.total}".encode())
    return digest.hexdigest()


def _apart(file: Path, workers: int) -> Run:
    """Run in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "benchmarks.reference", "--one", str(file), str(workers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def measure(texts: int, workers: list[int]) -> Iterator[Row]:
    """Yield what each engine costs, and how they compare."""
    with tempfile.TemporaryDirectory() as folder:
        small, whole = Path(folder) / "small.jsonl", Path(folder) / "whole.jsonl"
        write_texts(small, texts // 4)
        write_texts(whole, texts)
        quarter, local = _apart(small, 0), _apart(whole, 0)
        yield Row(measure=f"local, {texts:,} texts, texts per CPU-s", driftwatch=texts / local.driver)
        yield Row(measure="local, peak memory, MB", driftwatch=local.peak / 1e6, peer=quarter.peak / 1e6)
        yield at_most("local, peak memory over that of a quarter of the texts", local.peak / quarter.peak, MEMORY)
        runs = {}
        for count in workers:
            found = runs[count] = _apart(whole, count)
            name = f"Ray, {count} worker{'s' if count > 1 else ''}"
            yield at_least(f"{name}, the same result as local", float(found.digest == local.digest), 1)
            yield Row(measure=f"{name}, texts per second of wall time", driftwatch=texts / found.wall)
            yield Row(measure=f"{name}, CPU-s of the driver", driftwatch=found.driver)
            yield Row(measure=f"{name}, CPU-s of the busiest worker", driftwatch=max(found.workers))
            yield Row(measure=f"{name}, CPU-s of all workers", driftwatch=sum(found.workers), peer=local.driver)
            yield Row(measure=f"{name}, CPU-s of Ray's own processes", driftwatch=found.ray)
            yield Row(measure=f"{name}, share of the machine that others took", driftwatch=found.others)
            yield Row(measure=f"{name}, peak memory of a worker, MB", driftwatch=found.worker_peak / 1e6)
    if {1, 2} <= set(runs):
        yield at_least("2 workers over 1, CPU time on the path", runs[1].path / runs[2].path, SPEED_UP)
        yield from _compared(runs[1], runs[2])


def _compared(one: Run, two: Run) -> Iterator[Row]:
    busiest = [max(each.workers) for each in (one, two)]
    yield Row(measure="2 workers over 1, CPU time of the busiest worker", driftwatch=busiest[0] / busiest[1])
    yield Row(measure="2 workers over 1, all CPU time of 2 parted over 2 cores", driftwatch=one.path / two.parted)
    name, ratio = "2 workers over 1, wall time", one.wall / two.wall
    noise = max(one.others, two.others)
    if noise <= _QUIET and (os.cpu_count() or 1) >= len(two.workers):
        yield at_least(name, ratio, SPEED_UP)
    else:
        yield Row(measure=f"{name}, told only: others took {noise:.0%} of the machine", driftwatch=ratio)


def main() -> None:
    """Parse the command line, measure, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reference")
    parser.add_argument("--texts", type=int, default=1_000_000, help="how many (default: 1,000,000)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="numbers of Ray workers (default: 1 2)")
    parser.add_argument("--quick", action="store_true", help=f"{_QUICK:,} texts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(asdict(run(Path(arguments.one[0]), int(arguments.one[1])))))
        return
    rows = told(measure(_QUICK if arguments.quick else arguments.texts, arguments.workers))
    print()
    print_table(rows)
    if arguments.json:
        write_rows(arguments.json, "reference", rows, quick=arguments.quick)


if __name__ == "__main__":
    main()
