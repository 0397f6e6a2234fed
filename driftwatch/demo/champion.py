"""A small GPT-2-architecture model and its tokenizer, made on the spot from nothing but texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from driftwatch.domain.run import Recipe
from driftwatch.domain.text import Text
from driftwatch.retrain.finetune import finetune

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.retrain.finetune import OnProgress

VOCABULARY = 2_048
CONTEXT = 128
END = "<|endoftext|>"
RECIPE = Recipe(
    name="demo", learning_rates=(2e-3,), epochs=2.0, batch=16, context=CONTEXT, checkpoint_steps=10_000, seed=7
)

_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def train_champion(texts: Sequence[str], folder: Path, *, scratch: Path, on_progress: OnProgress) -> None:
    """Train tokenizer and model on the texts and save them as a transformers folder.

    Args:
        texts: the training domain.
        folder: made by this call.
        scratch: for the untrained model and checkpoints.
        on_progress: told after each step.
    """
    blank = scratch / "blank"
    _save_tokenizer(texts, blank)
    _save_untrained(blank)
    finetune(
        blank,
        [Text(id=str(number), body=body, seen_at=_LONG_AGO) for number, body in enumerate(texts)],
        RECIPE,
        round=1,
        out=folder,
        checkpoints=scratch / "checkpoints",
        on_progress=on_progress,
        should_stop=lambda: False,
        threads=1,  # two on a busy machine can cost many times one
    )


def _save_tokenizer(texts: Sequence[str], folder: Path) -> None:
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=VOCABULARY, special_tokens=[END], show_progress=False)
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe._tokenizer,  # noqa: SLF001 - the wrapper has no public accessor
        bos_token=END,
        eos_token=END,
        unk_token=END,
        model_max_length=CONTEXT,
    )
    fast.save_pretrained(str(folder))


def _save_untrained(folder: Path) -> None:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.manual_seed(RECIPE.seed)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=128, n_layer=3, n_head=4, bos_token_id=0, eos_token_id=0
    )
    GPT2LMHeadModel(config).save_pretrained(str(folder), safe_serialization=True)
