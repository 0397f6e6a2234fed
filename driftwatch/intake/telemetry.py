"""Spans and log records as they come in an export of OTLP, in protobuf or in JSON.

Source: OTLP specification 1.9; its JSON has ids in hexadecimal and numbers of 64 bits as strings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

_DEEPEST = 32
MOST = 100_000
"""Spans or log records of an export; empty ones cost two bytes on the wire and a hundred times that here."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A span, a span's event, or a log record.

    Args:
        name: of the event; empty for a span.
        attributes: its own, and its resource's.
        body: of a log record.
        trace: id in hexadecimal; empty for none.
        span: id in hexadecimal; empty for none.
        nanos: since 1970; 0 for unknown.
        events: of a span.
    """

    name: str
    attributes: dict[str, object]
    body: object = None
    trace: str = ""
    span: str = ""
    nanos: int = 0
    events: tuple[Telemetry, ...] = field(default=())

    @property
    def genai(self) -> bool:
        """Whether it tells of a model."""
        return (
            "gen_ai.operation.name" in self.attributes
            or self.name.startswith("gen_ai.")
            or any(name.startswith("gen_ai.") for name in self.attributes)
            or any(event.genai for event in self.events)
        )

    def find(self, name: str) -> object:
        """Return an attribute, or what an event has by that name in its body; None where there is none."""
        found = self.attributes.get(name)
        if found is None and isinstance(self.body, dict):
            return self.body.get(name)
        return found


def telemetry_in(signal: Literal["traces", "logs"], content: bytes, *, is_json: bool) -> Iterator[Telemetry]:
    """Yield what an export holds, in order.

    Raises:
        ValueError: it is no such export.
    """
    if is_json:
        return _from_json(signal, content)
    return _spans(content) if signal == "traces" else _logs(content)


def _spans(content: bytes) -> Iterator[Telemetry]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = _parsed(ExportTraceServiceRequest, content)
    _check_parts(len(part.scope_spans) for part in request.resource_spans)
    return (
        Telemetry(
            name="",
            attributes=resource | _plain(span.attributes),
            trace=span.trace_id.hex(),
            span=span.span_id.hex(),
            nanos=span.start_time_unix_nano,
            events=tuple(Telemetry(event.name, _plain(event.attributes)) for event in span.events),
        )
        for part in request.resource_spans
        for resource in [_plain(part.resource.attributes)]
        for scope in part.scope_spans
        for span in scope.spans
    )


def _logs(content: bytes) -> Iterator[Telemetry]:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    request = _parsed(ExportLogsServiceRequest, content)
    _check_parts(len(part.scope_logs) for part in request.resource_logs)
    return (
        Telemetry(
            name=record.event_name or str(own.get("event.name", "")),
            attributes=resource | own,
            body=_value(record.body, 0),
            trace=record.trace_id.hex(),
            span=record.span_id.hex(),
            nanos=record.time_unix_nano or record.observed_time_unix_nano,
        )
        for part in request.resource_logs
        for resource in [_plain(part.resource.attributes)]
        for scope in part.scope_logs
        for record in scope.log_records
        for own in [_plain(record.attributes)]
    )


def _parsed(kind: Any, content: bytes) -> Any:  # noqa: ANN401 - protobuf's generated classes
    from google.protobuf.message import DecodeError

    message = kind()
    try:
        message.ParseFromString(content)
    except DecodeError as error:
        raise ValueError(f"it is no protobuf of that kind ({error})") from None
    return message


def _check_parts(scopes: Iterator[int]) -> None:
    count = 0
    for each in scopes:
        count += 1 + each
        if count > MOST:
            raise ValueError(f"it has more than {MOST:,} resources and scopes")


def _plain(attributes: Any) -> dict[str, object]:  # noqa: ANN401 - protobuf's
    return {each.key: _value(each.value, 0) for each in attributes}


def _value(value: Any, depth: int) -> object:  # noqa: ANN401 - protobuf's AnyValue
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each, depth + 1) for each in value.array_value.values] if depth < _DEEPEST else None
    if kind == "kvlist_value":
        pairs = value.kvlist_value.values
        return {each.key: _value(each.value, depth + 1) for each in pairs} if depth < _DEEPEST else None
    found: object = getattr(value, kind) if kind is not None and kind != "bytes_value" else None
    return found


class _Values(msgspec.Struct, gc=False):
    values: list[_Any] = []


class _Pairs(msgspec.Struct, gc=False):
    values: list[_Pair] = []


class _Any(msgspec.Struct, rename="camel", gc=False):
    string_value: str | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    bool_value: bool | None = None
    array_value: _Values | None = None
    kvlist_value: _Pairs | None = None

    def plain(self) -> object:
        """Return the value itself."""
        if self.string_value is not None:
            return self.string_value
        if self.array_value is not None:
            return [each.plain() for each in self.array_value.values]
        if self.kvlist_value is not None:
            return _pairs(self.kvlist_value.values)
        if self.int_value is not None:
            return int(self.int_value)
        return self.bool_value if self.bool_value is not None else self.double_value


class _Pair(msgspec.Struct, gc=False):
    key: str = ""
    value: _Any | None = None


class _Event(msgspec.Struct, gc=False):
    name: str = ""
    attributes: list[_Pair] = []


class _Span(msgspec.Struct, rename="camel", gc=False):
    trace_id: str = ""
    span_id: str = ""
    start_time_unix_nano: int | str = 0
    attributes: list[_Pair] = []
    events: list[_Event] = []


class _Record(msgspec.Struct, rename="camel", gc=False):
    trace_id: str = ""
    span_id: str = ""
    time_unix_nano: int | str = 0
    observed_time_unix_nano: int | str = 0
    event_name: str = ""
    attributes: list[_Pair] = []
    body: _Any | None = None


class _Scope(msgspec.Struct, rename="camel", gc=False):
    spans: list[_Span] = []
    log_records: list[_Record] = []


class _Resource(msgspec.Struct, gc=False):
    attributes: list[_Pair] = []


class _Part(msgspec.Struct, rename="camel", gc=False):
    resource: _Resource | None = None
    scope_spans: list[_Scope] = []
    scope_logs: list[_Scope] = []


class _Request(msgspec.Struct, rename="camel", gc=False):
    resource_spans: list[_Part] = []
    resource_logs: list[_Part] = []


_REQUEST = msgspec.json.Decoder(_Request)


def _from_json(signal: Literal["traces", "logs"], content: bytes) -> Iterator[Telemetry]:
    try:
        request = _REQUEST.decode(content)
        if signal == "traces":
            return iter([each for part in request.resource_spans for each in _json_spans(part)])
        return iter([each for part in request.resource_logs for each in _json_logs(part)])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _json_spans(part: _Part) -> Iterator[Telemetry]:
    resource = _pairs(part.resource.attributes if part.resource else [])
    for span in (span for scope in part.scope_spans for span in scope.spans):
        yield Telemetry(
            name="",
            attributes=resource | _pairs(span.attributes),
            trace=span.trace_id.lower(),
            span=span.span_id.lower(),
            nanos=int(span.start_time_unix_nano or 0),
            events=tuple(Telemetry(event.name, _pairs(event.attributes)) for event in span.events),
        )


def _json_logs(part: _Part) -> Iterator[Telemetry]:
    resource = _pairs(part.resource.attributes if part.resource else [])
    for record in (record for scope in part.scope_logs for record in scope.log_records):
        own = _pairs(record.attributes)
        yield Telemetry(
            name=record.event_name or str(own.get("event.name", "")),
            attributes=resource | own,
            body=record.body.plain() if record.body is not None else None,
            trace=record.trace_id.lower(),
            span=record.span_id.lower(),
            nanos=int(record.time_unix_nano or record.observed_time_unix_nano or 0),
        )


def _pairs(pairs: list[_Pair]) -> dict[str, object]:
    return {pair.key: pair.value.plain() if pair.value is not None else None for pair in pairs}
