"""Measures policies: ``python -m benchmarks.policies [--quick] [--only PART …] [--json FILE]``.

Each part is a module of its own that gives rows; its module is imported when it is measured.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.table import measure_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.table import Row


def main() -> None:
    """Measure the parts asked for and print their rows."""
    arguments = _arguments()
    parts = _parts(quick=arguments.quick)
    measure_parts("policies", parts, only=arguments.only, quick=arguments.quick, json_file=arguments.json)


def _parts(*, quick: bool) -> dict[str, Callable[[], Iterable[Row]]]:
    """Return what can be measured, by name, in the order of measuring."""

    def evaluation() -> Iterable[Row]:
        from benchmarks.policies import evaluation

        return evaluation.measure(quick=quick)

    def replay() -> Iterable[Row]:
        from benchmarks.policies import replay

        return replay.measure(quick=quick)

    return {"evaluation": evaluation, "replay": replay}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policies")
    parser.add_argument("--quick", action="store_true", help="fewer windows: some seconds")
    parser.add_argument("--only", nargs="+", metavar="PART", help="parts to measure; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser.parse_args()


if __name__ == "__main__":
    main()
