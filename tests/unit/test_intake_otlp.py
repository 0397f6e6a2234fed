"""Exports of OpenTelemetry to texts: every form of the conventions, both encodings, and what is none."""

from __future__ import annotations

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp_samples import WHOLE, Record, logs, spans

from driftwatch.intake.bodies import BatchError
from driftwatch.intake.otlp import Exported, OtlpSettings, parse_export

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def read(
    body: bytes,
    signal: Literal["traces", "logs"] = "traces",
    *,
    packed: str = "",
    kind: str = "x-protobuf",
    **said: Any,
) -> Exported:
    return parse_export(
        signal,
        body,
        content_type=f"application/{kind}",
        content_encoding=packed,
        settings=OtlpSettings(**said),
        now=NOW,
    )


def texts(exported: Exported) -> list[str]:
    return [text.body for text in exported.texts]


@pytest.mark.parametrize("as_words", [False, True], ids=["structured", "json in a string"])
def test_attributes_that_hold_messages(as_words: bool) -> None:
    held = {name: json.dumps(each) if as_words and isinstance(each, list) else each for name, each in WHOLE.items()}
    (text,) = read(spans(held), labels={"model": "gen_ai.request.model"}).texts
    assert text.body == "Where is my card?"
    assert [(turn.role, turn.content) for turn in text.turns] == [
        ("system", "Be brief."),
        ("user", "Where is my card?"),
        ("assistant", "On its way."),
    ]
    assert (text.id, text.group) == (f"{'07' * 16}:{'00' * 8}", "07" * 16)
    assert text.labels == {"model": "small"}
    assert text.seen_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert texts(read(spans(held), watch="completion")) == ["On its way."]


def test_the_event_with_the_whole_exchange() -> None:
    event = "gen_ai.client.inference.operation.details"
    forms: list[Record] = [(event, WHOLE, None), (event, {}, WHOLE), ("", {**WHOLE, "event.name": event}, None)]
    for record in forms:
        assert texts(read(logs(record), "logs")) == ["Where is my card?"]
        assert texts(read(logs(record), "logs", watch="completion")) == ["On its way."]
    assert texts(read(spans({}, events={event: WHOLE}))) == ["Where is my card?"]


def test_an_event_for_each_message() -> None:
    said: list[Record] = [
        ("gen_ai.system.message", {}, {"content": "Be brief."}),
        ("gen_ai.user.message", {}, {"content": "Where is my card?"}),
        ("gen_ai.choice", {}, {"index": 0, "message": {"role": "assistant", "content": "On its way."}}),
    ]
    (text,) = read(logs(*said), "logs").texts
    assert [turn.role for turn in text.turns] == ["system", "user", "assistant"]
    assert texts(read(logs(*said), "logs", watch="completion")) == ["On its way."]
    on_span = {"gen_ai.user.message": {"gen_ai.event.content": '{"role": "user", "content": "Where?"}'}}
    assert texts(read(spans({"gen_ai.system": "x"}, events=on_span))) == ["Where?"]


def test_older_and_numbered_forms() -> None:
    old = {
        "gen_ai.content.prompt": {"gen_ai.prompt": '[{"role": "user", "content": "Where?"}]'},
        "gen_ai.content.completion": {"gen_ai.completion": '[{"role": "assistant", "content": "There."}]'},
    }
    assert texts(read(spans({}, events=old))) == ["Where?"]
    numbered = {
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "Be brief.",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": "Where?",
        "gen_ai.completion.0.content": "There.",
    }
    assert texts(read(spans(numbered))) == ["Where?"]
    assert texts(read(spans(numbered), watch="completion")) == ["There."]


def test_json_is_read_as_protobuf_is() -> None:
    from google.protobuf.json_format import MessageToDict

    for signal, body, kind in (
        ("traces", spans(WHOLE), ExportTraceServiceRequest),
        ("logs", logs(("gen_ai.user.message", {}, {"content": "Hi"})), ExportLogsServiceRequest),
    ):
        told = MessageToDict(kind.FromString(body))
        part = told["resourceSpans" if signal == "traces" else "resourceLogs"][0]
        each = part["scopeSpans"][0]["spans"] if signal == "traces" else part["scopeLogs"][0]["logRecords"]
        each[0]["traceId"], each[0]["spanId"] = "07" * 16, "01" * 8 if signal == "logs" else "00" * 8
        words = json.dumps(told).encode()
        assert read(words, signal, kind="json").texts == read(body, signal).texts  # type: ignore[arg-type]


