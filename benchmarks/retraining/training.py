"""What a fine-tune costs: against a bare ``Trainer`` on equal settings, and against the usual script that pads.

``python -m benchmarks.retraining.training [--quick] [--json FILE]`` measures this part alone. A GPT-2-architecture
model (1.3M parameters and a context of 128 with ``--quick``, else 4.2M and 512; dropout 0.1, eight sequences a step),
English paragraphs of 8 to 60 words, one thread. Rates are per CPU-second, the best of alternating turns, warm-up not
counted, so that a busy machine does not decide.

- bare: transformers' ``Trainer`` and default collator on the same texts joined and cut into whole sequences, attention
  across texts, same precision, optimiser (fused AdamW, the trainer's default), clipping and batch; no checkpoints, no
  progress, no determinism. So it does less than we do, and every one of its tokens counts, the marks between texts
  too; of ours those of texts alone. Neither distils: the objective is cross-entropy.
- bare, held to the champion as scripts do it: the same with the recipes' default objective. A fifth of the sequences is
  of replayed texts, on which ``compute_loss`` adds torch's ``kl_div`` from the champion's logits, through autograd; the
  champion reads these sequences alone, as ours does.
- padded: the same ``Trainer`` on one text a row, cut at the context, padded to the context
  (``padding="max_length"``, as most tutorials have it) or to the longest of each batch; tokens of text are counted.
"""

from __future__ import annotations

import logging
import random
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import structlog

from benchmarks.table import Row, at_least, main
from driftwatch.demo.prose import paragraphs
from driftwatch.domain.run import Progress, Recipe
from driftwatch.domain.text import Text
from driftwatch.features.loss import load_model
from driftwatch.gate.bias.builtin import builtin_suite
from driftwatch.gate.bias.scores import score
from driftwatch.retrain.finetune import finetune
from driftwatch.retrain.finetune.folder import load_tokenizer, load_trainable
from driftwatch.retrain.finetune.precision import precision_here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import torch
    from transformers import Trainer

BATCH = 8
VOCABULARY = 4_096
END = "<end>"
_WARM = 2
_REPLAYED = Recipe(name="default").replay
_DISTILLED = Recipe(name="default").distill
_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Size:
    """How much is measured."""

    context: int
    width: int
    steps: int
    turns: int


_QUICK = _Size(context=128, width=128, steps=40, turns=3)
_WHOLE = _Size(context=512, width=256, steps=12, turns=4)


