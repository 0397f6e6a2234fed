"""Small real models of every family that is fine-tuned, untrained, made on the spot with their tokenizers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from driftwatch.domain.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from transformers import PreTrainedModel

END = "<|endoftext|>"
CONTEXT = 64
VOCABULARY = 500
CHATML = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|endoftext|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def texts_of(bodies: Iterable[str], *, targets: Sequence[str] | None = None) -> list[Text]:
    """The bodies as texts, the targets dealt out in turn."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Text(id=str(n), body=body, seen_at=at, target=targets[n % len(targets)] if targets else None)
        for n, body in enumerate(bodies)
    ]


def gpt2(folder: Path, bodies: Sequence[str], *, dropout: float = 0.1) -> Path:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=CONTEXT,
        n_embd=32,
        n_layer=2,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
        attn_pdrop=dropout,
        embd_pdrop=dropout,
        resid_pdrop=dropout,
    )
    return _saved(folder, bodies, lambda: GPT2LMHeadModel(config), bpe=True)


def llama(folder: Path, bodies: Sequence[str]) -> Path:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        bos_token_id=0,
        eos_token_id=0,
        tie_word_embeddings=False,
    )
    return _saved(folder, bodies, lambda: LlamaForCausalLM(config), bpe=True)


def bert(folder: Path, bodies: Sequence[str], *, classes: Sequence[str] = ()) -> Path:
    """A masked language model, or a classifier where classes are given."""
    from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification

    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=CONTEXT,
    )
    if classes:
        config.id2label = dict(enumerate(classes))
        config.label2id = {name: number for number, name in enumerate(classes)}
    kind = BertForSequenceClassification if classes else BertForMaskedLM
    return _saved(folder, bodies, lambda: kind(config), bpe=False)


def _saved(folder: Path, bodies: Sequence[str], made: object, *, bpe: bool) -> Path:
    import torch

    torch.manual_seed(0)
    model: PreTrainedModel = made()  # type: ignore[operator]
    model.save_pretrained(str(folder))
    (_byte_pairs if bpe else _word_pieces)(folder, bodies)
    return folder


def _byte_pairs(folder: Path, bodies: Sequence[str]) -> None:
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    special = [END, "<|user|>", "<|assistant|>", "<|system|>"]
    bpe.train_from_iterator(bodies, vocab_size=VOCABULARY, special_tokens=special, show_progress=False)
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe._tokenizer, bos_token=END, eos_token=END, unk_token=END, model_max_length=CONTEXT
    ).save_pretrained(str(folder))


def _word_pieces(folder: Path, bodies: Sequence[str]) -> None:
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizer

    pieces = BertWordPieceTokenizer()
    pieces.train_from_iterator(bodies, vocab_size=VOCABULARY, show_progress=False)
    vocabulary = folder / "vocab.txt"
    words = sorted(pieces.get_vocab().items(), key=lambda item: item[1])
    vocabulary.write_text("\n".join(word for word, _ in words), encoding="utf-8")
    BertTokenizer(vocab=str(vocabulary), model_max_length=CONTEXT).save_pretrained(str(folder))
