"""What watches a training: progress, checkpoints, a wish to stop, looks at the held-out loss, losses that are none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, cast

from driftwatch.domain.errors import RunError
from driftwatch.domain.run import Progress
from driftwatch.retrain.finetune import ranks
from driftwatch.retrain.finetune.looks import Look, Looks
from driftwatch.retrain.finetune.method import trained_weights
from driftwatch.retrain.finetune.objective import nats_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from transformers import PreTrainedModel, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

    from driftwatch.retrain.checkpoints import Checkpoints
    from driftwatch.retrain.finetune.family import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """What is looked at while training goes on; the batches of this process."""

    family: Family
    batches: tuple[Mapping[str, torch.Tensor], ...]

    def loss(self, model: PreTrainedModel) -> float:
        """Return the model's loss over all processes' batches, nats per prediction; draws no random number."""
        import torch

        total = [0.0, 0.0]
        was_training = model.training
        model.train(mode=False)
        with torch.no_grad():
            for batch in self.batches:
                inputs = {name: values.to(model.device) for name, values in batch.items()}
                labels = inputs.pop("labels")
                nats, count = nats_of(model(**inputs).logits, labels, family=self.family)
                total = [total[0] + float(nats), total[1] + float(count)]
        model.train(was_training)
        nats_in_all, predictions = ranks.summed(total)
        return nats_in_all / predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the watch knows of its training.

    Args:
        checkpoints: that it seals.
        on_progress: told after each step.
        should_stop: asked after each step.
        tokens: of text that were seen after so many steps, from none on.
        scaled: whether gradients are scaled (float16), so that one that is no number only skips its step.
        evaluate_steps: steps between two looks.
        patience: looks without improvement before the end.
        held_out: what is looked at; None for no looks.
    """

    checkpoints: Checkpoints
    on_progress: Callable[[Progress], None]
    should_stop: Callable[[], bool]
    tokens: tuple[int, ...]
    scaled: bool
    evaluate_steps: int
    patience: int
    held_out: HeldOut | None


def watch(watched: Watched) -> TrainerCallback:
    """Return what the trainer calls."""
    from transformers import TrainerCallback

    kind = type("Watch", (_Watch, TrainerCallback), {})
    return cast("TrainerCallback", kind(watched))


class _Watch:
    """The trainer's callback, but for the base class, which would load transformers with this file."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._began, self._first = monotonic(), 0
        self._looked: Look | None = None

    def on_train_begin(self, _: TrainingArguments, state: TrainerState, control: TrainerControl, **__: object) -> None:
        """Take the time."""
        del control
        self._began, self._first = monotonic(), state.global_step
        self._looked = next(reversed(Looks.of(state.log_history).looks), None)

    def on_step_end(self, _: TrainingArguments, state: TrainerState, control: TrainerControl, **given: object) -> None:
        """Stop when asked, and look when it is time."""
        if ranks.any_of(self._watched.should_stop()):
            control.should_save = control.should_training_stop = True
        step, held_out = state.global_step, self._watched.held_out
        if held_out is not None and (step % self._watched.evaluate_steps == 0 or step == state.max_steps):
            self._look(held_out, cast("PreTrainedModel", given["model"]), state, control)

    def on_log(
        self,
        _: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **__: object,
    ) -> None:
        """Refuse to go on without a loss, and report."""
        del control
        if logs is None or "loss" not in logs:
            return
        _refuse_no_number(logs, state.global_step, scaled=self._watched.scaled)
        if ranks.is_first():
            self._watched.on_progress(self._progress(state, float(logs["loss"])))

    def on_save(self, _: TrainingArguments, state: TrainerState, control: TrainerControl, **__: object) -> None:
        """Seal the checkpoint once every process has written its part."""
        del control
        ranks.wait()
        if ranks.is_first():
            self._watched.checkpoints.seal(state.global_step)
        ranks.wait()

    def _look(self, held_out: HeldOut, model: PreTrainedModel, state: TrainerState, control: TrainerControl) -> None:
        look = Look(state.global_step, held_out.loss(model))
        if not math.isfinite(look.loss):
            raise _no_number("held-out loss", look.step)
        self._looked = look
        state.log_history.append(look.entry())
        looks = Looks.of(state.log_history)
        if looks.best == look and ranks.is_first():
            _keep(model, self._watched.checkpoints, look.step)
        ranks.wait()
        if looks.exhausted(self._watched.patience):
            control.should_training_stop = True

    def _progress(self, state: TrainerState, loss: float) -> Progress:
        step, total, tokens = state.global_step, state.max_steps, self._watched.tokens
        seconds = max(monotonic() - self._began, 1e-9)
        figures = {
            "loss": loss,
            "tokens": float(tokens[step]),
            "tokens_per_second": (tokens[step] - tokens[self._first]) / seconds,
            "eta_seconds": (total - step) * seconds / max(step - self._first, 1),
        }
        if self._looked is not None:
            figures["held_out_loss"] = self._looked.loss
        return Progress(stage="training", done=step, total=total, figures=figures)


def _keep(model: PreTrainedModel, checkpoints: Checkpoints, step: int) -> None:
    from safetensors.torch import save_file

    with checkpoints.keep_best(step) as folder:
        weights = {name: each.detach().cpu().contiguous() for name, each in trained_weights(model).items()}
        save_file(weights, folder / "weights.safetensors", metadata={"format": "pt"})


def _refuse_no_number(logs: Mapping[str, float], step: int, *, scaled: bool) -> None:
    for name, word in (("loss", "loss"), ("grad_norm", "gradient")):
        if not math.isfinite(float(logs.get(name, 0.0))) and not (scaled and name == "grad_norm"):
            raise _no_number(word, step)


def _no_number(what: str, step: int) -> RunError:
    return RunError(
        f"the {what} is no number any more at step {step}",
        cure="use a recipe with a lower learning rate, or look at the run's training data",
    )
