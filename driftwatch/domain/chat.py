"""A chat as the tokens that a model sees, and which of them the assistant said: learnt and scored by these alone.

Pure: whoever loads tokenizers hands one in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Turn

ASSISTANT = "assistant"
_MARKS = re.compile(r"\{%-?\s*generation\s*-?%\}")
_MARK = "\ue000\ue001\ue000"
"""Stands for a turn's words to see what a template writes around them; of Unicode's private use, so no text has it."""


class ChatTokenizer(Protocol):
    """What is asked of a tokenizer; transformers' fast ones have it."""

    @property
    def chat_template(self) -> object:
        """The template; None where the model has none."""
        ...

    def apply_chat_template(
        self,
        conversation: list[dict[str, str]],
        *,
        tokenize: bool,
        return_dict: bool,
        return_assistant_tokens_mask: bool,
    ) -> object:
        """Return the chat as one string, or as a mapping with ``input_ids`` and ``assistant_masks``."""
        ...

    def __call__(
        self, text: str, *, add_special_tokens: bool, return_offsets_mapping: bool, verbose: bool
    ) -> Mapping[str, list[int] | list[tuple[int, int]]]:
        """Return ``input_ids`` and ``offset_mapping``: each token's begin and end in the string."""
        ...


@dataclass(frozen=True, slots=True)
class ChatTokens:
    """A chat as tokens.

    Args:
        ids: of the whole chat, the template's special tokens included.
        said: token by token, whether the assistant said it; where none is, there is nothing to learn or score.
    """

    ids: tuple[int, ...]
    said: tuple[bool, ...]

    def last(self, longest: int) -> ChatTokens:
        """Return the chat's last tokens, where the newest replies stand."""
        return ChatTokens(self.ids[-longest:], self.said[-longest:])


def has_template(tokenizer: ChatTokenizer) -> bool:
    """Say whether the model takes chats; of one without a template only the body of a chat can be scored."""
    return bool(tokenizer.chat_template)


def chat_tokens(tokenizer: ChatTokenizer, turns: Sequence[Turn]) -> ChatTokens:
    """Return the chat through the model's own template.

    Said by the assistant is what the template itself marks so (``{% generation %}``). Where it marks nothing, it is the
    words of the assistant's turns and what the template ends them with, which the model must learn to say too; not the
    names of roles, white space behind the end and other people's words.

    Raises:
        DataError: the template refuses the chat, or repeats a reply.
    """
    if _MARKS.search(str(tokenizer.chat_template)):
        return _marked(tokenizer, turns)
    whole = _rendered(tokenizer, turns)
    spans = assistant_spans(tokenizer, turns, whole)
    encoded = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    ids = tuple(token for token in encoded["input_ids"] if isinstance(token, int))
    places = [place for place in encoded["offset_mapping"] if not isinstance(place, int)]
    said = tuple(any(begin < last and end > first for first, last in spans) for begin, end in places)
    return ChatTokens(ids, said)


def _marked(tokenizer: ChatTokenizer, turns: Sequence[Turn]) -> ChatTokens:
    answer = _applied(tokenizer, turns, tokenize=True)
    if not isinstance(answer, Mapping):
        raise DataError("the tokenizer does not say what the template marks", cure="use transformers' fast tokenizer")
    return ChatTokens(tuple(answer["input_ids"]), tuple(bool(mark) for mark in answer["assistant_masks"]))


def assistant_spans(tokenizer: ChatTokenizer, turns: Sequence[Turn], whole: str) -> list[tuple[int, int]]:
    """Return begin and end of each of the assistant's turns in the rendered chat.

    Where a turn stands is seen by rendering the chat with a mark in its place: what is equal before and behind is not
    the turn's. So a template may rewrite other turns, leave them out, or write what it likes around them.

    Raises:
        DataError: the template refuses the chat, or repeats a reply.
    """
    spans = []
    for place, turn in enumerate(turns):
        if turn.role == ASSISTANT and (around := _around(tokenizer, turns, place)) is not None:
            before, after = around
            begin = _alike(whole, before)
            end = max(begin, len(whole) - _alike(whole[::-1], after[::-1]))
            ending = _ending(tokenizer, turns[: place + 1])
            spans.append((begin, end + len(ending) if whole.startswith(ending, end) else end))
    return spans


def _around(tokenizer: ChatTokenizer, turns: Sequence[Turn], place: int) -> tuple[str, str] | None:
    """Return what stands before and behind a turn's words; None where the template leaves the turn out."""
    marked = [replace(turn, content=_MARK) if number == place else turn for number, turn in enumerate(turns)]
    before, *others = _rendered(tokenizer, marked).split(_MARK)
    if len(others) > 1:
        raise DataError("the chat template repeats a reply", cure="use a template that writes every turn once")
    return (before, others[0]) if others else None


def _alike(first: str, second: str) -> int:
    """Return how many characters two strings have in common from their begin on."""
    pairs = zip(first, second, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))


def _ending(tokenizer: ChatTokenizer, turns: Sequence[Turn]) -> str:
    """Return what the template ends a chat's last turn with, such as an end-of-turn token."""
    around = _around(tokenizer, turns, len(turns) - 1)
    return around[1].rstrip() if around is not None else ""


def _rendered(tokenizer: ChatTokenizer, turns: Sequence[Turn]) -> str:
    return str(_applied(tokenizer, turns, tokenize=False))


def _applied(tokenizer: ChatTokenizer, turns: Sequence[Turn], *, tokenize: bool) -> object:
    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    try:
        return tokenizer.apply_chat_template(
            messages, tokenize=tokenize, return_dict=tokenize, return_assistant_tokens_mask=tokenize
        )
    except Exception as error:  # noqa: BLE001 - a template is a program of its own: it raises whatever it comes across
        roles = ", ".join(turn.role for turn in turns)
        raise DataError(
            f"the model's chat template refuses a chat ({roles}): {error}",
            cure="send the turns in the order that the template wants",
        ) from None
