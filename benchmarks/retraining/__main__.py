"""Measures retraining: ``python -m benchmarks.retraining [--quick] [--only PART …] [--data FOLDER] [--json FILE]``.

``--data`` is a folder with ``corpora`` and ``scenarios`` (../shared/data by default). Each part is a module of its own
that gives rows; its module is imported when it is measured.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.retraining.year import BESIDE
from benchmarks.table import measure_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.table import Row


def main() -> None:
    """Measure the parts asked for and print their rows."""
    arguments = _arguments()
    parts = _parts(arguments.data, quick=arguments.quick)
    measure_parts("retraining", parts, only=arguments.only, quick=arguments.quick, json_file=arguments.json)


def _parts(data: Path, *, quick: bool) -> dict[str, Callable[[], Iterable[Row]]]:
    """Return what can be measured, by name, in the order of measuring."""

    def collect() -> Iterable[Row]:
        from benchmarks.retraining import collect

        return collect.measure(data, texts=50_000 if quick else 1_000_000)

    def training() -> Iterable[Row]:
        from benchmarks.retraining import training

        return training.training(quick=quick)

    def kills() -> Iterable[Row]:
        from benchmarks.retraining import kills

        return kills.kills(quick=quick)

    def forgetting() -> Iterable[Row]:
        from benchmarks.retraining import forgetting

        return forgetting.measure(quick)

    def probe() -> Iterable[Row]:
        from benchmarks.retraining import probe

        return probe.measure(quick)

    def whole() -> Iterable[Row]:
        from benchmarks.retraining import whole

        return whole.measure(quick=quick)

    def frequency() -> Iterable[Row]:
        from benchmarks.retraining import frequency

        return frequency.measure(data, quick=quick)

    def device() -> Iterable[Row]:
        from benchmarks.retraining import device

        return device.measure(quick)

    return {
        "training": training,
        "kills": kills,
        "forgetting": forgetting,
        "probe": probe,
        "whole": whole,
        "frequency": frequency,
        "collect": collect,
        "device": device,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retraining")
    parser.add_argument("--quick", action="store_true", help="the first rows, on a tiny model: a few minutes")
    parser.add_argument("--only", nargs="+", metavar="PART", help="parts to measure; all by default")
    parser.add_argument("--data", type=Path, default=BESIDE, help="folder with corpora and scenarios")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser.parse_args()


if __name__ == "__main__":
    main()