def test_what_is_left_out_is_counted() -> None:
    body = spans(
        {"http.route": "/"},
        {**WHOLE, "gen_ai.operation.name": "embeddings"},
        {"gen_ai.operation.name": "chat", "gen_ai.input.messages": "[7]"},
        WHOLE,
    )
    exported = read(body)
    assert len(exported.texts) == 1
    assert exported.counts == {"no-genai": 1, "other-operation": 1, "bad-turns": 1}
    assert (exported.rejected, exported.message) == (1, "1 bad-turns")
    assert read(body, match={"service.name": "other"}).counts["not-matched"] == 3
    assert len(read(body, match={"service.name": "support"}).texts) == 1


def test_spans_without_content_say_how_to_capture_it() -> None:
    exported = read(spans({"gen_ai.operation.name": "chat", "gen_ai.request.model": "small"}))
    assert exported.rejected == 0
    assert "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT" in exported.message


@pytest.mark.parametrize(
    ("body", "kind", "packed", "status"),
    [
        (b"\xff\xff\xff", "x-protobuf", "", 400),
        (spans(WHOLE)[:-20], "x-protobuf", "", 400),
        (b"\x0a\x00" * 1_000_001, "x-protobuf", "", 413),
        (b"{", "json", "", 400),
        (b'{"resourceSpans": 7}', "json", "", 400),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "x"}]}]}]}', "json", "", 400),
        (
            b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "1%s"}]}]}]}' % (b"0" * 400),
            "json",
            "",
            400,
        ),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": -1}]}]}]}', "json", "", 400),
        (b"\x0a\x03\x12\x7f\x00", "x-protobuf", "", 400),
        (b"\x0a" + b"\xff" * 11, "x-protobuf", "", 400),
        (b"\x0b\x0c", "x-protobuf", "", 400),
        (b"\xff", "json", "", 400),
        (gzip.compress(bytes(17 * 2**20)), "x-protobuf", "gzip", 413),
        (b"no gzip", "x-protobuf", "gzip", 400),
        (b"", "x-protobuf", "br", 415),
        (zlib.compress(spans(WHOLE)), "x-protobuf", "deflate", 415),
        (spans(WHOLE), "x-protobuf", "zstd", 415),
    ],
)
def test_garbage(body: bytes, kind: str, packed: str, status: int) -> None:
    with pytest.raises(BatchError) as caught:
        read(body, kind=kind, packed=packed)
    assert caught.value.status == status


def test_nesting_without_end() -> None:
    deep: Any = "x"
    for _ in range(40):
        deep = [deep]
    assert read(spans({"gen_ai.input.messages": deep})).counts == {"bad-turns": 1}
    words = b'{"resourceSpans":' + b"[" * 100_000
    with pytest.raises(BatchError):
        read(words, kind="json")


def test_more_spans_than_memory_should_hold() -> None:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for _ in range(100_001):
        scope.spans.add()
    with pytest.raises(BatchError, match="too many spans or records") as caught:
        read(request.SerializeToString())
    assert caught.value.status == 413


def test_clocks_that_are_wrong() -> None:
    def at(nanos: int) -> Exported:
        request = ExportTraceServiceRequest.FromString(spans(WHOLE))
        request.resource_spans[0].scope_spans[0].spans[0].start_time_unix_nano = nanos
        return read(request.SerializeToString())

    for ahead in (int((NOW + timedelta(days=1)).timestamp()) * 10**9, 2**64 - 1):
        assert ([text.seen_at for text in at(ahead).texts], at(ahead).counts) == ([NOW], {"clock-ahead": 1})
    (old,) = at(1).texts
    assert old.seen_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert [text.seen_at for text in at(0).texts] == [NOW]


def test_a_message_in_pieces_and_fields_of_a_later_version() -> None:
    request = ExportTraceServiceRequest.FromString(spans(WHOLE))
    resource = bytes(request.resource_spans[0].resource.SerializeToString())
    scope = bytes(request.resource_spans[0].scope_spans[0].SerializeToString())
    unknown = b"\x78\x01\x79" + bytes(8) + b"\x7d" + bytes(4) + b"\x7a\x01x"
    part = b"\x12" + bytes([len(scope) & 0x7F | 0x80, len(scope) >> 7]) + scope + unknown  # the resource comes last
    part += b"\x0a\x00" + b"\x0a" + bytes([len(resource)]) + resource
    body = b"\x0a" + bytes([len(part) & 0x7F | 0x80, len(part) >> 7]) + part + unknown
    assert read(body, match={"service.name": "support"}).texts == read(spans(WHOLE)).texts


def test_an_export_of_nothing() -> None:
    assert read(b"").texts == ()
    assert read(b"{}", kind="json").counts == {}
