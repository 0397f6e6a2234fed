"""Exports of OTLP in JSON: ids in hexadecimal, numbers of 64 bits as strings.

Source: OTLP specification 1.9, "JSON Protobuf Encoding".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from driftwatch.intake.bodies import bounded
from driftwatch.intake.telemetry import DEEPEST, Telemetry, allowed_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.intake.wire import Allowance


class _Values(msgspec.Struct, gc=False):
    values: tuple[_Any, ...] = ()


class _Pairs(msgspec.Struct, gc=False):
    values: tuple[_Pair, ...] = ()


class _Any(msgspec.Struct, rename="camel", gc=False):
    string_value: str | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    bool_value: bool | None = None
    array_value: _Values | None = None
    kvlist_value: _Pairs | None = None

    def plain(self, allowance: Allowance, depth: int = 0) -> object:
        """Return the value itself."""
        if self.string_value is not None:
            return self.string_value
        if self.array_value is not None:
            held = self.array_value.values
            allowance.take(len(held))
            return [each.plain(allowance, depth + 1) for each in held] if depth < DEEPEST else None
        if self.kvlist_value is not None:
            return _pairs(self.kvlist_value.values, allowance, depth + 1) if depth < DEEPEST else None
        if self.int_value is not None:
            return int(self.int_value)
        return self.bool_value if self.bool_value is not None else self.double_value


class _Pair(msgspec.Struct, gc=False):
    key: str = ""
    value: _Any | None = None


class _Event(msgspec.Struct, gc=False):
    name: str = ""
    attributes: tuple[_Pair, ...] = ()


class _Span(msgspec.Struct, rename="camel", gc=False):
    trace_id: str = ""
    span_id: str = ""
    start_time_unix_nano: int | str = 0
    attributes: tuple[_Pair, ...] = ()
    events: tuple[_Event, ...] = ()


class _Record(msgspec.Struct, rename="camel", gc=False):
    trace_id: str = ""
    span_id: str = ""
    time_unix_nano: int | str = 0
    observed_time_unix_nano: int | str = 0
    event_name: str = ""
    attributes: tuple[_Pair, ...] = ()
    body: _Any | None = None


class _Scope(msgspec.Struct, rename="camel", gc=False):
    spans: tuple[_Span, ...] = ()
    log_records: tuple[_Record, ...] = ()


class _Resource(msgspec.Struct, gc=False):
    attributes: tuple[_Pair, ...] = ()


class _Part(msgspec.Struct, rename="camel", gc=False):
    resource: _Resource | None = None
    scope_spans: tuple[_Scope, ...] = ()
    scope_logs: tuple[_Scope, ...] = ()


class _Request(msgspec.Struct, rename="camel", gc=False):
    resource_spans: tuple[_Part, ...] = ()
    resource_logs: tuple[_Part, ...] = ()


_REQUEST = msgspec.json.Decoder(_Request)


def telemetry_of_json(signal: Literal["traces", "logs"], content: bytes) -> Iterator[Telemetry]:
    """Yield what an export holds, in order.

    Raises:
        BatchError: 413 for what would be far more in memory than it is in bytes.
        ValueError: it is no such export.
        TooMuchError: it has too many attributes.
    """
    try:
        request = _REQUEST.decode(bounded(content))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    allowance = allowed_values()
    if signal == "traces":
        for part in request.resource_spans:
            yield from _spans(part, allowance)
    else:
        for part in request.resource_logs:
            yield from _logs(part, allowance)


def _spans(part: _Part, allowance: Allowance) -> Iterator[Telemetry]:
    resource = _pairs(part.resource.attributes, allowance) if part.resource else {}
    for span in (span for scope in part.scope_spans for span in scope.spans):
        allowance.take(len(resource) + len(span.events))
        yield Telemetry(
            name="",
            attributes=resource | _pairs(span.attributes, allowance),
            trace=span.trace_id.lower(),
            span=span.span_id.lower(),
            nanos=_nanos(span.start_time_unix_nano),
            events=tuple(Telemetry(event.name, _pairs(event.attributes, allowance)) for event in span.events),
        )


def _logs(part: _Part, allowance: Allowance) -> Iterator[Telemetry]:
    resource = _pairs(part.resource.attributes, allowance) if part.resource else {}
    for record in (record for scope in part.scope_logs for record in scope.log_records):
        allowance.take(len(resource))
        own = _pairs(record.attributes, allowance)
        yield Telemetry(
            name=record.event_name or str(own.get("event.name", "")),
            attributes=resource | own,
            body=record.body.plain(allowance) if record.body is not None else None,
            trace=record.trace_id.lower(),
            span=record.span_id.lower(),
            nanos=_nanos(record.time_unix_nano) or _nanos(record.observed_time_unix_nano),
        )


def _pairs(pairs: tuple[_Pair, ...], allowance: Allowance, depth: int = 0) -> dict[str, object]:
    allowance.take(len(pairs))
    return {pair.key: pair.value.plain(allowance, depth) if pair.value is not None else None for pair in pairs}


def _nanos(value: int | str) -> int:
    nanos = int(value or 0)
    if not 0 <= nanos < 1 << 64:
        raise ValueError(f"{value!r:.40} is no number of nanoseconds since 1970")
    return nanos
