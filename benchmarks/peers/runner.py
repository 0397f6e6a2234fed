"""Runs the jobs of one environment, one after the other: ``python -m benchmarks.peers.runner FOLDER ours|peers``."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import warnings
from contextlib import redirect_stdout
from dataclasses import asdict
from functools import lru_cache
from importlib import import_module, metadata
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.exchange import Job, Outcome, Texts, Trials, read_jobs
from benchmarks.peers.methods import BY_NAME, Fit, NotThereError

if TYPE_CHECKING:
    import numpy.typing as npt

    from benchmarks.peers.methods import Rows, Sequential, Windowed

_DISTRIBUTIONS = {"own": "driftwatchd", "alibi": "alibi-detect"}
AVERAGE_RUN_LENGTH = 1_000
"""Texts to a false alarm that every method of streams is asked for."""
SEED = 7


class Tally:
    """What a job has found so far."""

    def __init__(self) -> None:
        self.trials: list[int] = []
        self.alarms: list[bool] = []
        self.values: list[float] = []
        self.cpu_s: list[float] = []
        self.setup_s: list[float] = []
        self.level = 0.0
        self.note = ""


def main() -> None:
    """Run every job, write one outcome a line as it comes."""
    folder, side = Path(sys.argv[1]), sys.argv[2]
    results = folder / f"{side}.jsonl"
    warnings.simplefilter("ignore")
    for number, job in enumerate(read_jobs(folder / f"{side}.json")):
        print(f"  {job.table} {BY_NAME[job.method].label} on {job.trials}", flush=True)
        with redirect_stdout(StringIO()):
            outcome = _run(folder, number, job)
        with results.open("a") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")


def _run(folder: Path, number: int, job: Job) -> Outcome:
    texts = _texts(job.texts)
    trials = Trials.load(folder / f"{job.trials}.npz")
    tally = Tally()
    before = _peak()
    try:
        module = import_module(BY_NAME[job.method].module)
        for package in module.PACKAGES:
            import_module(package)
        gc.collect()
        before = _forget_peak()
        if job.table == "C":
            traces = _streams(module.SEQUENTIAL[job.method], job, texts, trials, tally)
            np.savez(folder / f"{BY_NAME[job.method].side}-{number}.npz", traces=traces)
        else:
            _windows(module.WINDOWED[job.method], job, texts, trials, tally)
    except NotThereError as error:
        tally.note = str(error)
    except Exception as error:  # noqa: BLE001 - a peer's failure is a finding: it is shown in its row
        tally.note = f"{type(error).__name__}: {error}"[:300]
    return Outcome(
        job=job,
        trials=tuple(tally.trials),
        alarms=tuple(tally.alarms),
        values=tuple(tally.values),
        cpu_s=tuple(tally.cpu_s),
        setup_s=tuple(tally.setup_s),
        peak_mb=max(0.0, _peak() - before),
        level=tally.level,
        note=tally.note,
        version=_version(job.method),
    )


@lru_cache(maxsize=1)
def _texts(folder: str) -> Texts:
    """Return the corpus, read once for jobs in a row."""
    return Texts.load(Path(folder))


def _windows(make, job: Job, texts: Texts, trials: Trials, tally: Tally) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a WindowedFit, loaded by name
    began = _cpu()
    method: Windowed | None = None
    fitted = -1
    for trial in order(trials):
        if _cpu() - began > job.limit_s:
            tally.note = f"stopped after {job.limit_s:.0f} CPU-s"
            return
        rows, groups = _rows(trials, trial)
        if trials.draw[trial] != fitted:
            fitted = int(trials.draw[trial])
            start = _cpu()
            method = make(_fit(job, texts, trials, fitted, size=len(rows)))
            tally.setup_s.append(_cpu() - start)
            began += tally.setup_s[0] if len(tally.setup_s) == 1 else 0.0  # the first set-up is never cut short
        assert method is not None
        start = _cpu()
        answer = method.judge(rows, groups)
        tally.cpu_s.append(_cpu() - start)
        tally.trials.append(int(trial))
        tally.alarms.append(answer.alarm)
        tally.values.append(answer.value)


def _streams(make, job: Job, texts: Texts, trials: Trials, tally: Tally) -> npt.NDArray[np.float64]:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a SequentialFit, loaded by name
    """Return the traces, float64 [k, w], NaN where there is none."""
    traces = np.full(trials.rows.shape, np.nan)
    began = _cpu()
    method: Sequential | None = None
    fitted = -1
    for trial in order(trials):
        if _cpu() - began > job.limit_s:
            tally.note = f"stopped after {job.limit_s:.0f} CPU-s"
            break
        if trials.draw[trial] != fitted:
            fitted = int(trials.draw[trial])
            start = _cpu()
            method = make(_fit(job, texts, trials, fitted, size=AVERAGE_RUN_LENGTH))
            tally.setup_s.append(_cpu() - start)
            began += tally.setup_s[0] if len(tally.setup_s) == 1 else 0.0  # the first set-up is never cut short
        assert method is not None
        rows, _ = _rows(trials, trial)
        start = _cpu()
        traces[trial, : len(rows)] = method.trace(rows)
        tally.cpu_s.append((_cpu() - start) / len(rows))
        tally.trials.append(int(trial))
        tally.level = method.level
    return traces


def order(trials: Trials) -> Rows:
    """Return the trials by draw, within it in turns of all cases, so that stopping early leaves some of each."""
    turn = np.zeros(len(trials.draw), dtype=np.int64)
    for draw in np.unique(trials.draw):
        for case in range(len(trials.cases)):
            same = np.flatnonzero((trials.draw == draw) & (trials.case == case))
            turn[same] = np.arange(len(same))
    return np.lexsort((trials.case, turn, trials.draw))


def _fit(job: Job, texts: Texts, trials: Trials, draw: int, *, size: int) -> Fit:
    references = trials.owns if job.method.endswith("-own") else trials.references
    return Fit(texts=texts, reference=references[draw], seed=SEED, size=size, permutations=job.permutations)


def _rows(trials: Trials, trial: int) -> tuple[Rows, Rows]:
    kept = trials.rows[trial] >= 0
    return trials.rows[trial][kept], trials.groups[trial][kept]


def _cpu() -> float:
    """Return CPU-seconds of this process, its threads and the children it has waited for."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _forget_peak() -> float:
    """Start the peak of memory anew where Linux lets us; return the present memory in MB."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _peak()
    return _status("VmRSS")


def _peak() -> float:
    return _status("VmHWM")


def _status(name: str) -> float:
    file = Path("/proc/self/status")
    lines = file.read_text().splitlines() if file.exists() else []
    return next((int(line.split()[1]) / 1_024 for line in lines if line.startswith(name)), 0.0)


def _version(method: str) -> str:
    prefix = method.split(".", maxsplit=1)[0]
    try:
        return metadata.version(_DISTRIBUTIONS.get(prefix, prefix))
    except metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
