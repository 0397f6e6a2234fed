"""Kills a fine-tune at random moments and looks whether it still comes to the same weights.

``python -m benchmarks.retraining.kills [--quick] [--json FILE]`` measures this part alone. A GPT-2-architecture model
with dropout, early stopping, a fifth of replayed text on which it is held to the champion, and a checkpoint every other
step; each of the runs is killed (SIGKILL) at a moment drawn uniformly from the CPU time that an uninterrupted one
takes, tokenising, checkpoints and saving included (so that a busy machine does not matter), and then started again.
Processes are forked from one that has loaded torch, so that the kills fall into the work and not into imports.
"""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.retraining.training import blank, texts_of
from benchmarks.table import Row, main
from driftwatch.demo.prose import paragraphs
from driftwatch.domain.run import Recipe
from driftwatch.retrain.finetune import finetune
from driftwatch.retrain.folders import file_hashes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from driftwatch.domain.text import Text

_RECIPE = Recipe(
    name="killed",
    learning_rates=(3e-3,),
    epochs=2.0,
    batch=8,
    context=64,
    checkpoint_steps=2,
    patience=4,
    evaluate_steps=3,
)
_REPLAYED = 20
_LOOK_SECONDS = 0.001


def kills(*, quick: bool) -> Iterator[Row]:
    """Yield how many killed runs came to the weights of the uninterrupted one, and how many had to be killed at all."""
    import torch
    import transformers  # noqa: F401 - loaded before the processes fork

    torch.set_num_threads(1)
    wanted = 3 if quick else 20
    texts = texts_of(paragraphs(["numpy", "scipy"], 100))
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as name:
        folder = Path(name)
        blank(folder / "champion", [text.body for text in texts], context=64, width=64)
        seconds = _run(folder, "whole", texts, kill_after=None) or 0.0
        whole = file_hashes(folder / "whole")
        chance, same, killed, resumed = random.Random(20), 0, 0, 0
        while killed < wanted:
            shutil.rmtree(folder / f"{killed}", ignore_errors=True)
            if _run(folder, f"{killed}", texts, kill_after=chance.uniform(0, seconds)) is not None:
                continue  # it was over a moment before
            resumed += any((folder / f"checkpoints-{killed}").glob("checkpoint-*"))
            _run(folder, f"{killed}", texts, kill_after=None)
            same += file_hashes(folder / f"{killed}") == whole
            killed += 1
        yield Row(
            measure=f"of {wanted} killed runs, to the bit the uninterrupted one",
            driftwatch=same,
            target=f"= {wanted}",
            met=same == wanted,
        )
        yield Row(measure=f"of {wanted} killed runs, resumed from a checkpoint", driftwatch=resumed)


def _run(folder: Path, name: str, texts: Sequence[Text], *, kill_after: float | None) -> float | None:
    """Fine-tune in a process of its own; return the CPU-seconds it took, or None where it was killed.

    Raises:
        RuntimeError: it failed by itself.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work(folder, name, texts)
    os.close(writing)
    while not select.select([reading], [], [], _LOOK_SECONDS)[0]:
        if kill_after is not None and _used(child) >= kill_after:
            os.kill(child, signal.SIGKILL)
            break
    os.close(reading)
    _, status, used = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL:
        return None
    if code:
        raise RuntimeError(f"a fine-tune ended with code {code}")
    return used.ru_utime + used.ru_stime


def _used(process: int) -> float:
    """Return the CPU-seconds that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _work(folder: Path, name: str, texts: Sequence[Text]) -> None:
    """Be the process that fine-tunes; never returns."""
    code = 1
    try:
        finetune(
            folder / "champion",
            texts[_REPLAYED:],
            _RECIPE,
            round=1,
            out=folder / name,
            checkpoints=folder / f"checkpoints-{name}",
            on_progress=lambda _: None,
            should_stop=lambda: False,
            threads=1,
            select=texts[-20:],
            replay=texts[:_REPLAYED],
        )
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main("retraining.kills", lambda quick: list(kills(quick=quick)))
