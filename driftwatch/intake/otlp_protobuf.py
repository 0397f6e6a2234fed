"""Exports of OTLP in protobuf, a span or log record after the other, so that never more than one is held as a message.

Source: opentelemetry-proto 1.9, ``collector/trace``, ``collector/logs`` and ``common``: the numbers of the fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from driftwatch.intake.telemetry import DEEPEST, Telemetry, allowed_values
from driftwatch.intake.wire import Allowance, Nesting, count_fields, sized_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARTS, _RESOURCE, _SCOPES, _EACH = 1, 1, 2, 2  # of a request, a part of it, and a scope: alike for both signals
_MOST_FIELDS = 500_000
_SMALL_BYTES = 64 * 1024
"""Of what may be parsed without a look: even if it is nothing but empty messages, it becomes some megabytes."""

_VALUE: Nesting = {}
_PAIR: Nesting = {2: _VALUE}
_VALUE |= {5: {1: _VALUE}, 6: {1: _PAIR}}
_RESOURCE_HOLDS: Nesting = {1: _PAIR, 3: {}}
_SPAN_HOLDS: Nesting = {9: _PAIR, 11: {3: _PAIR}, 13: {4: _PAIR}}
_RECORD_HOLDS: Nesting = {5: _VALUE, 6: _PAIR}


def telemetry_of_protobuf(signal: Literal["traces", "logs"], content: bytes) -> Iterator[Telemetry]:
    """Yield what an export holds, in order.

    Raises:
        ValueError: it is no such export.
        TooMuchError: it has too many fields or attributes.
    """
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    kind, holds, read = (Span, _SPAN_HOLDS, _span) if signal == "traces" else (LogRecord, _RECORD_HOLDS, _record)
    fields, values = Allowance(_MOST_FIELDS, "fields"), allowed_values()
    for begin, end in _within(content, 0, len(content), _PARTS, fields):
        # A message that comes in pieces is all of them, one after the other.
        told = b"".join(content[at:until] for at, until in _within(content, begin, end, _RESOURCE, fields))
        resource = _plain(_parsed(Resource, told, _RESOURCE_HOLDS, fields).attributes, values)
        for first, last in _within(content, begin, end, _SCOPES, fields):
            for at, until in _within(content, first, last, _EACH, fields):
                values.take(len(resource))
                yield read(_parsed(kind, content[at:until], holds, fields), resource, values)


def _span(span: Any, resource: dict[str, object], values: Allowance) -> Telemetry:  # noqa: ANN401 - protobuf's
    values.take(len(span.events))
    return Telemetry(
        name="",
        attributes=resource | _plain(span.attributes, values),
        trace=span.trace_id.hex(),
        span=span.span_id.hex(),
        nanos=span.start_time_unix_nano,
        events=tuple(Telemetry(event.name, _plain(event.attributes, values)) for event in span.events),
    )


def _record(record: Any, resource: dict[str, object], values: Allowance) -> Telemetry:  # noqa: ANN401 - protobuf's
    own = _plain(record.attributes, values)
    return Telemetry(
        name=record.event_name or str(own.get("event.name", "")),
        attributes=resource | own,
        body=_value(record.body, 0, values),
        trace=record.trace_id.hex(),
        span=record.span_id.hex(),
        nanos=record.time_unix_nano or record.observed_time_unix_nano,
    )


def _within(content: bytes, begin: int, end: int, number: int, fields: Allowance) -> Iterator[tuple[int, int]]:
    """Yield where the messages in a field of a message begin and end."""
    return ((at, until) for each, at, until in sized_fields(content, begin, end, fields) if each == number)


def _parsed(kind: Any, content: bytes, holds: Nesting, fields: Allowance) -> Any:  # noqa: ANN401 - protobuf's classes
    from google.protobuf.message import DecodeError

    if len(content) > _SMALL_BYTES:
        count_fields(content, 0, len(content), holds, fields)
    message = kind()
    try:
        message.ParseFromString(content)
    except DecodeError as error:
        raise ValueError(f"it is no protobuf of that kind ({error})") from None
    return message


def _plain(attributes: Any, values: Allowance) -> dict[str, object]:  # noqa: ANN401 - protobuf's
    values.take(len(attributes))
    return {each.key: _value(each.value, 0, values) for each in attributes}


def _value(value: Any, depth: int, values: Allowance) -> object:  # noqa: ANN401 - protobuf's AnyValue
    kind = value.WhichOneof("value")
    if kind == "array_value":
        held = value.array_value.values
        values.take(len(held))
        return [_value(each, depth + 1, values) for each in held] if depth < DEEPEST else None
    if kind == "kvlist_value":
        pairs = value.kvlist_value.values
        values.take(len(pairs))
        return {each.key: _value(each.value, depth + 1, values) for each in pairs} if depth < DEEPEST else None
    found: object = getattr(value, kind) if kind is not None and kind != "bytes_value" else None
    return found
