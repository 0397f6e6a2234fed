"""How a source's settings describe its records, the same for every kind of source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from driftwatch.intake.records import Form, Records, Watch

if TYPE_CHECKING:
    from collections.abc import Mapping


class RecordFields(Protocol):
    """The settings of a source that say what its records look like."""

    @property
    def records(self) -> Form:
        """How records are written."""
        ...

    @property
    def watch(self) -> Watch:
        """Which end of an exchange is the text."""
        ...

    @property
    def body(self) -> str:
        """Field path of the text."""
        ...

    @property
    def id(self) -> str | None:
        """Field path of its id."""
        ...

    @property
    def time(self) -> str | None:
        """Field path of its time."""
        ...

    @property
    def group(self) -> str | None:
        """Field path of its session or author."""
        ...

    @property
    def labels(self) -> Mapping[str, str]:
        """Field paths of its attributes by name."""
        ...

    @property
    def target(self) -> str | None:
        """Field path of the class that would be right."""
        ...

    @property
    def turns(self) -> str | None:
        """Field path of its chat."""
        ...

    @property
    def max_bytes(self) -> int:
        """Longer bodies are cut."""
        ...


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
