"""Texts in which tokenizers differ: spaces of all kinds, writing systems, marks that join, characters that vanish."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPACES = (" ", "  ", "    ", "\t", "\n", "\r\n", " \n", "\n\n", "\n \n ", " \t ", "\r", "\n\n\n\n  ")
_PERHAPS_SPACES = (
    *("\xa0", "\u3000", "\u2028", "\u2029", "\u200b", "\u200d", "\ufeff", "\u2009", "\u202f", "\u1680", "\u180e"),
    *("\x0b", "\x0c", "\x1c", "\x1f", "\x85", "\x00", "\x07", "\x7f", "\u2060", "\u00ad"),
)
_WORDS = (
    *("a", "the", "Hello", "don't", "I'LL", "we've", "x's", "NASA", "iPhone", "snake_case", "a-b-c", "e.g.", "end."),
    *("(so)", "!?", "...", "/usr/bin", "?/", "'", "'s", "3", "1234567", "3.14", "$9.99", "#tag", "@user", "<b>", "\\n"),
    *("naïve", "Straße", "İstanbul", "ΣΊΣΥΦΟΣ", "\u017f", "e\u0301", "\u0301", "\u00a8", "ﬁ", "Å", "\u212b", "①", "½"),
    *("中文", "漢字。", "東京、", "カタカナ", "ﾊﾟ", "ひらがな", "한국어", "각", "ไทย", "नमस्ते"),
    *("العَرَبِيَّةُ", "ﷺ", "עִבְרִית", "٣٤٥", "\u202eabc\u202c"),
    *("😀", "👩‍👩‍👧‍👦", "👍🏽", "🇩🇪", "❤️", "1️⃣", "\U0001f9ff!", "\ufffd", "\ue000", "\U0010ffff"),
    *("\u2581", "\u0120", "##ing", "[CLS]", "[MASK]", "<|endoftext|>", "<s>", "</s>"),
)
_LONG = ("supercalifragilistic" * 8, "=" * 120, "http://example.org/" + "path/" * 30, "word " * 60, "9" * 50, "中" * 80)


def odd_texts(added: Iterable[str]) -> list[str]:
    """Return a sample that holds every one of them, alone and beside others.

    Args:
        added: contents of the tokenizer's added tokens.
    """
    words = [*_WORDS, *list(dict.fromkeys(added))[:_ADDED]]
    spaces = (*_SPACES, *_PERHAPS_SPACES)
    texts = ["", " a", " .", *spaces, *words, *_LONG]
    for place, word in enumerate(words):
        others = [words[(place * 7 + step * step) % len(words)] for step in range(1, 4)]
        marks = [spaces[(place + 5 * step) % len(spaces)] for step in range(4)]
        texts.append("".join(word + other + mark for other, mark in zip(others, marks, strict=False)))
        texts.append(" ".join([word, *others, word]))
    texts += [
        f"{word}{space}{word} {space}x" for space in spaces for word in ("word", "end.", "中", "é", "¿", "/", "7")
    ]
    texts += [f"{first}{second}x{second}{first}." for first in spaces for second in _SPACES]
    return texts


_ADDED = 64
