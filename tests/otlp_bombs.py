"""Exports of OpenTelemetry that are small on the wire and would be monstrous in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PART, SCOPE, SPAN, RESOURCE = 1, 2, 2, 1
ATTRIBUTE, EVENT, LINK, VALUE, ARRAY, PAIRS, EACH = 9, 11, 13, 2, 5, 6, 1


@dataclass(frozen=True)
class Bomb:
    """A body: how it begins, and what is repeated up to its end.

    Args:
        begin: what stands before.
        block: is repeated.
        size: of all the blocks, in bytes.
        end: what stands behind them.
    """

    begin: bytes
    block: bytes
    size: int
    end: bytes = b""


def head(number: int, size: int) -> bytes:
    """Return what stands before a message of so many bytes."""
    length = bytearray()
    while size >= 1 << 7:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([number << 3 | 2, *length, size])


def within(path: tuple[int, ...], block: bytes, size: int, *, first: bytes = b"") -> Bomb:
    """Return blocks in fields within each other.

    Args:
        path: numbers of the fields, from outside.
        block: is repeated in the innermost.
        size: of all the blocks, about.
        first: stands at the begin of the outermost.
    """
    size = size // len(block) * len(block)
    inner = size
    heads = []
    for depth, number in reversed(list(enumerate(path))):
        if depth == 0:
            inner += len(first)
        heads.append(head(number, inner) + (first if depth == 0 else b""))
        inner += len(heads[-1]) - (len(first) if depth == 0 else 0)
    return Bomb(b"".join(reversed(heads)), block, size)


def attribute(name: str, value: str) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(string_value=value))


def talking(number: int = 0, *more: KeyValue) -> bytes:
    """Return a span that tells of a model, as a field."""
    asked = attribute("gen_ai.input.messages", '[{"role":"user","content":"Hi"}]')
    span = Span(span_id=bytes([number % 256] * 8), attributes=[asked, *more]).SerializeToString()
    return head(SPAN, len(span)) + bytes(span)


def protobuf_bombs(size: int) -> dict[str, Bomb]:
    """Return bombs in protobuf by name."""
    large = Resource(attributes=[attribute(f"a{number}", "x") for number in range(50_000)]).SerializeToString()
    ragged = Span(attributes=[attribute(f"k{number}", "") for number in range(100)]).attributes
    span = (PART, SCOPE, SPAN)
    return {
        "parts": Bomb(b"", head(PART, 0), size // 2 * 2),
        "scopes": within((PART,), head(SCOPE, 0), size),
        "spans": within((PART, SCOPE), head(SPAN, 0), size),
        "attributes": within(span, head(ATTRIBUTE, 0), size),
        "events": within(span, head(EVENT, 0), size),
        "links": within(span, head(LINK, 0), size),
        "numbers": within(span, b"\x78\x01", size),
        "values": within((*span, ATTRIBUTE, VALUE, ARRAY), head(EACH, 0), size),
        "lists": within((*span, ATTRIBUTE, VALUE, ARRAY), head(EACH, 2) + head(ARRAY, 0), size),
        "pairs": within((*span, ATTRIBUTE, VALUE, PAIRS), head(EACH, 0), size),
        "attributes of a resource": within((PART, RESOURCE), head(EACH, 0), size),
        "a large resource of many spans": within(
            (PART, SCOPE), talking(), 500_000, first=head(RESOURCE, len(large)) + bytes(large)
        ),
        "calls": within((PART, SCOPE), talking(), size),
        "calls with attributes": within((PART, SCOPE), talking(0, *ragged), size),
        "json in a string": json_in_a_string(b",[]", size),
        "numbers in a string": json_in_a_string(b",0.1", size),
        "messages in a string": json_in_a_string(b',{"role":"u"}', size),
    }


def json_in_a_string(block: bytes, size: int) -> Bomb:
    """Return a span with an attribute that holds a list of JSON."""
    size = size // len(block) * len(block)
    text = size + len(block) + 1
    value = head(1, text)
    key = bytes(KeyValue(key="gen_ai.input.messages").SerializeToString())
    begin = key + head(VALUE, len(value) + text) + value
    rest = len(begin) + text
    for number in (ATTRIBUTE, SPAN, SCOPE, PART):
        before = head(number, rest)
        begin, rest = before + begin, rest + len(before)
    return Bomb(begin + b"[" + block[1:], block, size, b"]")


def json_bombs(size: int) -> dict[str, Bomb]:
    """Return bombs in JSON by name."""
    spans = b'{"resourceSpans":[{"scopeSpans":[{"spans":['
    value = spans + b'{"attributes":[{"key":"gen_ai.input.messages","value":{"arrayValue":{"values":['
    large = [{"key": f"a{number}", "value": {"stringValue": "x"}} for number in range(50_000)]
    call = {"attributes": [{"key": "gen_ai.system", "value": {"stringValue": "x"}}]}
    amplified = {"resource": {"attributes": large}, "scopeSpans": [{"spans": [call] * 1_000}]}
    return {
        "parts": Bomb(b'{"resourceSpans":[{}', b",{}", size, b"]}"),
        "spans": Bomb(spans + b"{}", b",{}", size, b"]}]}]}"),
        "attributes": Bomb(spans + b'{"attributes":[{}', b",{}", size, b"]}]}]}]}"),
        "values": Bomb(value + b"{}", b",{}", size, b"]}}}]}]}]}]}"),
        "nulls": Bomb(spans + b'{"x":[0', b",0", size, b"]}]}]}]}"),
        "just not too many values": Bomb(value + b"{}", b",{}", 3 * 499_000, b"]}}}]}]}]}]}"),
        "a large resource of many spans": Bomb(json.dumps({"resourceSpans": [amplified]}).encode(), b" ", 1),
        "nesting": Bomb(value[:-1], b'{"arrayValue":{"values":[', size, b""),
    }
