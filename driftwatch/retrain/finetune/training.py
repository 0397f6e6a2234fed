"""One training with transformers' ``Trainer``: what it is told, and what watches it."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import structlog

from driftwatch.domain.errors import RunError
from driftwatch.retrain.checkpoints import KEPT
from driftwatch.retrain.finetune.folder import load_trainable
from driftwatch.retrain.ranks import Ranks
from driftwatch.retrain.recipe import learning_rate

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainingArguments

    from driftwatch.domain.run import Recipe
    from driftwatch.retrain.batches import BatchPlan
    from driftwatch.retrain.checkpoints import Checkpoints

log = structlog.get_logger()

OnProgress = Callable[[int, int, float], None]
"""Told optimiser steps done, steps in all, and the last step's loss in nats per token."""

GREATEST_NORM = 1.0


@dataclass(frozen=True, slots=True)
class Training:
    """Everything one training needs but the way its batches go through the device."""

    champion: Path
    sequences: npt.NDArray[np.int64]
    recipe: Recipe
    round: int
    checkpoints: Checkpoints
    on_progress: OnProgress
    should_stop: Callable[[], bool]

    def run(self, plan: BatchPlan) -> PreTrainedModel | None:
        """Train to the end, from the newest whole checkpoint on; None when stopped before."""
        newest = Ranks.here().first_before(self.checkpoints.newest)
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

        model = load_trainable(self.champion)
        _check_space(model, self.checkpoints)
        trainer = Trainer(
            model=model,
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
            ddp_find_unused_parameters=False,
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


def _check_space(model: PreTrainedModel, checkpoints: Checkpoints) -> None:
    """Refuse to begin what the disk cannot hold: weights and AdamW's two moments for every checkpoint kept."""
    needed = 4 * sum(weights.numel() for weights in model.parameters()) * (3 * (KEPT + 1) + 1)
    checkpoints.folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(checkpoints.folder).free
    if free < needed:
        raise RunError(
            f"a training of this model needs {needed / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free",
            where=str(checkpoints.folder),
            cure="make room, or move state_dir to a larger disk",
            retryable=True,
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


def _watch(training: Training) -> TrainerCallback:
    """Return what reports progress, seals checkpoints, stops when asked and refuses to go on without a loss."""
    from transformers import TrainerCallback, TrainerControl, TrainerState

    ranks = Ranks.here()

    class Watch(TrainerCallback):
        def on_step_end(
            self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
        ) -> None:
            del args, state
            if ranks.any(training.should_stop()):
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
            ranks.wait()  # each has written its own random state
            if ranks.first:
                training.checkpoints.seal(state.global_step)

    return Watch()


def _refuse_no_number(logs: dict[str, float], step: int) -> None:
    for name in ("loss", "grad_norm"):
        if not math.isfinite(float(logs.get(name, 0.0))):
            raise RunError(
                f"the {'loss' if name == 'loss' else 'gradient'} is no number any more at step {step}",
                cure="use a recipe with a lower learning rate, or look at the run's training data",
            )


def _has_bf16() -> bool:
    """Whether bf16 pays here: on GPUs that have it, on CPUs with AMX; elsewhere it is slower than float32."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return False


def out_of_memory(error: Exception) -> bool:
    """Whether the failure says that the device's memory ran out."""
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
