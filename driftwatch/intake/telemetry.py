"""Spans and log records of an export of OTLP, however they were encoded."""

from __future__ import annotations

from dataclasses import dataclass, field

from driftwatch.intake.wire import Allowance

MOST = 100_000
"""Spans or log records of an export."""

DEEPEST = 32
"""Lists within lists; what is deeper is left out."""

_MOST_VALUES = 1_000_000


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


def allowed_values() -> Allowance:
    """Return how many attributes, elements of lists and events an export may have; a resource's count for each span.

    An exporter sends 512 spans at once and a collector 8,192, each with some dozens.
    """
    return Allowance(_MOST_VALUES, "attributes and values")
