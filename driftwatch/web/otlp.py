"""Traces and logs of OpenTelemetry over HTTP, answered as OTLP asks: 200 once durable, ``Status`` bodies for problems.

Source: OTLP specification 1.9, "OTLP/HTTP response".
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, Protocol

from driftwatch.domain.rights import Right
from driftwatch.web.door import Door
from driftwatch.web.exchange import ProblemError, Request, Response, as_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from driftwatch.web.caller import Caller
    from driftwatch.web.limits import WebSettings

Signal = Literal["traces", "logs"]
SIGNALS: tuple[Signal, ...] = ("traces", "logs")
PROTOBUF = "application/x-protobuf"
_JSON = "application/json"
_CODES = {
    HTTPStatus.BAD_REQUEST: 3,
    HTTPStatus.UNAUTHORIZED: 16,
    HTTPStatus.FORBIDDEN: 7,
    HTTPStatus.NOT_FOUND: 5,
    HTTPStatus.TOO_MANY_REQUESTS: 8,
    HTTPStatus.SERVICE_UNAVAILABLE: 14,
}
_UNKNOWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpReceipt:
    """What became of an export.

    Args:
        rejected: spans or log records that should have been texts and are none.
        message: why, or what the sender should know though nothing was rejected; empty for nothing.
    """

    rejected: int = 0
    message: str = ""


class OtlpIntake(Protocol):
    """Takes the exports of one stream in."""

    def take_signal(self, signal: Signal, body: bytes, *, content_type: str, content_encoding: str) -> OtlpReceipt:
        """Parse and store a body in one transaction; called in a worker thread.

        Raises:
            ProblemError: the body cannot be used as it is.
            StoreUnavailableError: the store cannot take it now; nothing was stored.
        """
        ...

    def backlog(self) -> int:
        """Return the stream's texts not yet assessed."""
        ...


@dataclass(frozen=True, slots=True)
class _OneSignal:
    """An intake as a door knows it."""

    signal: Signal
    intake: OtlpIntake

    def take(self, body: bytes, *, content_type: str, content_encoding: str) -> OtlpReceipt:
        return self.intake.take_signal(self.signal, body, content_type=content_type, content_encoding=content_encoding)

    def backlog(self) -> int:
        return self.intake.backlog()


class OtlpDoor:
    """Handles the exports of one signal.

    Args:
        signal: ``traces`` or ``logs``.
        intake: by stream.
        settings: limits.
        now: monotonic seconds.
        admit: says whether a request may send to a stream.
    """

    def __init__(
        self,
        signal: Signal,
        intake: Mapping[str, OtlpIntake],
        settings: WebSettings,
        *,
        now: Callable[[], float],
        admit: Callable[[Request, Right | None, str | None], Awaitable[Caller]],
    ) -> None:
        self.signal = signal
        self._streams, self._admit = tuple(intake), admit
        self._door: Door[OtlpReceipt] = Door(
            signal,
            {stream: _OneSignal(signal, each) for stream, each in intake.items()},
            settings,
            now=now,
            answer=lambda receipt: _success(signal, [receipt], PROTOBUF),
            content_types=(PROTOBUF, _JSON),
        )

    async def __call__(self, request: Request, stream: str) -> Response:
        """Take an export into one stream."""
        return await self._answered(request, [stream])

    async def for_all(self, request: Request) -> Response:
        """Take an export into every stream that the sender may send to; each keeps what its source asks for."""
        try:
            streams = await self._allowed(request)
        except ProblemError as problem:
            return _failure(problem, _kind(request))
        return await self._answered(request, streams)

    def close(self) -> None:
        """Let go of the threads after the requests they work on."""
        self._door.close()

    async def _allowed(self, request: Request) -> list[str]:
        refused: ProblemError | None = None
        allowed = []
        for stream in self._streams:
            try:
                await self._admit(request, Right.TEXTS, stream)
                allowed.append(stream)
            except ProblemError as problem:
                refused = problem
        if not allowed:
            raise refused or ProblemError(
                HTTPStatus.NOT_FOUND, "No stream", 'no stream has a source with type = "otlp"'
            )
        return allowed

    async def _answered(self, request: Request, streams: Sequence[str]) -> Response:
        kind = _kind(request)
        try:
            receipts = await self._door.receive(request, streams)
        except ProblemError as problem:
            return _failure(problem, kind)
        return _success(self.signal, receipts, kind)


def _kind(request: Request) -> str:
    """Return the content type of the answer: that of the request, protobuf for what is neither."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return _JSON if given == _JSON else PROTOBUF


def _success(signal: Signal, receipts: Sequence[OtlpReceipt], kind: str) -> Response:
    rejected = sum(receipt.rejected for receipt in receipts)
    message = "; ".join(dict.fromkeys(receipt.message for receipt in receipts if receipt.message))
    if kind == _JSON:
        named = "rejectedSpans" if signal == "traces" else "rejectedLogRecords"
        partial = {named: str(rejected), "errorMessage": message} if rejected or message else None
        return as_json({"partialSuccess": partial} if partial else {})
    return Response(body=_protobuf(signal, rejected, message), content_type=PROTOBUF)


def _protobuf(signal: Signal, rejected: int, message: str) -> bytes:
    if not rejected and not message:
        return b""
    if signal == "traces":
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

        traces = ExportTraceServiceResponse()
        traces.partial_success.rejected_spans = rejected
        traces.partial_success.error_message = message
        return bytes(traces.SerializeToString())
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

    logs = ExportLogsServiceResponse()
    logs.partial_success.rejected_log_records = rejected
    logs.partial_success.error_message = message
    return bytes(logs.SerializeToString())


def _failure(problem: ProblemError, kind: str) -> Response:
    """Return a problem as ``google.rpc.Status``, with the problem's own status and headers."""
    plain = problem.response()
    said = f"{problem.title}: {problem.args[0]}"
    code = _CODES.get(problem.status, _UNKNOWN)
    if kind == _JSON:
        answer = as_json({"code": code, "message": said}, status=problem.status)
        return Response(status=answer.status, body=answer.body, content_type=_JSON, headers=plain.headers)
    return Response(status=problem.status, body=_status(code, said), content_type=PROTOBUF, headers=plain.headers)


def _status(code: int, message: str) -> bytes:
    """Encode ``google.rpc.Status``: its two fields are not worth a package."""
    content = message.encode()
    length, rest = bytearray(), len(content)
    while rest >= 1 << 7:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([0x08, code, 0x12, *length, rest]) + content
