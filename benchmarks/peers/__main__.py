"""Measures driftwatch and its peers: ``python -m benchmarks.peers [--quick] [--json FILE] [--data FOLDER]``.

A: false positives and power a window; B: duplicates and sessions; C: delay at equal measured run lengths; D: what a
permutation costs. ``docs/peers.md`` says how to read them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import corpus, plan, report, targets
from benchmarks.peers.environment import cache_folder, prepared
from benchmarks.peers.exchange import Outcome, read_outcomes, write_jobs
from benchmarks.peers.methods import BY_NAME, CATALOGUE
from benchmarks.table import print_table

if TYPE_CHECKING:
    from benchmarks.peers.environment import Environment
    from benchmarks.peers.exchange import Job
    from benchmarks.peers.methods import Side
    from benchmarks.table import Row

_ROOT = Path(__file__).parent.parent.parent
_TITLES = {
    "A": "A. Alarms out of windows, by share of new texts",
    "B": "B. False alarms out of quiet windows, by share of duplicates or length of sessions",
    "C": "C. Median delay in texts at equal measured run lengths, by share of new texts",
    "D": "D. One p-value of 1,000 texts against 1,000 with many permutations",
}


def main() -> None:
    """Prepare, measure in both environments, print."""
    arguments = _arguments()
    size = plan.QUICK if arguments.quick else plan.FULL
    environment = prepared(arguments.cache)
    for requirement, problem in environment.missing.items():
        print(f"not measured: {requirement} does not install here: {problem}")
    if arguments.limit:
        size = replace(size, limit_s=arguments.limit)
    if arguments.windows:
        size = replace(size, windows=tuple(arguments.windows))
    left = ", ".join(entry.label for entry in CATALOGUE if not entry.quick)
    if arguments.quick:
        print(f"left to full runs, they take too long: {left}")
    wanted = {name for table in arguments.tables for name in size.corpora[table]}
    if arguments.corpora:
        wanted &= set(arguments.corpora)
    corpora = {
        name: corpus.load(name, arguments.data, arguments.cache, encoder=arguments.encoder)
        for name in corpus.NAMES
        if name in wanted
    }
    with tempfile.TemporaryDirectory(prefix="peers-") as scratch:
        folder = arguments.exchange or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        tables = "".join(sorted(arguments.tables))
        jobs = plan.prepare(folder, corpora, size, tables, quick=arguments.quick, methods=arguments.methods)
        _measure(folder, jobs, environment, together=arguments.quick)
        grids, rows = _figures(folder)
    for table in grids:
        report.print_grid(table)
    print()
    print_table(rows)
    if arguments.markdown:
        arguments.markdown.write_text("\n".join(report.markdown(table) for table in grids))
    if arguments.json:
        _write(arguments.json, arguments, grids, rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    parser.add_argument("--quick", action="store_true", help="end within about three minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there for the documentation")
    parser.add_argument("--data", type=Path, default=_ROOT.parent / "shared" / "data", help="folder with the corpora")
    parser.add_argument("--encoder", choices=("static", "transformer"), default="static", help="of the product")
    parser.add_argument("--tables", default="ABCD", help="letters of the tables to measure")
    parser.add_argument("--limit", type=float, metavar="S", help="CPU-seconds a method and lot, times its weight")
    parser.add_argument("--windows", type=int, nargs="*", metavar="N", help="sizes of windows of table A")
    parser.add_argument("--corpora", nargs="*", choices=corpus.NAMES, help="only these")
    parser.add_argument(
        "--methods", nargs="*", choices=BY_NAME, default=tuple(BY_NAME), metavar="NAME", help="only these"
    )
    parser.add_argument("--cache", type=Path, default=cache_folder(), help="of environment and embeddings")
    parser.add_argument("--exchange", type=Path, help="keep what the two environments exchange here")
    return parser.parse_args()


def _measure(folder: Path, jobs: dict[Side, list[Job]], environment: Environment, *, together: bool) -> None:
    """Run one process an environment: side by side where time matters more than quiet, else one after the other."""
    pythons: dict[Side, Path] = {"ours": Path(sys.executable), "peers": environment.python}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    running = []
    for side, python in pythons.items():
        write_jobs(folder / f"{side}.json", jobs[side])
        (folder / f"{side}.jsonl").unlink(missing_ok=True)
        command = [str(python), "-m", "benchmarks.peers.runner", str(folder), side]
        runner = subprocess.Popen(command, cwd=_ROOT, env={**os.environ, **threads, "DO_NOT_TRACK": "1"})
        running.append((side, runner))
        if not together:
            runner.wait()
    for side, runner in running:
        if runner.wait():
            print(f"the runner of {side} ended with {runner.returncode}; what it had not measured is missing")


def _figures(folder: Path) -> tuple[list[report.Table], list[Row]]:
    found: dict[str, list[tuple[Outcome, Path]]] = {table: [] for table in _TITLES}
    for side in ("ours", "peers"):
        for number, outcome in enumerate(read_outcomes(folder / f"{side}.jsonl")):
            found[outcome.job.table].append((outcome, folder / f"{side}-{number}.npz"))
    rates = {table: report.rates(folder, [outcome for outcome, _ in found[table]]) for table in "ABD"}
    paces = report.paces(folder, found["C"])
    tables = [report.rate_table(f"{_TITLES['A']}: {name}", lot) for name, lot in rates["A"].items()]
    tables += [report.rate_table(f"{_TITLES['B']}: {name}", lot) for name, lot in rates["B"].items()]
    tables += [report.pace_table(f"{_TITLES['C']}: {name}", lot) for name, lot in paces.items()]
    tables += [report.rate_table(f"{_TITLES['D']}: {name}", lot) for name, lot in rates["D"].items()]
    rows = [
        *targets.of_rates(rates["A"]),
        *targets.of_dependence(rates["B"]),
        *targets.of_paces(paces),
        *targets.of_costs([outcome for outcome, _ in found["D"]]),
    ]
    return tables, rows


def _write(file: Path, arguments: argparse.Namespace, tables: list[report.Table], rows: list[Row]) -> None:
    figures = {
        "benchmark": "peers",
        "quick": arguments.quick,
        "encoder": arguments.encoder,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "tables": [asdict(table) for table in tables],
        "rows": [{**asdict(row), "ratio": row.ratio} for row in rows],
    }
    file.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
