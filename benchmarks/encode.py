"""What an embedding costs: length-sorted batches, against a loop over batches that pads every text to 128 tokens.

``python -m benchmarks.encode [--quick] [--json FILE]``. Both run the default encoder on the same texts, cut at the same
128 tokens, with the same numbers of threads and precision, one after the other in turns.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.table import Row, at_least, main
from driftwatch.demo.prose import paragraphs
from driftwatch.features.encoder import DEFAULT, EncoderSettings, find_folder
from driftwatch.features.runtime import bf16_pays
from driftwatch.features.transformer import TransformerEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PADDED = 128
BATCH = 32
TARGET = 2.0
_ROUNDS = 3
_PACKAGES = ("numpy", "sklearn/linear_model")


def measure(quick: bool) -> Sequence[Row]:
    """Return texts per CPU-second of both, the best of some turns, and how far their embeddings part."""
    texts = paragraphs(_PACKAGES, 128 if quick else 512)
    folder = find_folder(DEFAULT)
    encoder = TransformerEncoder(folder, EncoderSettings(max_tokens=PADDED))
    padded = _padded_loop(str(folder))
    encoder.embed(texts[:BATCH])
    padded(texts[:BATCH])
    ours, theirs = [], []
    for _ in range(1 if quick else _ROUNDS):
        values, cost = _timed(lambda: encoder.embed(texts).values)
        plain, plain_cost = _timed(lambda: padded(texts))
        ours.append(len(texts) / cost)
        theirs.append(len(texts) / plain_cost)
    return [
        at_least(f"{len(texts)} texts, texts per CPU-s", max(ours), TARGET * max(theirs), peer=max(theirs)),
        at_least("least cosine between the two", float((values * plain).sum(1).min()), 0.999),
    ]


def _padded_loop(folder: str) -> Callable[[Sequence[str]], np.ndarray]:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.bfloat16 if bf16_pays() else torch.float32).eval()

    def embed(texts: Sequence[str]) -> np.ndarray:
        found = []
        for start in range(0, len(texts), BATCH):
            batch = tokenizer(
                list(texts[start : start + BATCH]),
                padding="max_length",
                truncation=True,
                max_length=PADDED,
                return_tensors="pt",
            )
            with torch.inference_mode():
                hidden = model(**batch).last_hidden_state.float()
            weights = batch["attention_mask"].unsqueeze(-1)
            found.append(torch.nn.functional.normalize((hidden * weights).sum(1) / weights.sum(1)).numpy())
        return np.concatenate(found)

    return embed


def _timed(call: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    began = time.process_time()
    found = call()
    return found, time.process_time() - began


if __name__ == "__main__":
    main("encode", measure)
