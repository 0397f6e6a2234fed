"""A small real model of every family, made on the spot and trained for a few steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch
    from transformers import BertConfig, PreTrainedModel, PreTrainedTokenizerFast

CONTEXT = 64
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_WIDTH, _LAYERS, _HEADS = 48, 2, 4


def tiny_masked(folder: Path, texts: Sequence[str], *, vocab: int = 1_000, steps: int = 60, seed: int = 0) -> Path:
    """A BERT-architecture masked language model with a WordPiece tokenizer."""
    import torch
    from transformers import BertForMaskedLM

    tokenizer = word_pieces(texts, vocab=vocab)
    torch.manual_seed(seed)
    model = BertForMaskedLM(_bert(tokenizer))
    rows = _rows(tokenizer, texts)
    random = torch.Generator().manual_seed(seed)
    labels = torch.where((torch.rand(rows.shape, generator=random) < 0.15) & (rows > 4), rows, -100)
    hidden = torch.where(labels >= 0, torch.tensor(4), rows)
    _train(model, {"input_ids": hidden, "labels": labels, "attention_mask": (rows > 0).long()}, steps=steps)
    return _saved(model, tokenizer, folder)


def tiny_classifier(
    folder: Path, texts: Mapping[str, Sequence[str]], *, vocab: int = 1_000, steps: int = 60, seed: int = 0
) -> Path:
    """A BERT-architecture classifier of texts into the classes they are given by."""
    import torch
    from transformers import BertForSequenceClassification

    labelled = [(text, number) for number, some in enumerate(texts.values()) for text in some]
    tokenizer = word_pieces([text for text, _ in labelled], vocab=vocab)
    torch.manual_seed(seed)
    config = _bert(tokenizer)
    config.id2label = dict(enumerate(texts))
    config.label2id = {name: number for number, name in enumerate(texts)}
    model = BertForSequenceClassification(config)
    rows = _rows(tokenizer, [text for text, _ in labelled])
    classes = torch.tensor([number for _, number in labelled])
    _train(model, {"input_ids": rows, "labels": classes, "attention_mask": (rows > 0).long()}, steps=steps)
    return _saved(model, tokenizer, folder)


def tiny_llama(folder: Path, texts: Sequence[str], *, vocab: int = 600, steps: int = 60, seed: int = 0) -> Path:
    """A Llama-architecture causal model with a byte-level BPE and no chat template."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    special = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    bpe.train_from_iterator(texts, vocab_size=vocab, special_tokens=special, show_progress=False)
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe._tokenizer, bos_token="<s>", eos_token="</s>", model_max_length=CONTEXT
    )
    tokenizer.add_special_tokens({"additional_special_tokens": special[2:]})
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=CONTEXT,
        hidden_size=_WIDTH,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        intermediate_size=2 * _WIDTH,
        bos_token_id=0,
        eos_token_id=1,
    )
    model = LlamaForCausalLM(config)
    stream = [token for text in texts for token in (0, *bpe.encode(text).ids)]
    packed = torch.tensor(stream[: len(stream) // CONTEXT * CONTEXT]).view(-1, CONTEXT)
    _train(model, {"input_ids": packed, "labels": packed}, steps=steps)
    return _saved(model, tokenizer, folder)


def word_pieces(texts: Sequence[str], *, vocab: int) -> PreTrainedTokenizerFast:
    """Return BERT's kind of tokenizer, learnt from the texts."""
    from tokenizers import BertWordPieceTokenizer
    from tokenizers.processors import BertProcessing
    from transformers import PreTrainedTokenizerFast

    pieces = BertWordPieceTokenizer()
    pieces.train_from_iterator(texts, vocab_size=vocab, special_tokens=_SPECIAL, show_progress=False)
    pad, unknown, begin, end, mask = _SPECIAL
    pieces._tokenizer.post_processor = BertProcessing((end, _SPECIAL.index(end)), (begin, _SPECIAL.index(begin)))
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=pieces._tokenizer,
        pad_token=pad,
        unk_token=unknown,
        cls_token=begin,
        sep_token=end,
        mask_token=mask,
        model_max_length=CONTEXT,
    )


def _bert(tokenizer: PreTrainedTokenizerFast) -> BertConfig:
    from transformers import BertConfig

    return BertConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=CONTEXT,
        hidden_size=_WIDTH,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        intermediate_size=2 * _WIDTH,
        pad_token_id=0,
    )


def _rows(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> torch.Tensor:
    encoded = tokenizer(list(texts), truncation=True, padding="max_length", max_length=CONTEXT, return_tensors="pt")
    rows: torch.Tensor = encoded["input_ids"]
    return rows


def _train(model: PreTrainedModel, data: Mapping[str, torch.Tensor], *, steps: int) -> None:
    import torch

    torch.set_num_threads(1)
    model.train(mode=False)  # no dropout: with it, so small a model learns nothing at all from some seeds
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    order = torch.randperm(len(data["input_ids"]), generator=torch.Generator().manual_seed(1))
    for step in range(steps):
        rows = order[(torch.arange(16) + 16 * step) % len(order)]
        loss = model(**{name: values[rows] for name, values in data.items()}).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()


def _saved(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder
