"""OpenTelemetry's semantic conventions for generative AI, in the forms that are about, to exchanges.

- attributes ``gen_ai.input.messages``, ``gen_ai.output.messages`` and ``gen_ai.system_instructions``, on spans and on
  the event ``gen_ai.client.inference.operation.details`` (1.37 and later), structured or as JSON in a string;
- an event for each message, as a log record or on a span: ``gen_ai.user.message``, …, ``gen_ai.choice`` (1.28 to 1.36);
- span events ``gen_ai.content.prompt`` and ``gen_ai.content.completion`` (1.27 and before);
- numbered attributes ``gen_ai.prompt.0.content`` and ``gen_ai.completion.0.content``, as OpenLLMetry writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from driftwatch.domain.text import Turn
from driftwatch.intake.chats import MOST_TURNS
from driftwatch.intake.exchange import Exchange, unpacked

if TYPE_CHECKING:
    from driftwatch.intake.telemetry import Telemetry

_GROUPS = ("gen_ai.conversation.id", "session.id", "user.id", "enduser.id")
_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE = "gen_ai.choice"
_NUMBERED = re.compile(r"gen_ai\.(prompt|completion)\.(\d{1,4})\.(role|content)")
_LONGEST_ROLE = 50

Ends = tuple[list[Turn], list[Turn]]


class _NoMessageError(ValueError):
    """What should be messages is none."""


def told_by(found: Iterable[Telemetry]) -> Iterator[Exchange | None]:
    """Yield the exchange that each call of a model made; None for one whose messages are none.

    Spans tell all of theirs at once; log records of one span are put together as far as they come in one export.
    """
    calls: dict[tuple[str, str, int], list[Telemetry]] = {}
    for number, each in enumerate(found):
        calls.setdefault((each.trace, each.span, number if not each.span else -1), []).append(each)
    for parts in calls.values():
        try:
            yield _exchange(parts)
        except _NoMessageError:
            yield None


def _exchange(parts: list[Telemetry]) -> Exchange:
    attributes: dict[str, object] = {}
    for part in parts:
        attributes.update(part.attributes)
    prompt, completion = _whole(parts)
    first = parts[0]
    group = next((str(attributes[name]) for name in _GROUPS if attributes.get(name)), first.trace or None)
    response = attributes.get("gen_ai.response.id")
    return Exchange(
        prompt=tuple(prompt[-MOST_TURNS:]),
        completion=tuple(completion[-MOST_TURNS:]),
        id=f"{first.trace}:{first.span}" if first.span else str(response) if response else None,
        time=first.nanos / 1e9 if first.nanos else None,
        group=group,
        attributes=attributes,
    )


def _whole(parts: list[Telemetry]) -> Ends:
    """Return both ends: from the attributes that hold them whole, else from events, else from numbered attributes."""
    for look in (_attributes, _events, _numbered):
        prompt: list[Turn] = []
        completion: list[Turn] = []
        for part in parts:
            before, after = look(part)
            prompt += before
            completion += after
        if prompt or completion:
            return prompt, completion
    return [], []


def _attributes(part: Telemetry) -> Ends:
    held = (part, *part.events)
    system = [turn for each in held for turn in _parts_of("system", each.find("gen_ai.system_instructions"))]
    asked = [turn for each in held for turn in _messages(each.find("gen_ai.input.messages"))]
    answered = [turn for each in held for turn in _messages(each.find("gen_ai.output.messages"))]
    return system + asked if asked or answered else [], answered[:1]


def _events(part: Telemetry) -> Ends:
    prompt: list[Turn] = []
    completion: list[Turn] = []
    for event in (part, *part.events):
        if role := _ROLES.get(event.name):
            prompt += _said(event, role)
        elif event.name == _CHOICE:
            completion += _said(event, "assistant")
        elif event.name == "gen_ai.content.prompt":
            prompt += _told(event.attributes.get("gen_ai.prompt"), "user")
        elif event.name == "gen_ai.content.completion":
            completion += _told(event.attributes.get("gen_ai.completion"), "assistant")
    return prompt, completion[:1]


def _numbered(part: Telemetry) -> Ends:
    found: dict[str, dict[int, dict[str, str]]] = {"prompt": {}, "completion": {}}
    for name, value in part.attributes.items():
        if isinstance(value, str) and (match := _NUMBERED.fullmatch(name)):
            found[match[1]].setdefault(int(match[2]), {})[match[3]] = value
    prompt, completion = (
        [Turn(role=each.get("role", role), content=each.get("content", "")) for _, each in sorted(found[end].items())]
        for end, role in (("prompt", "user"), ("completion", "assistant"))
    )
    return prompt, completion[:1]


def _said(event: Telemetry, role: str) -> list[Turn]:
    """Return the message of an event: in its body, its attributes, or as JSON in one of them."""
    packed = unpacked(event.attributes.get("gen_ai.event.content"))
    for held in (event.body, packed, event.attributes):
        if isinstance(held, Mapping):
            message = held.get("message")
            inner = message if isinstance(message, Mapping) else held
            if "content" in inner or "parts" in inner:
                return [_turn(inner, role)]
    return []


def _told(value: object, role: str) -> list[Turn]:
    content = unpacked(value)
    if isinstance(content, list):
        return [_turn(each, role) for each in content]
    return [Turn(role=role, content=content)] if isinstance(content, str) else []


def _messages(value: object) -> list[Turn]:
    if value is None:
        return []
    content = unpacked(value)
    if isinstance(content, str):
        return [Turn(role="user", content=content)]
    if not isinstance(content, list):
        raise _NoMessageError
    return [_turn(each, None) for each in content]


def _parts_of(role: str, value: object) -> list[Turn]:
    content = unpacked(value)
    if content is None:
        return []
    words = _content(content)
    return [Turn(role=role, content=words)] if words else []


def _turn(message: object, role: str | None) -> Turn:
    if not isinstance(message, Mapping):
        raise _NoMessageError
    said = message.get("role") or role
    if not isinstance(said, str) or len(said) > _LONGEST_ROLE:
        raise _NoMessageError
    return Turn(role=said, content=_content(message.get("parts") if "parts" in message else message.get("content")))


def _content(value: object) -> str:
    """Return the words of a content: a string, or parts of which those of text count."""
    if value is None or isinstance(value, str):
        return value or ""
    if not isinstance(value, list):
        raise _NoMessageError
    return "".join(
        words
        for part in value
        if isinstance(part, Mapping) and part.get("type", "text") == "text"
        for words in [part.get("content") if "content" in part else part.get("text")]
        if isinstance(words, str)
    )
