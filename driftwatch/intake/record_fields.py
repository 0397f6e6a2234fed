"""How a source's settings describe its records, the same for every kind of source."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - pydantic reads the annotations of settings
from dataclasses import dataclass, field
from typing import ClassVar

from driftwatch.intake.records import MOST_BYTES, Form, Records, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFields:
    """What every source says of its records; the settings of each kind of source add where they come from.

    Args:
        body: field path of the text.
        id: field path of the text's id.
        time: field path of its time.
        group: field path of its session or author.
        labels: names of attributes and the field paths of their values.
        target: field path of the class that would be right, for a classifier; not the one that the model gave.
        turns: field path of a chat, a list of messages with role and content; ``body`` is what is watched of it, by
            default its last message.
        records: ``fields`` for records that the field paths describe, ``openai`` for logged requests to a model.
        watch: of such a request: what was asked (``prompt``) or what was answered (``completion``).
        max_bytes: longer bodies are cut.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    body: str = "text"
    id: str | None = None
    time: str | None = None
    group: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    turns: str | None = None
    records: Form = "fields"
    watch: Watch = "prompt"
    max_bytes: int = MOST_BYTES

    def __post_init__(self) -> None:
        records_of(self)


def records_of(settings: RecordFields) -> Records:
    """Return the reader of records that the settings describe.

    Raises:
        ValueError: a field path is none, or does not go with the form.
    """
    if settings.max_bytes < 1:
        raise ValueError("max_bytes must be at least 1")
    if settings.records != "fields" and (settings.body != "text" or settings.turns is not None):
        raise ValueError('with records = "openai" leave out body and turns: watch says which end is the text')
    if settings.records == "fields" and settings.watch != "prompt":
        raise ValueError('watch goes with records = "openai"; body names the text of other records')
    return Records(
        body=settings.body,
        id=settings.id,
        time=settings.time,
        group=settings.group,
        labels=settings.labels,
        target=settings.target,
        turns=settings.turns,
        max_bytes=settings.max_bytes,
        form=settings.records,
        watch=settings.watch,
    )


def roots(settings: RecordFields) -> dict[str, bool]:
    """Return the records' own fields that are read, and whether each may hold more than plain text."""
    from driftwatch.intake.fields import FieldPath

    paths = [settings.body, settings.turns, settings.id, settings.time, settings.group, settings.target]
    paths += settings.labels.values()
    found: dict[str, bool] = {}
    for path in paths:
        if path:
            steps = FieldPath.parse(path).steps
            nested = len(steps) > 1 or path == settings.turns
            found[str(steps[0])] = found.get(str(steps[0]), False) or nested
    return found
