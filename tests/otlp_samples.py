"""Exports of OpenTelemetry as SDKs send them."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

AT = 1_767_225_600_000_000_000
ASKED = [{"role": "user", "parts": [{"type": "text", "content": "Where is my card?"}]}]
ANSWERED = [{"role": "assistant", "parts": [{"type": "text", "content": "On its way."}], "finish_reason": "stop"}]
SYSTEM = [{"type": "text", "content": "Be brief."}]
Record = tuple[str, dict[str, Any], object]
WHOLE = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "small",
    "gen_ai.system_instructions": SYSTEM,
    "gen_ai.input.messages": ASKED,
    "gen_ai.output.messages": ANSWERED,
}


def value(of: object) -> AnyValue:
    match of:
        case bool():
            return AnyValue(bool_value=of)
        case int():
            return AnyValue(int_value=of)
        case str():
            return AnyValue(string_value=of)
        case list():
            made = AnyValue()
            made.array_value.values.extend(value(each) for each in of)
            made.array_value.SetInParent()
            return made
        case dict():
            made = AnyValue()
            made.kvlist_value.values.extend(pairs(of))
            made.kvlist_value.SetInParent()
            return made
        case _:
            return AnyValue()


def pairs(of: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=name, value=value(each)) for name, each in of.items()]


def spans(*attributes: dict[str, Any], events: dict[str, dict[str, Any]] | None = None) -> bytes:
    request = ExportTraceServiceRequest()
    part = request.resource_spans.add()
    part.resource.attributes.extend(pairs({"service.name": "support"}))
    scope = part.scope_spans.add()
    for number, each in enumerate(attributes):
        span = scope.spans.add(
            trace_id=bytes([7] * 16), span_id=bytes([number] * 8), start_time_unix_nano=AT, name="chat small"
        )
        span.attributes.extend(pairs(each))
        for name, said in (events or {}).items():
            span.events.add(name=name).attributes.extend(pairs(said))
    return bytes(request.SerializeToString())


def logs(*records: Record, span: int = 1) -> bytes:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for name, attributes, body in records:
        record = scope.log_records.add(
            event_name=name, trace_id=bytes([7] * 16), span_id=bytes([span] * 8), time_unix_nano=AT, body=value(body)
        )
        record.attributes.extend(pairs(attributes))
    return bytes(request.SerializeToString())
