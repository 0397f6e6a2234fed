"""Chats in records: a list of messages, as OpenAI's and most other logs have them, to turns."""

from __future__ import annotations

from collections.abc import Mapping

from driftwatch.domain.text import Turn

MOST_TURNS = 500
"""Of a longer chat its end is kept."""
_LONGEST_ROLE = 50


def turns_of(value: object) -> tuple[Turn, ...] | None:
    """Return the turns of a list of ``{"role": …, "content": …}``; None where it is none.

    A content may be a string, a list of parts of which those of text count, or nothing, as in a call of a tool.

    Examples:
        >>> turns_of([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}])
        (Turn(role='user', content='Hi'),)
        >>> turns_of("Hi") is None
        True
    """
    if not isinstance(value, list) or not value:
        return None
    turns = tuple(turn for message in value[-MOST_TURNS:] if (turn := _turn(message)) is not None)
    return turns if len(turns) == min(len(value), MOST_TURNS) else None


def _turn(message: object) -> Turn | None:
    if not isinstance(message, Mapping):
        return None
    role, content = message.get("role"), _content(message.get("content"))
    if not isinstance(role, str) or not 0 < len(role) <= _LONGEST_ROLE or content is None:
        return None
    return Turn(role=role, content=content)


def _content(value: object) -> str | None:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not all(isinstance(part, Mapping) for part in value):
        return None
    return "".join(words for part in value if isinstance(words := part.get("text"), str))
