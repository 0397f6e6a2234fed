"""Fine-tune: a candidate from a champion, by transformers' ``Trainer``; killed anywhere, it goes on to the same bits.

Cross-entropy on packed sequences, AdamW with warm-up and cosine, gradients clipped at norm 1, safetensors only.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, cast

import structlog

from driftwatch.domain.errors import ModelError, RunError
from driftwatch.retrain.batches import BatchPlan, fitting
from driftwatch.retrain.checkpoints import Checkpoints
from driftwatch.retrain.folders import file_hashes, written_aside
from driftwatch.retrain.packing import pack
from driftwatch.retrain.recipe import learning_rate

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from transformers import (
        PretrainedConfig,
        PreTrainedModel,
        PreTrainedTokenizerBase,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    from driftwatch.domain.run import Recipe

log = structlog.get_logger()

OnProgress = Callable[[int, int, float], None]
"""Told optimiser steps done, steps in all, and the last step's loss in nats per token."""

GREATEST_NORM = 1.0
_DEFAULT_CONTEXT = 1_024
_TOKENISED_AT_ONCE = 1_000
_COPIED = (
    "config.json",
    "generation_config.json",
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "*.model",
    "*.jinja",
)
"""Files that a fine-tune leaves as they are in the champion's folder."""


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
        RunError: no text to train on, a loss that is no number, or not enough memory.
    """
    if out.exists():
        return True
    out.parent.mkdir(parents=True, exist_ok=True)
    with _threads(threads):
        sequences = _sequences(champion, train, recipe)
        kept = Checkpoints(folder=checkpoints, training=_fingerprint(champion, sequences, recipe, round=round))
        training = _Training(champion, sequences, recipe, round, kept, on_progress, should_stop)
        model = fitting(recipe.batch, training.run, out_of_memory=_out_of_memory)
        if model is None:
            return False
        _save(model, champion, out)
    shutil.rmtree(checkpoints, ignore_errors=True)
    return True


@dataclass(frozen=True, slots=True)
class _Training:
    champion: Path
    sequences: npt.NDArray[np.int64]
    recipe: Recipe
    round: int
    checkpoints: Checkpoints
    on_progress: OnProgress
    should_stop: Callable[[], bool]

    def run(self, plan: BatchPlan) -> PreTrainedModel | None:
        """Train to the end, from the newest whole checkpoint on; None when stopped before."""
        newest = self.checkpoints.newest()
        trainer = self._trainer(plan)
        log.info(
            "training",
            sequences=len(self.sequences),
            context=self.sequences.shape[1],
            at_once=plan.at_once,
            parts=plan.parts,
            resumed=newest.name if newest else None,
        )
        trainer.train(resume_from_checkpoint=str(newest) if newest else None)
        finished = trainer.state.global_step >= trainer.state.max_steps
        return cast("PreTrainedModel", trainer.model) if finished else None

    def _trainer(self, plan: BatchPlan) -> Trainer:
        from transformers import PrinterCallback, Trainer, default_data_collator

        trainer = Trainer(
            model=load_trainable(self.champion),
            args=self._arguments(plan),
            train_dataset=_Sequences(self.sequences),
            data_collator=default_data_collator,
            callbacks=[_watch(self)],
        )
        trainer.remove_callback(PrinterCallback)
        return trainer

    def _arguments(self, plan: BatchPlan) -> TrainingArguments:
        import torch
        from transformers import TrainingArguments

        cuda = torch.cuda.is_available()
        return TrainingArguments(
            output_dir=str(self.checkpoints.writing),
            per_device_train_batch_size=plan.at_once,
            gradient_accumulation_steps=plan.parts,
            num_train_epochs=self.recipe.epochs,
            learning_rate=learning_rate(self.recipe, round=self.round),
            lr_scheduler_type="cosine",
            warmup_steps=round(self.recipe.warmup * self.recipe.epochs * len(self.sequences) / self.recipe.batch),
            weight_decay=self.recipe.weight_decay,
            max_grad_norm=GREATEST_NORM,
            optim="adamw_torch",
            bf16=_has_bf16(),
            use_cpu=not cuda,
            dataloader_pin_memory=cuda,
            seed=self.recipe.seed,
            data_seed=self.recipe.seed,
            save_strategy="steps",
            save_steps=self.recipe.checkpoint_steps,
            logging_strategy="steps",
            logging_steps=1,
            logging_nan_inf_filter=False,
            log_level="error",
            remove_unused_columns=False,
            disable_tqdm=True,
            report_to="none",
        )


@dataclass(frozen=True, slots=True)
class _Sequences:
    """The packed sequences as the trainer's data set; the labels are the tokens themselves."""

    values: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        import torch

        row = torch.from_numpy(self.values[index])
        return {"input_ids": row, "labels": row}


