"""Our side of ``harness``, in a process of its own: ``python -m benchmarks.bias.own_side MODEL CSV THREADS OUT``."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np


def main(model: str, csv: str, threads: str, out: str) -> None:
    """Score the pairs and write what came out."""
    began = time.perf_counter()
    from driftwatch.features.loss import load_model
    from driftwatch.gate.bias.loaders.crows_pairs import load_crows_pairs
    from driftwatch.gate.bias.scores import score

    loaded = load_model(Path(model), threads=int(threads))
    ready, cpu = time.perf_counter(), time.process_time()
    scores = score(loaded, load_crows_pairs(Path(csv)).pairs)
    ended, spent = time.perf_counter(), time.process_time() - cpu
    figures = {
        "pct_stereotype": float((scores > 0).mean()),
        "likelihood_diff": float(np.abs(scores).mean()),
        "seconds": ended - ready,
        "cpu": spent,
        "whole": ended - began,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    Path(out).write_text(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
