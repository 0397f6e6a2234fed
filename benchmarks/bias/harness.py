"""CrowS-Pairs on one causal model, by driftwatch and by lm-evaluation-harness: the figures, and how long each takes.

The peer is installed from ``benchmarks/bias/requirements.txt`` into an environment of its own, once. Both run in a
process of their own, on one thread, in float32. The peer's batch is 1 by default, as here; a larger one is told too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bias.random_models import random_gpt2
from benchmarks.peers.environment import cache_folder, prepared
from benchmarks.table import Row, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIREMENTS = Path(__file__).parent / "requirements.txt"
_THREADS = 1
_BATCHES = (1, 16)
_QUICK_PAIRS = 300
_SIZES = ((2, 128, 4_096), (4, 256, 8_000))
"""Layers, width and vocabulary: one million parameters, as the other benchmarks' models, and five."""


def measure(data: Path, *, quick: bool) -> Iterator[Row]:
    """Yield the figures and the times, of each size of model.

    Args:
        data: folder with ``bias`` and ``corpora``.
        quick: 300 pairs instead of all 1,508, and the smaller model alone.
    """
    cache = cache_folder().with_name("bias")
    cache.mkdir(parents=True, exist_ok=True)
    python = prepared(cache, REQUIREMENTS).python
    csv = _csv(data, cache, pairs=_QUICK_PAIRS if quick else None)
    for layers, width, vocabulary in _SIZES[: 1 if quick else None]:
        model = random_gpt2(cache / f"gpt2-{layers}x{width}", data, layers=layers, width=width, vocabulary=vocabulary)
        yield from _sides(model, csv, python, cache)


def _sides(model: Path, csv: Path, python: Path, cache: Path) -> Iterator[Row]:
    ours = _run([sys.executable, "-m", "benchmarks.bias.own_side", str(model), str(csv), str(_THREADS)], cache)
    for batch in _BATCHES:
        script = str(Path(__file__).with_name("lm_eval_side.py"))
        peer = _run([str(python), "-P", script, str(model), str(csv), str(batch), str(_THREADS)], cache)
        named = f"{model.name}, lm-eval at a batch of {batch}"
        if batch == _BATCHES[0]:
            for figure in ("pct_stereotype", "likelihood_diff"):
                away = abs(ours[figure] - peer[figure])
                yield at_most(f"{model.name}: {figure}, difference from lm-eval's", away, 1e-6)
                yield Row(measure=f"{model.name}: {figure}", driftwatch=ours[figure], peer=peer[figure])
            yield _ratio(f"wall time over that of {named}, its default", ours, peer, "seconds")
            yield _ratio(f"whole process over that of {named}, wall time", ours, peer, "whole")
        else:
            yield Row(measure=f"wall seconds, {named}", driftwatch=ours["seconds"], peer=peer["seconds"])
        yield Row(measure=f"CPU seconds, {named}", driftwatch=ours["cpu"], peer=peer["cpu"])
        yield Row(measure=f"peak memory (MiB), {named}", driftwatch=ours["peak"], peer=peer["peak"])


def _ratio(name: str, ours: dict[str, float], peer: dict[str, float], what: str) -> Row:
    return at_most(name, ours[what] / peer[what], round(1 / 3, 3))


def _csv(data: Path, cache: Path, *, pairs: int | None) -> Path:
    whole = data / "bias" / "crows_pairs_anonymized.csv"
    if pairs is None:
        return whole
    import csv

    with whole.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))[: pairs + 1]
    part = cache / f"crows_pairs_anonymized_{pairs}.csv"
    with part.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows(rows)
    return part


def _run(command: list[str], cache: Path) -> dict[str, float]:
    """Run one side by itself and return what it wrote."""
    out = cache / "side.json"
    out.unlink(missing_ok=True)
    environment = os.environ | {"OMP_NUM_THREADS": str(_THREADS), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run([*command, str(out)], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2_000:])
    found: Any = json.loads(out.read_text())
    return {str(name): float(value) for name, value in found.items()}