def training(*, quick: bool) -> Iterator[Row]:
    """Yield what a fine-tune costs over its peers, what a checkpoint costs, and how fast bias pairs are scored."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    size = _QUICK if quick else _WHOLE
    bodies = paragraphs(["numpy", "scipy", "pandas", "sklearn"], 6_000)
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as name:
        folder = Path(name)
        blank(folder / "champion", bodies, context=size.context, width=size.width)
        peers = _Peers(folder / "champion", bodies, size)
        ours, kept, bare, bare_kept, often, to_context, to_longest = _best_of(
            size.turns,
            {
                "ours": lambda: _rate(folder, bodies, size, every=10_000),
                "ours, a fifth replayed and held to the champion": lambda: _rate(
                    folder, bodies, size, every=10_000, replayed=_REPLAYED
                ),
                "bare": peers.bare,
                "bare, a fifth held to the champion as scripts do it": peers.held,
                "ours, a checkpoint every 5 steps": lambda: _rate(folder, bodies, size, every=5),
                "padded to the context": lambda: peers.padded(to_context=True),
                "padded to the longest": lambda: peers.padded(to_context=False),
            },
        )
        yield at_least("training tokens per CPU-second, against a bare Trainer", ours, 0.95 * bare, peer=bare)
        yield at_least(
            "useful tokens per CPU-second, against padding to the context", ours, 2 * to_context, peer=to_context
        )
        yield Row(
            measure="useful tokens per CPU-second, against padding to each batch's longest",
            driftwatch=ours,
            peer=to_longest,
        )
        yield at_least(
            "training tokens per CPU-second, a fifth held to the champion, against a bare Trainer that does the same",
            kept,
            0.95 * bare_kept,
            peer=bare_kept,
        )
        yield Row(
            measure="training tokens per CPU-second, a fifth held to the champion, against ours with none",
            driftwatch=kept,
            peer=ours,
        )
        yield Row(measure="training tokens per CPU-second, a checkpoint every 5 steps", driftwatch=often, peer=bare)
        yield Row(measure="bias pairs scored per second", driftwatch=_pairs_rate(folder / "champion"))


def _best_of(turns: int, measures: Mapping[str, Callable[[], float]]) -> list[float]:
    """Return the best of each measure over turns in which all come once; each is printed as it is found."""
    best = dict.fromkeys(measures, 0.0)
    for turn in range(turns):
        for name, measure in measures.items():
            found = measure()
            best[name] = max(best[name], found)
            print(f"turn {turn + 1} of {turns}: {name}: {found:,.0f} tokens per CPU-second", flush=True)
    return list(best.values())


def texts_of(bodies: Sequence[str]) -> list[Text]:
    """Return bodies as texts."""
    return [Text(id=str(number), body=body, seen_at=_AT) for number, body in enumerate(bodies)]


def blank(
    folder: Path,
    bodies: Sequence[str],
    *,
    context: int,
    width: int,
    layers: int = 4,
    heads: int = 4,
    rows: int = VOCABULARY,
) -> None:
    """Write an untrained model with a tokenizer made of the texts.

    Args:
        folder: where.
        bodies: the texts.
        context: most tokens of the model.
        width: of its layers.
        layers: how many.
        heads: of each.
        rows: of its embedding, at least the tokenizer's 4,096.
    """
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(bodies, vocab_size=VOCABULARY, special_tokens=[END], show_progress=False)
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe._tokenizer,  # noqa: SLF001 - the wrapper has no public accessor
        eos_token=END,
        pad_token=END,
    ).save_pretrained(folder)
    torch.manual_seed(1)
    config = GPT2Config(
        vocab_size=rows,
        n_positions=context,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        bos_token_id=0,
        eos_token_id=0,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)


def _rate(folder: Path, bodies: Sequence[str], size: _Size, *, every: int, replayed: float = 0.0) -> float:
    """Return our tokens of text per CPU-second; what best fit leaves empty is not counted."""
    texts = texts_of(bodies)
    old = round(replayed * len(texts))
    moments: list[float] = []
    tokens = [0.0]

    def told(now: Progress) -> None:
        moments.append(time.process_time())
        tokens.append(now.figures["tokens"])

    with tempfile.TemporaryDirectory(dir=folder) as name:
        finetune(
            folder / "champion",
            texts[old:],
            Recipe(name="benchmark", batch=BATCH, context=size.context, checkpoint_steps=every),
            round=1,
            out=Path(name) / "out",
            checkpoints=Path(name) / "checkpoints",
            on_progress=told,
            should_stop=lambda: len(moments) >= size.steps + _WARM,
            threads=1,
            replay=texts[:old],
        )
    return _per_second(moments, [after - before for before, after in pairwise(tokens)])


def _per_second(moments: Sequence[float], tokens: Sequence[float]) -> float:
    """Return tokens per second, the first steps left out; ``tokens`` are those of each step."""
    counted = list(islice(tokens, _WARM + 1, len(moments)))
    return sum(counted) / (moments[-1] - moments[_WARM])


class _Peers:
    """transformers' ``Trainer`` as people use it."""

    def __init__(self, champion: Path, bodies: Sequence[str], size: _Size) -> None:
        self._champion, self._size = champion, size
        self._tokenizer = load_tokenizer(champion)
        self._rows: list[list[int]] = self._tokenizer(list(bodies), verbose=False)["input_ids"]

    def bare(self) -> float:
        """Return tokens per CPU-second on joined texts cut into whole sequences."""
        rows = [{"input_ids": row, "labels": row} for row in self._cut(self._rows)]
        return self._train(rows, None, lambda _: BATCH * self._size.context)

    def held(self) -> float:
        """Return tokens per CPU-second where a fifth of such sequences is held to the champion by autograd."""
        import torch
        from transformers import Trainer

        old = round(_REPLAYED * len(self._rows))
        rows = [
            {"input_ids": row, "labels": row, "replayed": replayed}
            for replayed, part in ((True, self._rows[:old]), (False, self._rows[old:]))
            for row in self._cut(part)
        ]
        random.Random(1).shuffle(rows)
        half = torch.bfloat16 if precision_here("auto") == "bfloat16" else torch.float32
        champion = load_trainable(self._champion, dtype=half).train(mode=False)
        kind = type("HeldTrainer", (_Held, Trainer), {"champion": champion})
        return self._train(rows, None, lambda _: BATCH * self._size.context, kind=kind)

    def _cut(self, rows: Sequence[list[int]]) -> list[list[int]]:
        """Join rows and cut them into whole sequences."""
        flat, context = [token for row in rows for token in (*row, 0)], self._size.context
        return [flat[at : at + context] for at in range(0, len(flat) - context, context)]

    def padded(self, *, to_context: bool) -> float:
        """Return tokens of text per CPU-second where each text is a row."""
        from transformers import DataCollatorForLanguageModeling

        rows = [row[: self._size.context] for row in self._rows]
        if to_context:
            self._tokenizer.model_max_length = self._size.context
        collator = DataCollatorForLanguageModeling(
            self._tokenizer, mlm=False, pad_to_multiple_of=self._size.context if to_context else None
        )
        counted = [sum(len(row) for row in rows[at : at + BATCH]) for at in range(0, len(rows), BATCH)]
        return self._train([{"input_ids": row} for row in rows], collator, counted.__getitem__)

    def _train(
        self,
        rows: Sequence[Mapping[str, object]],
        collator: Callable[[Any], Any] | None,
        tokens_of: Callable[[int], int],
        *,
        kind: type[Trainer] | None = None,
    ) -> float:
        import torch
        from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, default_data_collator

        moments: list[float] = []

        class Clock(TrainerCallback):
            def on_step_end(self, *_: object, **__: object) -> None:
                moments.append(time.process_time())

        torch.set_num_threads(1)
        cuda = torch.cuda.is_available()
        steps = self._size.steps + _WARM
        with tempfile.TemporaryDirectory() as name:
            trainer = (kind or Trainer)(
                model=load_trainable(self._champion),
                args=TrainingArguments(
                    output_dir=name,
                    per_device_train_batch_size=BATCH,
                    max_steps=steps,
                    train_sampling_strategy="sequential",
                    lr_scheduler_type="cosine",
                    bf16=precision_here("auto") == "bfloat16",
                    use_cpu=not cuda,
                    save_strategy="no",
                    disable_tqdm=True,
                    remove_unused_columns=False,
                    report_to="none",
                    log_level="error",
                ),
                train_dataset=rows,
                data_collator=collator or default_data_collator,
                callbacks=[Clock()],
            )
            trainer.remove_callback(PrinterCallback)
            trainer.train()
        return _per_second(moments, [tokens_of(step) for step in range(steps)])


