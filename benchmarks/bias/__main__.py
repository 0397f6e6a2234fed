"""Measures bias: ``python -m benchmarks.bias [--quick] [--only PART …] [--data FOLDER] [--json FILE]``.

``--data`` is a folder with ``bias`` and ``corpora`` (../shared/data by default). Each part is a module of its own that
gives rows; its module is imported when it is measured.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.table import measure_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.table import Row

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
"""Where real text lies, beside the repository."""


def main() -> None:
    """Measure the parts asked for and print their rows."""
    arguments = _arguments()
    parts = _parts(arguments.data, quick=arguments.quick)
    measure_parts("bias", parts, only=arguments.only, quick=arguments.quick, json_file=arguments.json)


def _parts(data: Path, *, quick: bool) -> dict[str, Callable[[], Iterable[Row]]]:
    """Return what can be measured, by name, in the order of measuring."""

    def lm_eval() -> Iterable[Row]:
        from benchmarks.bias import harness

        return harness.measure(data, quick=quick)

    def suite() -> Iterable[Row]:
        from benchmarks.bias import suite

        return suite.measure(data, quick=quick)

    def planted() -> Iterable[Row]:
        from benchmarks.bias import planted

        return planted.measure(quick=quick)

    def neutral() -> Iterable[Row]:
        from benchmarks.bias import neutral

        return neutral.measure(quick=quick)

    def simulated() -> Iterable[Row]:
        from benchmarks.bias import simulated

        return simulated.measure(quick=quick)

    def mitigation() -> Iterable[Row]:
        from benchmarks.bias import mitigation

        return mitigation.measure(quick=quick)

    def texts() -> Iterable[Row]:
        from benchmarks.bias import data as data_check

        return data_check.measure(data, quick=quick)

    def pretrained() -> Iterable[Row]:
        from benchmarks.bias import pretrained

        return pretrained.measure(quick=quick)

    return {
        "lm-eval": lm_eval,
        "suite": suite,
        "planted": planted,
        "neutral": neutral,
        "simulated": simulated,
        "mitigation": mitigation,
        "data": texts,
        "pretrained": pretrained,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bias")
    parser.add_argument("--quick", action="store_true", help="on smaller models and fewer pairs: a few minutes")
    parser.add_argument("--only", nargs="+", metavar="PART", help="parts to measure; all by default")
    parser.add_argument("--data", type=Path, default=BESIDE, help="folder with bias and corpora")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser.parse_args()


if __name__ == "__main__":
    main()
