"""Prompts and completions in OpenTelemetry's traces and logs: settings, and from an export's body to texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import ClassVar, Literal

from driftwatch.domain.text import Text
from driftwatch.intake.bodies import BatchError, unpacked
from driftwatch.intake.exchange import Exchange
from driftwatch.intake.gathered import Gathered
from driftwatch.intake.genai import told_by
from driftwatch.intake.otlp_json import telemetry_of_json
from driftwatch.intake.otlp_protobuf import telemetry_of_protobuf
from driftwatch.intake.records import MOST_BYTES, Records, Rejected, Watch, word_of
from driftwatch.intake.telemetry import MOST, Telemetry
from driftwatch.intake.wire import Allowance, TooMuchError

_MOST_UNPACKED = 16 * 1024 * 1024  # a message in memory is several times as large as on the wire
_HARMLESS = ("no-body", "cut", "clock-ahead", "no-genai", "not-matched", "other-operation")


@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpSettings:
    """Prompts or completions in traces and logs that are sent to ``/v1/traces`` and ``/v1/logs``.

    Args:
        type: ``otlp``.
        watch: what is watched: what was asked (``prompt``) or what was answered (``completion``).
        match: attributes of the resource, span or log record, and the values that they must have, such as
            ``"service.name" = "support"``; without any, everything is taken.
        operations: values of ``gen_ai.operation.name`` that are taken; spans of agents and tools repeat what the
            calls of models below them hold.
        group: attribute of the session or author; without one the conversation, session or user, or else the trace.
        labels: names of labels and the attributes of their values.
        target: attribute of the class that would be right, for a classifier.
        max_bytes: longer bodies are cut.
        name: of the source.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    type: Literal["otlp"] = "otlp"
    watch: Watch = "prompt"
    match: Mapping[str, str] = field(default_factory=dict)
    operations: tuple[str, ...] = ("chat", "text_completion", "generate_content")
    group: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    max_bytes: int = MOST_BYTES
    name: str = "otlp"

    def __post_init__(self) -> None:
        if self.max_bytes < 1:
            raise ValueError("max_bytes must be at least 1")
        _records(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export held.

    Args:
        texts: in order.
        counts: what became of the rest, by reason.
    """

    texts: tuple[Text, ...]
    counts: Mapping[str, int]

    @property
    def rejected(self) -> int:
        """Spans or records that should have been texts and are none."""
        return sum(count for reason, count in self.counts.items() if reason not in _HARMLESS)

    @property
    def message(self) -> str:
        """What the sender should know; empty for nothing."""
        said = [f"{count} {reason}" for reason, count in self.counts.items() if reason not in _HARMLESS]
        if (silent := self.counts.get("no-body", 0)) and not self.texts:
            said.append(
                f"{silent} without content: let the instrumentation capture messages, such as by "
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
            )
        return ", ".join(said)


def parse_export(
    signal: Literal["traces", "logs"],
    body: bytes,
    *,
    content_type: str,
    content_encoding: str,
    settings: OtlpSettings,
    now: datetime,
) -> Exported:
    """Read a body.

    Raises:
        BatchError: 400 for what is no such message, 413 for what unpacks to too much, 415 for another coding.
    """
    content = unpacked(body, content_encoding, most=_MOST_UNPACKED)
    is_json = content_type.partition(";")[0].strip().lower() == "application/json"
    try:
        found = telemetry_of_json(signal, content) if is_json else telemetry_of_protobuf(signal, content)
        taken, counts = _taken(found, settings)
    except TooMuchError as error:
        raise BatchError(413, "Too large", f"{error}; send fewer spans or records at once") from None
    except ValueError as error:
        raise BatchError(400, "Not OTLP", f"the body is no export of {signal}: {error}") from None
    return _exported(taken, counts, settings, now)


def _taken(found: Iterable[Telemetry], settings: OtlpSettings) -> tuple[list[Telemetry], Counter[str]]:
    taken: list[Telemetry] = []
    counts, allowance = Counter[str](), Allowance(MOST, "spans or records")
    for each in found:
        allowance.take()
        if (reason := _left_out(each, settings)) is None:
            taken.append(each)
        else:
            counts[reason] += 1
    return taken, counts


def _exported(taken: list[Telemetry], counts: Counter[str], settings: OtlpSettings, now: datetime) -> Exported:
    reader, gathered = _records(settings), Gathered()
    for told in told_by(taken):
        if told is None:
            gathered.take(Rejected("bad-turns"))
        else:
            gathered.take(reader.exchange(told, place=told.id or _place(told), now=now))
    return Exported(texts=tuple(gathered.texts), counts=+(gathered.rejected + counts))


def _left_out(found: Telemetry, settings: OtlpSettings) -> str | None:
    if not found.genai:
        return "no-genai"
    if any(word_of(found.attributes.get(name)) != value for name, value in settings.match.items()):
        return "not-matched"
    operation = found.attributes.get("gen_ai.operation.name")
    return None if operation is None or operation in settings.operations else "other-operation"


def _place(told: Exchange) -> str:
    """Return an id for what has none: the same export again is the same text."""
    content = "\0".join(f"{turn.role}\0{turn.content}" for turn in told.turns).encode("utf-8", "surrogatepass")
    return f"h:{blake2b(content, digest_size=16).hexdigest()}"


def _records(settings: OtlpSettings) -> Records:
    """Return the reader of exchanges; attributes' names have dots in them, so each is a path of one step."""
    return Records(
        group=_path(settings.group),
        target=_path(settings.target),
        labels={name: f'["{attribute}"]' for name, attribute in settings.labels.items()},
        max_bytes=settings.max_bytes,
        form="openai",
        watch=settings.watch,
    )


def _path(attribute: str | None) -> str | None:
    return f'["{attribute}"]' if attribute is not None else None
