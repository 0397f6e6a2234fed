"""Small real models, made on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

END = "<|endoftext|>"
CONTEXT = 64


def tiny_causal(
    folder: Path,
    texts: Sequence[str],
    *,
    vocab: int = 2_000,
    layers: int = 2,
    width: int = 64,
    steps: int = 60,
    seed: int = 0,
) -> Path:
    """A GPT-2-architecture model with a byte-level BPE, trained for a few steps on the texts."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=vocab, special_tokens=[END], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe._tokenizer, bos_token=END, eos_token=END, unk_token=END, model_max_length=CONTEXT
    )
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    config = GPT2Config(
        vocab_size=vocab, n_positions=CONTEXT, n_embd=width, n_layer=layers, n_head=4, bos_token_id=0, eos_token_id=0
    )
    config.loss_type = "ForCausalLM"
    model = GPT2LMHeadModel(config)
    model.train(mode=False)  # no dropout: what a few steps teach is steadier without, from any seed
    stream = [token for text in texts for token in (0, *bpe.encode(text).ids)]
    packed = torch.tensor(stream[: len(stream) // CONTEXT * CONTEXT]).view(-1, CONTEXT)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    order = torch.randperm(len(packed), generator=torch.Generator().manual_seed(seed))
    for step in range(steps):
        batch = packed[order[(torch.arange(8) + 8 * step) % len(order)]]
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder
