"""Small tokenizers of many makes, trained on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tokenizers import Tokenizer

END = "<|endoftext|>"
GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SHORT = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
GPT4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_SHORT}|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_SHORT}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def gpt2(texts: Sequence[str]) -> Tokenizer:
    """Byte-level BPE with GPT-2's pattern."""
    return _byte_level(texts, "ByteLevel")


def prefixed(texts: Sequence[str]) -> Tokenizer:
    """The same, with a blank given to text that begins otherwise."""
    return _byte_level(texts, "prefixed")


def gpt4(texts: Sequence[str]) -> Tokenizer:
    """With the pattern of GPT-4 and Llama 3."""
    return _byte_level(texts, GPT4)


def qwen(texts: Sequence[str]) -> Tokenizer:
    """With Qwen's pattern and composed characters."""
    from tokenizers import normalizers

    made = _byte_level(texts, GPT4.replace("{1,3}", ""))
    made.normalizer = normalizers.NFC()
    return made


def gpt4o(texts: Sequence[str]) -> Tokenizer:
    """With GPT-4o's pattern."""
    return _byte_level(texts, GPT4O)


def digits(texts: Sequence[str]) -> Tokenizer:
    """With digits one by one, as StarCoder's."""
    return _byte_level(texts, "digits")


def deepseek(texts: Sequence[str]) -> Tokenizer:
    """With a pattern that nobody has looked into."""
    return _byte_level(texts, r"\s?\p{L}+|\s?\p{P}+|\s+$|\p{N}+")


def trailing(texts: Sequence[str]) -> Tokenizer:
    """With a pattern that puts a blank at the end of a word."""
    return _byte_level(texts, r"\p{L}+\s?|\p{N}+|\s|[^\s\p{L}\p{N}]+")


def uncased(texts: Sequence[str]) -> Tokenizer:
    """WordPiece as BERT's."""
    return _word_piece(texts, lowercase=True)


def cased(texts: Sequence[str]) -> Tokenizer:
    """WordPiece as BERT's that keeps capitals."""
    return _word_piece(texts, lowercase=False)


def unigram(texts: Sequence[str]) -> Tokenizer:
    """Unigram over SentencePiece's marks for blanks, as T5's."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("  ", " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.train_from_iterator(
        texts, trainers.UnigramTrainer(vocab_size=600, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False)
    )
    return made


def saved(make: Callable[[Sequence[str]], Tokenizer], texts: Sequence[str], folder: Path) -> Path:
    """Return a folder with a tokenizer in it."""
    folder.mkdir(exist_ok=True)
    make(texts).save(str(folder / "tokenizer.json"))
    return folder


def _byte_level(texts: Sequence[str], pattern: str) -> Tokenizer:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    known = {
        "ByteLevel": pre_tokenizers.ByteLevel(add_prefix_space=False),
        "prefixed": pre_tokenizers.ByteLevel(add_prefix_space=True),
        "digits": pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        ),
    }
    split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    made.pre_tokenizer = known.get(pattern) or pre_tokenizers.Sequence([split, bytewise])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=900, special_tokens=[END], initial_alphabet=alphabet, show_progress=False),
    )
    return made


def _word_piece(texts: Sequence[str], *, lowercase: bool) -> Tokenizer:
    from tokenizers import BertWordPieceTokenizer

    made = BertWordPieceTokenizer(lowercase=lowercase)
    made.train_from_iterator(texts, vocab_size=900, show_progress=False)
    tokenizer: Tokenizer = made._tokenizer
    return tokenizer
