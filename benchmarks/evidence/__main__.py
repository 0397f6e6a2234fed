"""Measures the evidence: ``python -m benchmarks.evidence [--quick] [--only PART …] [--data FOLDER] [--json FILE]``.

``--data`` is a folder with ``corpora`` and ``scenarios`` (../shared/data by default). Features are kept in ``--cache``.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.evidence import (
    authors,
    bursts,
    costs,
    delays,
    encoders,
    false_alarms,
    long_topics,
    recurring,
    suffering,
    tiers,
)
from benchmarks.table import measure_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.table import Row

BESIDE = Path(__file__).parent.parent.parent.parent / "shared" / "data"
KEPT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "driftwatch" / "evidence"
_QUICK_SCENARIOS = frozenset({"social-none", "none-chat-bursty", "social-rare", "news-sudden", "chatbot-gradual"})
_QUICK_ENCODERS = frozenset({"cost", "news-sudden", "chatbot-gradual"})


def main() -> None:
    """Measure the parts asked for and print their rows."""
    arguments = _arguments()
    parts = _parts(arguments.data, arguments.cache, quick=arguments.quick)
    measure_parts("evidence", parts, only=arguments.only, quick=arguments.quick, json_file=arguments.json)


def _parts(data: Path, cache: Path, *, quick: bool) -> dict[str, Callable[[], Iterable[Row]]]:
    texts, draws, trials = (20_000, 1, 3) if quick else (1_000_000, 20, 15)
    only = _QUICK_SCENARIOS if quick else frozenset()
    return {
        "costs": lambda: costs.costs(data, cache),
        "scenarios": lambda: delays.scenarios(data, cache, only=only),
        "focused": lambda: delays.focused(data, cache, trials=trials),
        "blocks": lambda: delays.in_blocks(data, cache, trials=trials),
        "small": lambda: delays.small(data, cache, trials=trials),
        "diffuse": lambda: delays.diffuse(data, cache, trials=trials),
        "independent": lambda: false_alarms.independent(data, cache, texts=texts, draws=draws),
        "independent-blocks": lambda: false_alarms.independent(
            data, cache, texts=texts // 10, draws=min(draws, 4), dependence=8, arls=(false_alarms.TIGHT_ARL,)
        ),
        "dependent": lambda: false_alarms.dependent(data, cache, draws=1 if quick else 6),
        "duplicates": lambda: false_alarms.duplicates(data, cache, draws=1 if quick else 5),
        "recurring": lambda: recurring.recurring(data, cache, draws=1 if quick else 5),
        "authors": lambda: authors.authors(data, cache, draws=1 if quick else 6),
        "suffering": lambda: suffering.suffering(data, cache, most=4 if quick else 24),
        "bursts": lambda: bursts.bursts(data, cache, draws=1 if quick else 3),
        "long-topics": lambda: long_topics.long_topics(data, cache, draws=1 if quick else 4),
        "tiers": lambda: tiers.tiers(data, cache, trials=3 if quick else 9),
        "tiers-order": lambda: tiers.reordered(data, cache, trials=3 if quick else 9),
        "tiers-quiet": lambda: tiers.quiet(data, cache, draws=1 if quick else 3),
        "tiers-costs": lambda: tiers.costs(data, cache),
        "encoders": lambda: encoders.encoders(data, cache, only=_QUICK_ENCODERS if quick else frozenset()),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence")
    parser.add_argument("--quick", action="store_true", help="fewer draws and trials: a few minutes")
    parser.add_argument("--only", nargs="+", metavar="PART", help="parts to measure; all by default")
    parser.add_argument("--data", type=Path, default=BESIDE, help="folder with corpora and scenarios")
    parser.add_argument("--cache", type=Path, default=KEPT, help="where features are kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser.parse_args()


if __name__ == "__main__":
    main()
