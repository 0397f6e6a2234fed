"""Fine-tune: a candidate from a champion, by transformers' ``Trainer``; killed anywhere, it goes on to the same bits.

Causal language models (packed), masked language models and sequence classifiers (batches of like length); every weight,
low-rank adapters or the head alone; AdamW, the learning rate warmed up again and down along a cosine, gradients
clipped, early stopping on held-out texts, safetensors only.
"""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog

from driftwatch.domain.errors import RunError
from driftwatch.retrain.batches import BatchPlan, SmallerPartsError, fitting, plans
from driftwatch.retrain.checkpoints import Checkpoints
from driftwatch.retrain.finetune import ranks
from driftwatch.retrain.finetune.disk import disk_told
from driftwatch.retrain.finetune.family import Family, family_of
from driftwatch.retrain.finetune.folder import Start, load_config, load_tokenizer, save_candidate
from driftwatch.retrain.finetune.layout import context_of, filler_of, keeps_apart, lay_out
from driftwatch.retrain.finetune.memory import out_of_memory
from driftwatch.retrain.finetune.method import finished
from driftwatch.retrain.finetune.rows import Rows, beside, rows_of
from driftwatch.retrain.finetune.training import Hooks, OnProgress, Training
from driftwatch.retrain.memory_kills import MemoryKills
from driftwatch.retrain.soundness import check_champion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from transformers import PreTrainedModel

    from driftwatch.domain.run import Recipe
    from driftwatch.domain.text import Text

__all__ = ["OnProgress", "finetune"]

log = structlog.get_logger()

MOST_HELD_OUT = 1_000
"""Texts that early stopping looks at, the first of those given: a look must not cost more than the steps before it."""


def finetune(  # noqa: PLR0913 - a training has this many sides, each named by its caller
    champion: Path,
    train: Sequence[Text],
    recipe: Recipe,
    *,
    round: int,  # noqa: A002 - the word of the house
    out: Path,
    checkpoints: Path,
    on_progress: OnProgress,
    should_stop: Callable[[], bool],
    threads: int,
    select: Sequence[Text] = (),
    replay: Sequence[Text] = (),
) -> bool:
    """Train the champion on the texts and write the candidate's folder, which appears whole or not at all.

    Called again after a kill or a stop with the same arguments, it resumes from the newest whole checkpoint and gives
    the same weights to the bit (on a CPU, with the same number of threads). Under ``torchrun`` every process calls it
    with the same arguments; the first one writes.

    Args:
        champion: transformers folder with its tokenizer.
        train: new texts to train on; a language model learns ``body`` (or what the assistant says in ``turns``), a
            classifier ``target``.
        recipe: hyperparameters.
        round: from 1; chooses the recipe's learning rate.
        out: the candidate's folder; where it exists, there is nothing left to do.
        checkpoints: a folder of this training alone; removed at the end.
        on_progress: called after each optimiser step.
        should_stop: asked after each optimiser step; on true a checkpoint is saved first.
        threads: CPU threads.
        select: held-out texts for early stopping; looked at only where the recipe has patience.
        replay: texts of the reference to train on again, on which the recipe's ``distill`` holds the model to the
            champion.

    Returns:
        Whether the candidate is there; False after a stop.

    Raises:
        ModelError: the champion is missing, changed, or cannot be loaded.
        DataError: a text's target is no class of the classifier.
        SmallerPartsError: this process, one of several, has not enough memory for its part of a batch.
        RunError: no text to train on, a loss that is no number, not enough memory, a candidate that does not load, or
            (retryable) a full disk.
    """
    if out.exists():
        return True
    files = check_champion(champion, promoted=False)
    with _computing(threads, recipe.seed), disk_told(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
        ranks.join()
        hooks = Hooks(on_progress, should_stop)
        training = _prepared(champion, files, (train, replay, select), recipe, round, checkpoints, hooks)
        model = _trained(training)
        if model is None:
            return False
        if ranks.is_first():
            made = finished(model, recipe, champion=champion.resolve().name)
            save_candidate(made.model, champion, out, adapter=made.adapter)
            shutil.rmtree(checkpoints, ignore_errors=True)
        ranks.wait()
    return True


def _trained(training: Training) -> PreTrainedModel | None:
    """Train in the largest parts that memory holds; a training taken up again begins with those that sufficed."""
    kept, share = training.checkpoints, training.batch // ranks.world()
    kills = MemoryKills(kept.folder)

    def attempt(plan: BatchPlan) -> PreTrainedModel | None:
        if ranks.is_first():
            kept.remember_at_once(plan.at_once)
            kills.begin()
        model = training.run(plan)
        if ranks.is_first():
            kills.end()
        return model

    if ranks.is_first() and kills.happened():
        _go_smaller(training, share)
        kills.end()
    ranks.wait()  # for the others to read what the first has changed
    most = kept.at_once() or training.recipe.at_once
    if ranks.world() == 1:
        return fitting(share, attempt, out_of_memory=out_of_memory, most=most)
    plan, *smaller = plans(share, most=most)
    try:
        return attempt(plan)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error) or not smaller:
            raise
        kept.remember_at_once(smaller[0].at_once)
        raise SmallerPartsError(  # the other processes wait for this one and must end too
            f"{plan.at_once} sequences at once do not fit in the memory of process {ranks.rank()}",
            cure=f"start the processes again; they go on with {smaller[0].at_once} at once",
        ) from error


