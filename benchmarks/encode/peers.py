"""How texts are embedded without driftwatch."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

BATCH = 32


def padded_loop(
    folder: Path, *, limit: int, half: bool, device: str
) -> Callable[[Sequence[str]], npt.NDArray[np.float32]]:
    """Return a plain transformers loop over batches of 32 that pads every text to the limit."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = AutoModel.from_pretrained(str(folder), dtype=torch.bfloat16 if half else torch.float32).to(device).eval()

    def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        found = []
        for start in range(0, len(texts), BATCH):
            batch = tokenizer(
                list(texts[start : start + BATCH]),
                padding="max_length",
                truncation=True,
                max_length=limit,
                return_tensors="pt",
            ).to(device)
            with torch.inference_mode():
                hidden = model(**batch).last_hidden_state.float()
            weights = batch["attention_mask"].unsqueeze(-1)
            means = (hidden * weights).sum(1) / weights.sum(1)
            found.append(torch.nn.functional.normalize(means).cpu().numpy())
        return np.concatenate(found)

    return embed


def sentence_transformers(
    folder: Path, *, limit: int, device: str
) -> Callable[[Sequence[str]], npt.NDArray[np.float32]] | None:
    """Return sentence-transformers as it comes; None where it is not installed."""
    if find_spec("sentence_transformers") is None:
        return None
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device=device)
    model.max_seq_length = limit

    def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.asarray(
            model.encode(list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False), np.float32
        )

    return embed