class _Held:
    """How scripts distil, but for the base class, which would load transformers with this file."""

    champion: torch.nn.Module

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Add the divergence from the champion on replayed sequences, of as many predictions as the loss is of."""
        import torch
        from torch.nn.functional import kl_div, log_softmax

        del return_outputs
        replayed = inputs.pop("replayed")
        told_of: Any = cast("Trainer", super()).compute_loss(
            model, inputs, return_outputs=True, num_items_in_batch=num_items_in_batch
        )
        loss, outputs = told_of
        if not replayed.any():
            return cast("torch.Tensor", loss)
        with torch.no_grad():
            theirs = self.champion(input_ids=inputs["input_ids"][replayed]).logits
        told, said = (log_softmax(each[:, :-1].float(), dim=-1) for each in (outputs.logits[replayed], theirs))
        departed = kl_div(told, said, reduction="sum", log_target=True)
        return cast("torch.Tensor", loss + _DISTILLED * departed / inputs["labels"][:, 1:].numel())


def _pairs_rate(folder: Path) -> float:
    model = load_model(folder)
    pairs = builtin_suite()[:400]
    started = time.perf_counter()
    score(model, pairs)
    return len(pairs) / (time.perf_counter() - started)


if __name__ == "__main__":
    main("retraining.training", lambda quick: list(training(quick=quick)))
