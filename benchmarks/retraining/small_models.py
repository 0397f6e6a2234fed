"""Small real language models, trained on the spot: GPT-2's architecture with 0.7M parameters, byte-level BPE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch
    from tokenizers import ByteLevelBPETokenizer

CONTEXT = 128
VOCABULARY = 4_096
END = "<end>"
_WIDTH, _LAYERS, _HEADS = 96, 2, 4
_BATCH = 8


def train_champion(
    folder: Path,
    texts: Sequence[str],
    *,
    steps: int,
    seed: int = 1,
    tokenizer_of: Sequence[str] = (),
    width: int = _WIDTH,
    vocabulary: int = VOCABULARY,
) -> Path:
    """Train a model from scratch on some texts, unless its folder is already there.

    Args:
        folder: where it is written.
        texts: to learn.
        steps: of AdamW, with batches of 8 packed sequences of 128 tokens.
        seed: of its first weights and of the order.
        tokenizer_of: more texts that its tokenizer is learnt from.
        width: of its layers.
        vocabulary: number of tokens.
    """
    if (folder / "config.json").exists():
        return folder
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    bpe = learnt_tokens([*texts, *tokenizer_of], vocabulary)
    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=CONTEXT,
        n_embd=width,
        n_layer=_LAYERS,
        n_head=_HEADS,
        bos_token_id=0,
        eos_token_id=0,
    )
    config.loss_type = "ForCausalLM"
    model = GPT2LMHeadModel(config)
    stream = [token for text in texts for token in (*bpe.encode(text).ids, 0)]
    packed = torch.tensor(stream[: len(stream) // CONTEXT * CONTEXT]).view(-1, CONTEXT)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=2e-3, total_steps=steps)
    order = torch.randperm(len(packed), generator=torch.Generator().manual_seed(seed))
    for step in range(steps):
        batch = packed[order[(torch.arange(_BATCH) + _BATCH * step) % len(order)]]
        descend(model, optimiser, schedule, batch, batch)
    save(model, bpe, folder)
    return folder


def learnt_tokens(texts: Sequence[str], vocabulary: int) -> ByteLevelBPETokenizer:
    """Return byte-level BPE learnt from some texts; its token 0 ends a text."""
    from tokenizers import ByteLevelBPETokenizer

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=vocabulary, special_tokens=[END], show_progress=False)
    return bpe


def descend(
    model: Any,  # noqa: ANN401 - transformers' classes are untyped
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    tokens: torch.Tensor,
    labels: torch.Tensor,
) -> None:
    """Take one step on a batch, int64 [b, t] each; gradients are clipped to a norm of 1."""
    from torch.nn.utils import clip_grad_norm_

    model(input_ids=tokens, labels=labels).loss.backward()
    clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    schedule.step()
    optimiser.zero_grad()


def save(model: Any, bpe: ByteLevelBPETokenizer, folder: Path) -> None:  # noqa: ANN401 - likewise
    """Write a model and its tokenizer as transformers reads them."""
    from transformers import PreTrainedTokenizerFast

    model.save_pretrained(str(folder))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, bos_token=END, eos_token=END)  # type: ignore[no-untyped-call]  # noqa: SLF001
    tokenizer.save_pretrained(str(folder))
