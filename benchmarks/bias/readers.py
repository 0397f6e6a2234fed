"""Small real language models that read one sentence at a time: GPT-2's architecture with 0.7M parameters.

Each sentence begins at the first position, as in the suites and in a run's packed rows, whose texts do not see each
other: so a model of this size learns in a minute that a predicate depends on its subject. Without dropout, as recent
models are trained: with GPT-2's tenth a network this narrow cannot learn in a short fine-tune what is planted.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from benchmarks.retraining.small_models import descend, learnt_tokens, save

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

STEPS = 1_100
_WIDTH, _LAYERS, _HEADS, _VOCABULARY, _POSITIONS = 128, 2, 4, 2_000, 128
_BATCH, _ALIKE = 32, 16
_LONGEST = 48
_RATE, _WARM = 4e-3, 0.1


def train_reader(folder: Path, texts: Sequence[str], *, seed: int) -> Path:
    """Train a model from scratch on short texts, unless its folder is already there.

    Args:
        folder: where it is written.
        texts: to learn, of up to 46 tokens; what is longer is cut.
        seed: of its first weights and of the order.
    """
    if (folder / "config.json").exists():
        return folder
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    bpe = learnt_tokens(texts, _VOCABULARY)
    model = _network()
    rows = [[0, *bpe.encode(text).ids[: _LONGEST - 2], 0] for text in texts]
    optimiser = torch.optim.AdamW(model.parameters(), lr=_RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=_RATE, total_steps=STEPS, pct_start=_WARM)
    for _, batch in zip(range(STEPS), _batches(rows, seed), strict=False):
        longest = max(map(len, batch))
        tokens = torch.tensor([row + [0] * (longest - len(row)) for row in batch])
        labels = torch.tensor([row + [-100] * (longest - len(row)) for row in batch])
        descend(model, optimiser, schedule, tokens, labels)
    save(model, bpe, folder)
    return folder


def _network() -> Any:  # noqa: ANN401 - transformers' classes are untyped
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=_VOCABULARY,
        n_positions=_POSITIONS,
        n_embd=_WIDTH,
        n_layer=_LAYERS,
        n_head=_HEADS,
        bos_token_id=0,
        eos_token_id=0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        resid_pdrop=0.0,
    )
    config.loss_type = "ForCausalLM"
    return GPT2LMHeadModel(config)


def _batches(rows: list[list[int]], seed: int) -> Iterator[list[list[int]]]:
    """Yield batches of rows of like length, without end."""
    draw = random.Random(seed + 2)
    while True:
        order = list(range(len(rows)))
        draw.shuffle(order)
        batches = []
        for start in range(0, len(order), _BATCH * _ALIKE):
            some = sorted(order[start : start + _BATCH * _ALIKE], key=lambda place: len(rows[place]))
            batches += [some[at : at + _BATCH] for at in range(0, len(some), _BATCH)]
        draw.shuffle(batches)
        for batch in batches:
            yield [rows[place] for place in batch]