def _go_smaller(training: Training, share: int) -> None:
    """Let a training that the kernel killed for memory go on in the next smaller parts, where there are any."""
    kept = training.checkpoints
    tried, *smaller = plans(share, most=kept.at_once() or training.recipe.at_once)
    log.warning("killed_for_memory", sequences_at_once=tried.at_once)
    if smaller:
        kept.remember_at_once(smaller[0].at_once)


def _prepared(
    champion: Path,
    files: Mapping[str, str],
    texts: tuple[Sequence[Text], Sequence[Text], Sequence[Text]],
    recipe: Recipe,
    round: int,  # noqa: A002
    checkpoints: Path,
    hooks: Hooks,
) -> Training:
    """Tokenise, lay out and name the training."""
    config, tokenizer, start = load_config(champion), load_tokenizer(champion), Start(champion)
    family, context = family_of(config, champion), context_of(config, recipe)
    train, replay, select = texts
    fresh, replayed, looked_at = (
        rows_of(each, family=family, tokenizer=tokenizer, config=config, context=context)
        for each in (train, replay, select[:MOST_HELD_OUT] if recipe.patience else ())
    )
    rows = beside(fresh, replayed, kept=recipe.distill > 0)
    log.info("tokenised", rows=len(rows), tokens=len(rows.tokens), left_out=dict(rows.left_out))
    if not len(rows):
        left_out = ", ".join(f"{count} {why}" for why, count in rows.left_out.items() if count)
        raise RunError(f"there is no text to train on ({left_out or 'none given'})", where=str(champion))
    packed = family is Family.CAUSAL and keeps_apart(start.look())
    examples, held_out = (
        lay_out(each, family=family, config=config, tokenizer=tokenizer, recipe=recipe, packed=packed)
        if len(each)
        else None
        for each in (rows, looked_at)
    )
    assert examples is not None  # noqa: S101 - there are rows
    return Training(
        start=start,
        family=family,
        examples=examples,
        held_out=held_out,
        filler=filler_of(tokenizer),
        recipe=recipe,
        round=round,
        distils=bool(rows.kept.any()),
        hooks=hooks,
        checkpoints=Checkpoints(
            folder=checkpoints, training=_fingerprint(files, (rows, looked_at), recipe, round=round)
        ),
    )


def _fingerprint(files: Mapping[str, str], rows: Sequence[Rows], recipe: Recipe, *, round: int) -> str:  # noqa: A002
    """Return the identity of a training: what it starts from, on what and how."""
    said = (sorted(files.items()), [each.digest() for each in rows], recipe, round)
    return hashlib.sha256(repr((said, ranks.world())).encode()).hexdigest()


@contextmanager
def _computing(threads: int, seed: int) -> Iterator[None]:
    """Compute deterministically on so many threads, and put back what was before."""
    import torch
    from transformers.utils import logging

    _keep_libraries()
    before, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    memory: Any = torch.utils.deterministic  # its one setting is a property that types do not know
    filled = memory.fill_uninitialized_memory  # a search for bugs that costs a tenth and more
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(deterministic)
        memory.fill_uninitialized_memory = filled


@cache
def _keep_libraries() -> None:
    """Take what is loaded by the first training out of the garbage collector's sight.

    The trainer collects garbage before every training; over the modules of torch and transformers, which stay as long
    as the process does, that takes a quarter of a second each time, as much as a small probe's whole training.
    """
    import accelerate
    from transformers import Trainer

    del accelerate, Trainer  # loaded before they are taken out
    gc.freeze()
