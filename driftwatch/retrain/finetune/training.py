"""One training with transformers' ``Trainer``: what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import structlog

from driftwatch.domain.run import Progress
from driftwatch.retrain.finetune import ranks
from driftwatch.retrain.finetune.disk import check_space
from driftwatch.retrain.finetune.distill import Champion, Distilling, distilling_trainer
from driftwatch.retrain.finetune.examples import Example, Examples, collate
from driftwatch.retrain.finetune.looks import Looks, looks_in
from driftwatch.retrain.finetune.method import made_trainable, trained_weights
from driftwatch.retrain.finetune.objective import Objective, objective
from driftwatch.retrain.finetune.precision import precision_here
from driftwatch.retrain.finetune.watch import HeldOut, Watched, watch
from driftwatch.retrain.order import order
from driftwatch.retrain.recipe import learning_rate

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel, Trainer, TrainingArguments

    from driftwatch.domain.run import Recipe
    from driftwatch.retrain.batches import BatchPlan
    from driftwatch.retrain.checkpoints import Checkpoints
    from driftwatch.retrain.finetune.family import Family
    from driftwatch.retrain.finetune.folder import Start

log = structlog.get_logger()

OnProgress = Callable[[Progress], None]
"""Told after each optimiser step; figures are ``loss`` (the step's, nats per prediction), ``tokens`` so far and
``tokens_per_second`` (of text, padding not counted), ``eta_seconds`` and, after a look, ``held_out_loss``."""

_DRAWS = 1 << 40
"""Where the masks of held-out rows begin: far from those of any training step."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the caller hears and says while it lasts: told after each optimiser step, asked after each."""

    on_progress: OnProgress
    should_stop: Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Everything one training needs but the way its batches go through the device.

    Args:
        start: the champion that it starts from.
        family: of the model.
        examples: to train on.
        held_out: to look at for early stopping; None for none.
        filler: token that pads.
        recipe: hyperparameters.
        round: from 1.
        checkpoints: of this training.
        distils: whether there are examples on which the model should stay like the champion.
        hooks: of the caller.
    """

    start: Start
    family: Family
    examples: Examples
    held_out: Examples | None
    filler: int
    recipe: Recipe
    round: int
    checkpoints: Checkpoints
    distils: bool
    hooks: Hooks

    @property
    def batch(self) -> int:
        """Examples per optimiser step: the recipe's, or all where there are fewer; a multiple of the processes."""
        batch = min(self.recipe.batch, len(self.examples.lengths))
        return max(batch // ranks.world(), 1) * ranks.world()

    def run(self, plan: BatchPlan) -> PreTrainedModel | None:
        """Train to the end, from the newest whole checkpoint on; None when stopped before.

        Args:
            plan: of each process's part of the batch.
        """
        newest = self._newest()
        model = self._model()
        if newest is None or not looks_in(newest).exhausted(self.recipe.patience):
            trainer = self._trainer(model, plan, newest)
            trainer.train(resume_from_checkpoint=str(newest) if newest else None)
            looks = Looks.of(trainer.state.log_history)
            if trainer.state.global_step < trainer.state.max_steps and not looks.exhausted(self.recipe.patience):
                return None
            model = cast("PreTrainedModel", trainer.model)
        else:
            looks = looks_in(newest)
        self._take_best(model, looks)
        return model

    def _newest(self) -> Path | None:
        """Return the newest whole checkpoint; one process cleans up before the others look."""
        if ranks.is_first():
            self.checkpoints.newest()
        ranks.wait()
        return self.checkpoints.newest()

    def _model(self) -> PreTrainedModel:
        model = self.start.take()
        if self.recipe.gradient_checkpointing:
            _compute_again(model)
        model = made_trainable(model, self.recipe, family=self.family)
        check_space(
            self.checkpoints.folder,
            weights=sum(weights.numel() for weights in model.parameters()),
            trained=sum(weights.numel() for weights in trained_weights(model).values()),
            best=self.held_out is not None,
        )
        return model

    def _take_best(self, model: PreTrainedModel, looks: Looks) -> None:
        """Go back to the weights with the least held-out loss; only the process that writes them needs them."""
        import torch
        from safetensors.torch import load_file

        if looks.best is None or not ranks.is_first():
            return
        kept = load_file(self.checkpoints.best(looks.best.step) / "weights.safetensors")
        with torch.no_grad():
            for name, weights in trained_weights(model).items():
                weights.copy_(kept[name])

    def _trainer(self, model: PreTrainedModel, plan: BatchPlan, newest: Path | None) -> Trainer:
        from transformers import PrinterCallback, Trainer

        kind: type[Trainer] = Trainer
        loss: Objective = objective(self.family)
        if self.distils:
            champion = Champion(self.start.folder, model, self.recipe)
            kind, loss = distilling_trainer(), Distilling(self.family, self.recipe.distill, champion)
        places = order(self.examples.widths, epochs=self.recipe.epochs, batch=self.batch, seed=self.recipe.seed)
        total = len(places) // self.batch
        log.info(
            "training",
            family=self.family.value,
            examples=len(self.examples.lengths),
            steps=total,
            at_once=plan.at_once,
            parts=plan.parts,
            processes=ranks.world(),
            resumed=newest.name if newest else None,
        )
        trainer = kind(
            model=model,
            args=self._arguments(plan, total),
            train_dataset=_Ordered(self.examples, places),  # type: ignore[arg-type, unused-ignore]
            data_collator=partial(collate, filler=self.filler),
            compute_loss_func=loss,
            callbacks=[watch(self._watched(plan, places))],
        )
        trainer.remove_callback(PrinterCallback)
        return trainer

    def _watched(self, plan: BatchPlan, places: npt.NDArray[np.int64]) -> Watched:
        tokens = self.examples.lengths[places].reshape(-1, self.batch).sum(axis=1)
        return Watched(
            checkpoints=self.checkpoints,
            on_progress=self.hooks.on_progress,
            should_stop=self.hooks.should_stop,
            tokens=(0, *(int(each) for each in np.cumsum(tokens))),
            scaled=precision_here(self.recipe.precision) == "float16",
            evaluate_steps=self.recipe.evaluate_steps,
            patience=self.recipe.patience,
            held_out=self._held_out(plan),
        )

    def _held_out(self, plan: BatchPlan) -> HeldOut | None:
        """Return the batches that are looked at, those of like length together; each process has its share."""
        if self.held_out is None or not self.recipe.patience:
            return None
        shortest_first = np.argsort(self.held_out.widths, kind="stable")
        batches = [shortest_first[at : at + plan.at_once] for at in range(0, len(shortest_first), plan.at_once)]
        made = [[self.held_out.at(int(each), draw=_DRAWS + int(each)) for each in batch] for batch in batches]
        mine = made[ranks.rank() :: ranks.world()]
        return HeldOut(family=self.family, batches=tuple(collate(batch, filler=self.filler) for batch in mine))

    def _arguments(self, plan: BatchPlan, total: int) -> TrainingArguments:
        import torch
        from transformers import TrainingArguments

        cuda, recipe = torch.cuda.is_available(), self.recipe
        precision = precision_here(recipe.precision)
        arguments = TrainingArguments(
            output_dir=str(self.checkpoints.writing),
            per_device_train_batch_size=plan.at_once,
            gradient_accumulation_steps=plan.parts,
            num_train_epochs=1,  # the order holds every epoch
            train_sampling_strategy="sequential",
            learning_rate=learning_rate(recipe, round=self.round),
            lr_scheduler_type="cosine",
            warmup_steps=round(recipe.warmup * total),
            weight_decay=recipe.weight_decay,
            max_grad_norm=recipe.clip,
            optim="adamw_torch_fused",
            bf16=precision == "bfloat16",
            fp16=precision == "float16",
            use_cpu=not cuda,
            dataloader_pin_memory=cuda,
            seed=recipe.seed,
            data_seed=recipe.seed,
            save_strategy="steps",
            save_steps=recipe.checkpoint_steps,
            logging_strategy="steps",
            logging_steps=1,
            logging_nan_inf_filter=False,
            log_level="error",
            remove_unused_columns=False,
            disable_tqdm=True,
            report_to="none",
        )
        return on_one_device(arguments)


def on_one_device(arguments: TrainingArguments) -> TrainingArguments:
    """Return the arguments, one GPU alone seen by this process, however many the host has.

    The trainer would spread every batch over all of them by ``DataParallel``, each with a whole batch: other steps than
    were planned. Several devices train as several processes.
    """
    _ = arguments.device  # counts them
    arguments._n_gpu = min(arguments.n_gpu, 1)  # noqa: SLF001 - no argument says so
    return arguments


def _compute_again(model: PreTrainedModel) -> None:
    """Keep no activations between forward and backward pass (Chen et al. 2016), under the name this version has."""
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})


@dataclass(frozen=True, slots=True)
class _Ordered:
    """The examples in the order of the training, as the trainer's data set."""

    examples: Examples
    places: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, place: int) -> Example:
        return self.examples.at(int(self.places[place]), draw=place)
