"""Where a tokenizer never joins what stands before a place with what stands after it.

A tokenizer splits a text in four steps: added tokens are cut out, the rest is normalised, the pre-tokenizer splits it
into words, and the model splits each word alone. So what decides is the pre-tokenizer, and only ones whose boundaries
are known are listed here; which they are, and why a place is one, stands beside each. Everything else is declined.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftwatch.features.division import Division
from driftwatch.features.pieces import Pieces, pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

_SPACE = r" \t\r\n"
"""What every engine of regular expressions and every pre-tokenizer takes for white space."""
_PERHAPS = "\x0b\x0c\x1c-\x1f\x85\xa0\u1680\u180e\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
"""What some take for white space, or once did."""
_RUN, _WORD = f"[{_SPACE}]*+", f"[^{_SPACE}]++"
_MARK = r"[^\s0-9A-Za-z\u0080-\U0010ffff]"
_FOREIGN = r"[\u0080-\U0010ffff]"

_BY_SPACE = f"{_WORD}"
"""White space ends a word and is dropped: each run of anything else is a chunk."""
_SPACE_FIRST = f"{_RUN}{_WORD}|[{_SPACE}]++"
"""White space begins a word and is never inside or at the end of one: GPT-2's pattern and what is made of it. A chunk
takes the whole run before it, because how a run is divided depends on what follows it."""
_BLANK_FIRST = f"{_RUN}{_WORD}(?:[\\t\\r\\n]{_RUN}(?:{_WORD}|\\Z))*+|[{_SPACE}]++"
"""The same, cut only before a blank: where text that begins otherwise is given one."""
_LINES_LAST = (
    f"{_RUN}{_WORD}"
    f"(?:(?<={_FOREIGN})[\\r\\n]{_RUN}(?:{_WORD}|\\Z)|(?<={_MARK})[\\r\\n]++(?=/){_WORD})*+"
    f"(?:(?<={_MARK})[\\r\\n]++)?+|[{_SPACE}]++"
)
"""The same, but punctuation takes the ends of lines that follow it with it (in one pattern slashes, too). Whether a
character beyond ASCII is punctuation isn't asked: an end of line after it divides nothing."""

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SHORT = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_GPT4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_SHORT}|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_SHORT}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_KNOWN_PATTERNS = frozenset({_GPT4 % "{1,3}", _GPT4 % "", _GPT4 % "+", _GPT4O})
"""Of Llama 3 and GPT-4, of Qwen 2 and 3, of their kin, and of GPT-4o."""

_DROPPING = frozenset({"BertPreTokenizer", "Whitespace", "WhitespaceSplit"})
_COMPOSING = frozenset({"NFC", "NFD"})
"""Normalisers that act on either side of a space alone, and neither make nor remove one: a space composes with nothing
(Unicode Standard Annex 15)."""
_REPLACING = _COMPOSING | {"NFKC", "NFKD", "Lowercase"}
"""The same, but they change what is punctuation, and what is in ``_PERHAPS`` into spaces."""
_REMOVING = _REPLACING | {"BertNormalizer", "StripAccents"}
"""The same, but they may remove whole characters: harmless where white space is dropped in any case."""
_NORMALISERS = {_BY_SPACE: _REMOVING, _SPACE_FIRST: _REPLACING, _BLANK_FIRST: _REPLACING, _LINES_LAST: _COMPOSING}


class DeclinedError(Exception):
    """It isn't known where this tokenizer's words end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunking:
    """How a text is divided into chunks that can be tokenised one by one.

    Args:
        division: of texts.
        unsure: is found in a chunk that may belong together with its neighbours; None where none does.
        pieces: how chunks are divided further; None where they are not.
    """

    division: Division
    unsure: re.Pattern[str] | None
    pieces: Pieces | None


def chunking(settings: Mapping[str, Any]) -> Chunking:
    """Return how the texts of a tokenizer are divided.

    Args:
        settings: the object in its ``tokenizer.json``.

    Raises:
        DeclinedError: no division is known to be exact.
    """
    if (settings.get("model") or {}).get("dropout"):
        raise DeclinedError("its merges are dropped at random")
    cut, words = _boundaries(settings.get("pre_tokenizer") or {})
    _check_normaliser(settings.get("normalizer"), allowed=_NORMALISERS[cut])
    return Chunking(
        division=Division(cut, leading=cut != _BY_SPACE),
        unsure=_unsure(settings.get("added_tokens") or [], cut, changed=bool(settings.get("normalizer"))),
        pieces=pieces(settings, words),
    )


def _boundaries(given: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return what a chunk is, and the pattern of its words where there is one that is all the pre-tokenizer does."""
    steps = given["pretokenizers"] if given.get("type") == "Sequence" else [given]
    prefix = steps[-1].get("add_prefix_space", True)
    match [step.get("type") for step in steps]:
        case [kind] if kind in _DROPPING:
            return _BY_SPACE, None
        case ["ByteLevel"] if steps[0].get("use_regex", True):
            return (_BLANK_FIRST, None) if prefix else (_SPACE_FIRST, _GPT2)
        case ["Digits", "ByteLevel"] if steps[1].get("use_regex", True) and not prefix:
            return _SPACE_FIRST, None
        case ["Split", "ByteLevel"] if _is_known(steps[0]) and not prefix:
            whole = not steps[1].get("use_regex", True)
            return _LINES_LAST, steps[0]["pattern"]["Regex"] if whole else None
    named = ", ".join(str(step.get("type")) for step in steps)
    raise DeclinedError(f"its pre-tokenizer is none of those whose boundaries are known: {named}")


def _is_known(split: Mapping[str, Any]) -> bool:
    matches_stay = (split.get("behavior"), split.get("invert")) in {("Isolated", False), ("Removed", True)}
    return matches_stay and (split.get("pattern") or {}).get("Regex") in _KNOWN_PATTERNS


def _check_normaliser(given: Mapping[str, Any] | None, *, allowed: AbstractSet[str]) -> None:
    if given is None:
        return
    steps: Sequence[Mapping[str, Any]] = given["normalizers"] if given.get("type") == "Sequence" else [given]
    if other := [str(step.get("type")) for step in steps if step.get("type") not in allowed]:
        raise DeclinedError(f"its normalizer may join what stands apart: {', '.join(other)}")


def _unsure(added: Iterable[Mapping[str, Any]], pattern: str, *, changed: bool) -> re.Pattern[str] | None:
    """Return what finds chunks that end in what may be white space, or in which an added token reaches out."""
    found = [] if pattern == _BY_SPACE else [f"[{_PERHAPS}][\\r\\n]*(?:\\n|\\Z)"]
    for token in added:
        content = str(token["content"])
        spaces = re.search(f"[{_SPACE}{_PERHAPS}]", content) is not None
        if spaces and (content.strip() or pattern != _SPACE_FIRST):
            raise DeclinedError(f"there is white space in its added token {content!r}")
        if pattern != _BY_SPACE and (token.get("rstrip") or (token.get("lstrip") and pattern == _LINES_LAST)):
            if changed and token.get("normalized"):
                raise DeclinedError(f"its added token {content!r} takes white space beside it, once normalised")
            found.append(re.escape(content))
    return re.compile("|".join(found)) if found else None
