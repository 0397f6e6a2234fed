"""Fine-tune: a candidate from a champion, by transformers' ``Trainer``; killed anywhere, it goes on to the same bits.

Cross-entropy on packed sequences, AdamW with warm-up and cosine, gradients clipped at norm 1, safetensors only.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from driftwatch.retrain.batches import fitting
from driftwatch.retrain.checkpoints import Checkpoints
from driftwatch.retrain.finetune.folder import save_candidate
from driftwatch.retrain.finetune.sequences import fingerprint, packed_sequences
from driftwatch.retrain.finetune.training import OnProgress, Training, out_of_memory
from driftwatch.retrain.ranks import Ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from driftwatch.domain.run import Recipe


def finetune(  # noqa: PLR0913 - a training has this many sides, each named by its caller
    champion: Path,
    train: Sequence[str],
    recipe: Recipe,
    *,
    round: int,  # noqa: A002 - the word of the house
    out: Path,
    checkpoints: Path,
    on_progress: OnProgress,
    should_stop: Callable[[], bool],
    threads: int,
) -> bool:
    """Train the champion on the texts and write the candidate's folder, which appears whole or not at all.

    Called again after a kill or a stop with the same arguments, it resumes from the newest whole checkpoint and gives
    the same weights to the bit (on a CPU, with the same number of threads).

    Args:
        champion: transformers folder of a causal language model, with its tokenizer.
        train: bodies to train on.
        recipe: hyperparameters.
        round: from 1; chooses the recipe's learning rate.
        out: the candidate's folder; where it exists, there is nothing left to do.
        checkpoints: a folder of this training alone; removed at the end.
        on_progress: called after each optimiser step.
        should_stop: asked after each optimiser step; on true a checkpoint is saved first.
        threads: CPU threads.

    Returns:
        Whether the candidate is there; False after a stop.

    Raises:
        ModelError: the champion cannot be loaded.
        RunError: no text to train on, a loss that is no number, not enough memory, or (retryable) a full disk.
    """
    if out.exists():
        return True
    out.parent.mkdir(parents=True, exist_ok=True)
    ranks = Ranks.here()
    with _threads(threads):
        sequences = packed_sequences(champion, train, recipe)
        kept = Checkpoints(folder=checkpoints, training=fingerprint(champion, sequences, recipe, round=round))
        training = Training(champion, sequences, recipe, round, kept, on_progress, should_stop)
        # One process alone cannot take smaller parts while the others wait for it with larger ones.
        tell_apart = out_of_memory if ranks.count == 1 else _never
        model = fitting(ranks.share(recipe.batch), training.run, out_of_memory=tell_apart)
        if model is None:
            return False
        if ranks.first:
            save_candidate(model, champion, out)
    if ranks.first:
        shutil.rmtree(checkpoints, ignore_errors=True)
    return True


def _never(_error: Exception) -> bool:
    return False


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute deterministically on so many threads, and put back what was before."""
    import torch
    from transformers.utils import logging

    before, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.set_num_threads(count)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(deterministic)
