"""What a fine-tune costs over a bare PyTorch loop, what a checkpoint costs, and how fast gates and collection are.

``python -m benchmarks.training [--quick] [--json FILE]``. A GPT-2-architecture model of 1.3M parameters, one thread;
the peer is the same model, batch and optimiser in a loop without checkpoints, progress or determinism.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.table import Row, at_least, main
from driftwatch.demo.prose import paragraphs
from driftwatch.domain.run import Recipe
from driftwatch.domain.text import Text
from driftwatch.features.loss import load_model
from driftwatch.gate.bias import score
from driftwatch.gate.suite import builtin_suite
from driftwatch.retrain.dataset import collect
from driftwatch.retrain.finetune import finetune
from driftwatch.retrain.finetune.folder import load_trainable

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 8
CONTEXT = 128
VOCABULARY = 4_096
END = "<end>"
_WARM = 3


def measure(quick: bool) -> list[Row]:
    """Fine-tune, score and collect; return the figures."""
    steps = 20 if quick else 80
    texts = paragraphs(["numpy", "scipy", "pandas", "sklearn"], 6_000)
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as name:
        folder = Path(name)
        _blank(folder / "champion", texts)
        bare = _bare_rate(folder / "champion", steps)
        never = _rate(folder, texts, steps, every=10_000)
        often = _rate(folder, texts, steps, every=5)
        return [
            at_least("tokens per second", never, 0.8 * bare, peer=bare),
            at_least("tokens per second, a checkpoint every 5 steps", often, 0.5 * bare, peer=bare),
            Row(measure="bias pairs scored per second", driftwatch=_pairs_rate(folder / "champion")),
            at_least("fresh texts collected per second", _collect_rate(20_000 if quick else 100_000), 10_000),
        ]


def _blank(folder: Path, texts: Sequence[str]) -> None:
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=VOCABULARY, special_tokens=[END], show_progress=False)
    PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, eos_token=END).save_pretrained(folder)  # type: ignore[no-untyped-call]  # noqa: SLF001
    torch.manual_seed(1)
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=CONTEXT,
        n_embd=128,
        n_layer=4,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)


def _bare_rate(folder: Path, steps: int) -> float:
    import torch

    torch.set_num_threads(1)
    model = load_trainable(folder).train()
    optimiser = torch.optim.AdamW(model.parameters())
    batch = torch.randint(0, VOCABULARY, (BATCH, CONTEXT))
    started = 0.0
    for step in range(steps + _WARM):
        started = time.perf_counter() if step == _WARM else started
        model(input_ids=batch, labels=batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
    return steps * BATCH * CONTEXT / (time.perf_counter() - started)


def _rate(folder: Path, texts: Sequence[str], steps: int, *, every: int) -> float:
    told: list[float] = []
    with tempfile.TemporaryDirectory(dir=folder) as name:
        finetune(
            folder / "champion",
            texts,
            Recipe(name="benchmark", batch=BATCH, context=CONTEXT, checkpoint_steps=every),
            round=1,
            out=Path(name) / "out",
            checkpoints=Path(name) / "checkpoints",
            on_progress=lambda _done, _total, _loss: told.append(time.perf_counter()),
            should_stop=lambda: len(told) >= steps + _WARM,
            threads=1,
        )
    measured = list(islice(told, _WARM, None))
    return (len(measured) - 1) * BATCH * CONTEXT / (measured[-1] - measured[0])


def _pairs_rate(folder: Path) -> float:
    model = load_model(folder)
    pairs = builtin_suite()[:400]
    started = time.perf_counter()
    score(model, pairs)
    return len(pairs) / (time.perf_counter() - started)


def _collect_rate(count: int) -> float:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    letters = str.maketrans("0123456789", "abcdefghij")
    texts = [
        Text(id=str(n), body=f"{n} of {n * 7} words".translate(letters) * 5, seen_at=at, group=f"g{n % 999}")
        for n in range(count)
    ]
    recipe = Recipe(name="benchmark", max_texts=count)
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as name:
        started = time.perf_counter()
        collect(lambda: texts, lambda: texts[: count // 10], recipe, into=Path(name) / "data", seed=1)
        return count / (time.perf_counter() - started)


if __name__ == "__main__":
    main("training", measure)