def _watch(training: _Training) -> TrainerCallback:
    """Return what reports progress, seals checkpoints, stops when asked and refuses to go on without a loss."""
    from transformers import TrainerCallback, TrainerControl, TrainerState

    class Watch(TrainerCallback):
        def on_step_end(
            self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
        ) -> None:
            del args, state
            if training.should_stop():
                control.should_save = True
                control.should_training_stop = True

        def on_log(
            self,
            args: TrainingArguments,
            state: TrainerState,
            control: TrainerControl,
            logs: dict[str, float] | None = None,
            **_: object,
        ) -> None:
            del args, control
            if logs is not None and "loss" in logs:
                _refuse_no_number(logs, state.global_step)
                training.on_progress(state.global_step, state.max_steps, float(logs["loss"]))

        def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
            del args, control
            training.checkpoints.seal(state.global_step)

    return Watch()


def _refuse_no_number(logs: dict[str, float], step: int) -> None:
    for name in ("loss", "grad_norm"):
        if not math.isfinite(float(logs.get(name, 0.0))):
            raise RunError(
                f"the {'loss' if name == 'loss' else 'gradient'} is no number any more at step {step}",
                cure="use a recipe with a lower learning rate, or look at the run's training data",
            )


def load_trainable(folder: Path) -> PreTrainedModel:
    """Return the folder's causal language model in float32, without running code from the folder.

    Raises:
        ModelError: it cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM

    try:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            str(folder.resolve()),
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"the model cannot be loaded for training: {error}",
            where=str(folder),
            cure="give a folder with config.json and *.safetensors of a causal language model",
        ) from error
    return model


def _sequences(champion: Path, bodies: Sequence[str], recipe: Recipe) -> npt.NDArray[np.int64]:
    tokenizer = _tokenizer(champion)
    end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
    sequences = pack(_token_rows(tokenizer, bodies), end=end, context=_context(champion, recipe))
    if not sequences.size:
        raise RunError("there is no text to train on", where=str(champion))
    return sequences


def _tokenizer(champion: Path) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            str(champion.resolve()), trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"the tokenizer cannot be loaded: {error}", where=str(champion)) from error
    return tokenizer


def _config(champion: Path) -> PretrainedConfig:
    from transformers import AutoConfig

    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(
            str(champion.resolve()), trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"the model's configuration cannot be used: {error}", where=str(champion)) from error
    return config


def _token_rows(tokenizer: PreTrainedTokenizerBase, bodies: Sequence[str]) -> Iterator[list[int]]:
    for start in range(0, len(bodies), _TOKENISED_AT_ONCE):
        batch = list(bodies[start : start + _TOKENISED_AT_ONCE])
        yield from tokenizer(batch, add_special_tokens=False, verbose=False)["input_ids"]


def _context(champion: Path, recipe: Recipe) -> int:
    """Return the recipe's context within the model's own limit."""
    limit = getattr(_config(champion), "max_position_embeddings", None)
    return min(recipe.context or limit or _DEFAULT_CONTEXT, limit or recipe.context or _DEFAULT_CONTEXT)


def _fingerprint(champion: Path, sequences: npt.NDArray[np.int64], recipe: Recipe, *, round: int) -> str:  # noqa: A002
    """Return the identity of a training: what it starts from, on what and how."""
    digest = hashlib.sha256(repr((sorted(file_hashes(champion.resolve()).items()), recipe, round)).encode())
    digest.update(repr(sequences.shape).encode())
    digest.update(sequences.tobytes())
    return digest.hexdigest()


def _save(model: PreTrainedModel, champion: Path, out: Path) -> None:
    """Write the weights in the champion's own precision beside its unchanged configuration and tokenizer."""
    import torch

    precision = _config(champion).dtype
    with written_aside(out) as aside:
        torch.nn.Module.to(model, "cpu", precision if isinstance(precision, torch.dtype) else torch.float32)
        model.save_pretrained(aside)
        for file in sorted(champion.resolve().iterdir()):
            if file.is_file() and any(fnmatch(file.name, pattern) for pattern in _COPIED):
                shutil.copyfile(file, aside / file.name)


def _has_bf16() -> bool:
    """Whether bf16 pays here: on GPUs that have it, on CPUs with AMX; elsewhere it is slower than float32."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return False


def _out_of_memory(error: Exception) -> bool:
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


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
