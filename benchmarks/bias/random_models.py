"""GPT-2's architecture with random weights and a tokenizer learnt from local text: real work, made in seconds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GPT2_VOCABULARY = 50_257
END = "<|endoftext|>"
_CORPORA = ("agnews", "tweets", "pydocs-en")
_LEARNT = 30_000
_SPREAD = 0.05
"""Standard deviation of the weights: more than twice what training begins with, so that tokens differ in likelihood."""


def random_gpt2(folder: Path, data: Path, *, layers: int, width: int, vocabulary: int) -> Path:
    """Make a model, unless its folder is already there.

    Args:
        folder: where it is written.
        data: folder with ``corpora``.
        layers: of the network; GPT-2's smallest has 12.
        width: of the network; GPT-2's smallest has 768.
        vocabulary: tokens it predicts, whether or not the tokenizer has learnt so many.
    """
    if (folder / "config.json").exists():
        return folder
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(_texts(data), vocab_size=vocabulary, special_tokens=[END], show_progress=False)
    torch.manual_seed(1)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocabulary,
            n_embd=width,
            n_layer=layers,
            n_head=width // 64,
            initializer_range=_SPREAD,
            bos_token_id=0,
            eos_token_id=0,
        )
    )
    model.save_pretrained(str(folder))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, bos_token=END, eos_token=END)  # type: ignore[no-untyped-call]  # noqa: SLF001
    tokenizer.save_pretrained(str(folder))
    return folder


def _texts(data: Path) -> Iterator[str]:
    for corpus in _CORPORA:
        with (data / "corpora" / f"{corpus}.jsonl").open(encoding="utf-8") as lines:
            for _, line in zip(range(_LEARNT), lines, strict=False):
                yield str(json.loads(line)["text"])
