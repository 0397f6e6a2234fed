"""Chats through the tokenizer's own template, the loss on the assistant's turns only.

Templates run in transformers' sandbox (jinja2's ``ImmutableSandboxedEnvironment``) and nowhere else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from driftwatch.domain.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transformers import PreTrainedTokenizerBase

    from driftwatch.domain.text import Turn

_MARKED = re.compile(r"\{%-?\s*generation\s*-?%\}")
_ASSISTANT = "assistant"


class ChatRefusedError(Exception):
    """The template does not take this chat, such as one in which two users speak in turn."""


def chat_row(tokenizer: PreTrainedTokenizerBase, turns: Sequence[Turn]) -> tuple[list[int], list[bool]]:
    """Return a chat's token ids and which of them the assistant said.

    Where the template marks the assistant's words (``{% generation %}``), its marks count. Elsewhere an assistant's
    turn is what the template adds to the chat before it and the assistant's header, end of turn included.

    Raises:
        RunError: there is no template, or what one turn adds cannot be told.
        ChatRefusedError: the template refuses the chat.
    """
    template = _template(tokenizer)
    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    if _MARKED.search(template):
        return _marked(tokenizer, messages)
    whole = _rendered(tokenizer, messages)
    spans = [_span(tokenizer, messages, place, whole) for place, turn in enumerate(turns) if turn.role == _ASSISTANT]
    encoded = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    learnt = [
        any(start < stop and first < stop and start < last for first, last in spans)
        for start, stop in encoded["offset_mapping"]
    ]
    return list(encoded["input_ids"]), learnt


def _template(tokenizer: PreTrainedTokenizerBase) -> str:
    template = tokenizer.chat_template
    if not isinstance(template, str) or not tokenizer.is_fast:
        raise RunError(
            "there are chats to train on, and the champion's tokenizer has no single chat template",
            where=str(tokenizer.name_or_path),
            cure="give it the chat_template (and the fast tokenizer) it is served with, or leave turns out of the "
            "stream's records",
        )
    return template


def _marked(tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]]) -> tuple[list[int], list[bool]]:
    encoded = cast(
        "Mapping[str, list[int]]",
        _apply(tokenizer, messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True),
    )
    return list(encoded["input_ids"]), [bool(said) for said in encoded["assistant_masks"]]


def _rendered(
    tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]], *, add_generation_prompt: bool = False
) -> str:
    return str(_apply(tokenizer, messages, tokenize=False, add_generation_prompt=add_generation_prompt))


def _apply(tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]], **options: bool) -> object:
    from jinja2 import TemplateError, TemplateSyntaxError

    try:
        applied: object = cast("Any", tokenizer).apply_chat_template(messages, **options)
    except TemplateSyntaxError as error:
        raise RunError(
            f"the chat template cannot be read: {error.message}",
            where=str(tokenizer.name_or_path),
            cure="correct the tokenizer's chat_template",
        ) from error
    except TemplateError as error:
        raise ChatRefusedError(str(error)) from error
    return applied


def _span(
    tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]], place: int, whole: str
) -> tuple[int, int]:
    """Return from which to which character the assistant's turn at this place reaches in the whole chat."""
    before = _rendered(tokenizer, messages[:place], add_generation_prompt=True) if place else ""
    after = _rendered(tokenizer, messages[: place + 1])
    if not place:
        before = _header(after, messages[0]["content"])
    if not (after.startswith(before) and whole.startswith(after)):
        raise RunError(
            "what a turn adds to a chat cannot be told: the template renders earlier turns anew with each later one",
            where=str(tokenizer.name_or_path),
            cure="mark the assistant's words in the chat_template with {% generation %} and {% endgeneration %}",
        )
    return len(before), len(after)


def _header(rendered: str, content: str) -> str:
    """Return what stands before the words of a chat that the assistant begins."""
    found = rendered.find(content) if content else -1
    return rendered[:found] if found >= 0 else rendered
