"""Logs of requests to models in OpenAI's form, as gateways and client libraries write them, to exchanges.

Chat completions (``messages``, ``choices``), completions (``prompt``, ``choices[].text``) and responses (``input``,
``output``); request and answer side by side, or below ``request``, ``body`` and ``response``, as objects or as JSON in
a string.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from driftwatch.domain.text import Turn
from driftwatch.intake.chats import turns_of
from driftwatch.intake.exchange import Exchange, unpacked

COLUMNS = (
    *("messages", "prompt", "input", "instructions", "choices", "output", "request", "response", "body"),
    *("id", "custom_id", "request_id", "created", "created_at", "timestamp", "user", "session_id", "conversation_id"),
    "metadata",
)
"""Top-level names that are looked at."""

_REQUEST = (("request",), ("request", "body"), ("body",))
_ANSWER = (("response",), ("response", "body"))
_IDS = ("id", "custom_id", "request_id")
_TIMES = ("created", "created_at", "timestamp")
_GROUPS = ("conversation_id", "session_id", "user")
_MOST_ITEMS = 10_000


class _NoChatError(ValueError):
    """What should be messages is none."""


def exchange_of(record: Mapping[str, object]) -> Exchange | None:
    """Return the exchange that a record tells of; None where its messages are none.

    Examples:
        >>> exchange_of({"messages": [{"role": "user", "content": "Hi"}], "choices": [{"text": "Hello"}]}).completion
        (Turn(role='assistant', content='Hello'),)
        >>> exchange_of({"messages": "Hi"}) is None
        True
    """
    asked = [record, *_below(record, _REQUEST)]
    answered = [record, *_below(record, _ANSWER)]
    everything = [*asked, *answered[1:], *_below(record, (("metadata",), ("request", "metadata")))]
    try:
        prompt = next((turns for part in asked if (turns := _prompt(part))), ())
        completion = next((turns for part in answered if (turns := _completion(part))), ())
    except _NoChatError:
        return None
    return Exchange(
        prompt=prompt,
        completion=completion,
        id=_word(everything, _IDS),
        time=next((part[name] for part in everything for name in _TIMES if part.get(name) is not None), None),
        group=_word(everything, _GROUPS),
        attributes=record,
    )


def _below(record: Mapping[str, object], paths: tuple[tuple[str, ...], ...]) -> Iterator[Mapping[str, object]]:
    for path in paths:
        value: object = record
        for step in path:
            value = unpacked(value.get(step)) if isinstance(value, Mapping) else None
        if isinstance(value, Mapping):
            yield value


def _prompt(part: Mapping[str, object]) -> tuple[Turn, ...]:
    messages = unpacked(part.get("messages"))
    if messages is not None:
        return _chat(messages)
    system = part.get("instructions")
    before = (Turn(role="system", content=system),) if isinstance(system, str) and system else ()
    given = part.get("input") if part.get("input") is not None else part.get("prompt")
    if given is None:
        return ()
    items = unpacked(given)
    if isinstance(items, list) and items and all(isinstance(each, str) for each in items):
        given = items[0]  # a request with several prompts is several exchanges; the first is as good as any
    elif not isinstance(given, str) or (isinstance(items, list) and items and isinstance(items[0], Mapping)):
        return (*before, *_items(items))
    return (*before, Turn(role="user", content=str(given)))


def _completion(part: Mapping[str, object]) -> tuple[Turn, ...]:
    choices = unpacked(part.get("choices"))
    if isinstance(choices, list) and choices:
        first = choices[0]
        if not isinstance(first, Mapping):
            raise _NoChatError
        if isinstance(text := first.get("text"), str):
            return (Turn(role="assistant", content=text),)
        return _chat([first.get("message")])
    output = unpacked(part.get("output"))
    if isinstance(output, str):
        return (Turn(role="assistant", content=output),)
    return _items(output) if isinstance(output, list) else ()


def _items(value: object) -> tuple[Turn, ...]:
    """Return the messages among a response's items; calls of tools and reasoning are none."""
    if not isinstance(value, list) or len(value) > _MOST_ITEMS:
        raise _NoChatError
    messages = [each for each in value if isinstance(each, Mapping) and each.get("role") and "content" in each]
    return _chat(messages) if messages else ()


def _chat(messages: object) -> tuple[Turn, ...]:
    turns = turns_of(messages)
    if turns is None:
        raise _NoChatError
    return turns


def _word(parts: list[Mapping[str, object]], names: tuple[str, ...]) -> str | None:
    found = (part[name] for part in parts for name in names if part.get(name) not in (None, ""))
    return next((str(value) for value in found if isinstance(value, str | int)), None)
