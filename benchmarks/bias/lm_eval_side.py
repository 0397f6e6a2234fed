"""The peer's side of ``harness``: run by the peer's own interpreter, which knows nothing of driftwatch.

``python lm_eval_side.py MODEL CSV BATCH THREADS OUT``: CrowS-Pairs by lm-evaluation-harness's own task, pointed at a
local file; figures and seconds go to OUT as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path


def main(model: str, csv: str, batch: str, threads: str, out: str) -> None:
    """Evaluate and write what came out."""
    began = time.perf_counter()
    import torch
    from lm_eval import simple_evaluate  # type: ignore[import-not-found]
    from lm_eval.models.huggingface import HFLM  # type: ignore[import-not-found]
    from lm_eval.tasks import TaskManager  # type: ignore[import-not-found]

    torch.set_num_threads(int(threads))
    network = HFLM(pretrained=model, device="cpu", dtype="float32", batch_size=int(batch))
    with tempfile.TemporaryDirectory() as folder:
        tasks = TaskManager(include_path=_task(Path(folder), csv))
        ready, cpu = time.perf_counter(), time.process_time()
        found = simple_evaluate(model=network, tasks=["crows_pairs_local"], task_manager=tasks, log_samples=False)
        ended, spent = time.perf_counter(), time.process_time() - cpu
    figures = found["results"]["crows_pairs_local"]
    Path(out).write_text(
        json.dumps(
            {
                "pct_stereotype": figures["pct_stereotype,none"],
                "likelihood_diff": figures["likelihood_diff,none"],
                "seconds": ended - ready,
                "cpu": spent,
                "whole": ended - began,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


def _task(folder: Path, csv: str) -> str:
    """Write a task that is lm-eval's own but for where its data lies; return the folder."""
    import lm_eval.tasks

    own = Path(lm_eval.tasks.__file__).parent / "crows_pairs" / "crows_pairs_english.yaml"
    lines = (
        f"include: {own}",
        "task: crows_pairs_local",
        "dataset_path: csv",
        "dataset_kwargs:",
        "  data_files:",
        f"    test: {csv}",
    )
    (folder / "crows_pairs_local.yaml").write_text("\n".join(lines) + "\n")
    return str(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
