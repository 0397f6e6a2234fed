"""Records of JSON whose fields all stand at their top, read into a struct made for them: the quick way for most.

Whatever is out of the ordinary in a record, it goes the long way (``Records``), which knows every reason why not; so
the two ways never differ in what they make of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from driftwatch.domain.text import Text
from driftwatch.intake.fields import FieldPath
from driftwatch.intake.records import (
    AHEAD,
    LONGEST_CHARACTER,
    LONGEST_ID,
    LONGEST_LABEL,
    LONGEST_TARGET,
    moment,
    word_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from driftwatch.intake.record_fields import RecordFields


def plain_of(settings: RecordFields) -> Plain | None:
    """Return the quick way of a source's records; None where their fields do not all stand at the top."""
    paths = [settings.body, settings.id, settings.time, settings.group, settings.target, *settings.labels.values()]
    named = [FieldPath.parse(path).steps for path in paths if path]
    top = [steps[0] for steps in named if len(steps) == 1]
    if settings.records != "fields" or settings.turns is not None or len(top) < len(named):
        return None
    return Plain(settings) if len({*top}) == len(top) else None


class Plain:
    """Reads plain records.

    Args:
        settings: whose field paths are names.
    """

    def __init__(self, settings: RecordFields) -> None:
        fields = {"body": settings.body, "id": settings.id, "time": settings.time}
        fields |= {"group": settings.group, "target": settings.target}
        self._labels = {f"label{number}": name for number, name in enumerate(settings.labels)}
        fields |= dict(zip(self._labels, settings.labels.values(), strict=True))
        names = {field: str(FieldPath.parse(path).steps[0]) for field, path in fields.items() if path}
        kinds = {"body": str | None, "id": str | int | None}
        # Of what is not asked for, the struct has a default alone, under a name that no record has.
        self._struct = msgspec.defstruct(
            "Record",
            [(field, kinds.get(field, Any), None) for field in names],
            rename=names,
            namespace={field: None for field in fields if field not in names},
        )
        self._one = msgspec.json.Decoder(self._struct)
        self._many = msgspec.json.Decoder(list[self._struct])  # type: ignore[name-defined]
        self._has_id, self._has_time = settings.id is not None, settings.time is not None
        self._extra = settings.group is not None or settings.target is not None or bool(self._labels)
        self._longest = settings.max_bytes // LONGEST_CHARACTER

    def lines(self, lines: Sequence[bytes], *, place: Callable[[int], str], now: datetime) -> list[Text | None]:
        """Return the text of each line; None where only the long way tells what it is.

        Args:
            lines: each a record, valid UTF-8.
            place: makes the id of a record without one, of the line's number among these.
            now: for records without a time.
        """
        decode, read = self._one.decode, self._text
        found: list[Text | None] = []
        for number, line in enumerate(lines):
            try:
                record = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                found.append(None)
            else:
                found.append(read(record, number, place, now))
        return found

    def array(self, content: bytes, *, place: Callable[[int], str], now: datetime) -> list[Text | None] | None:
        """Return likewise of an array of records; None where it is none of plain ones."""
        try:
            records = self._many.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return [self._text(record, number, place, now) for number, record in enumerate(records)]

    def _text(self, record: Any, number: int, place: Callable[[int], str], now: datetime) -> Text | None:  # noqa: ANN401 - a struct made at run time
        body = record.body
        if not body or len(body) > self._longest or body.isspace():
            return None
        identity = record.id if self._has_id else place(number)
        if type(identity) is not str:
            identity = word_of(identity)
        if not identity or len(identity) > LONGEST_ID:
            return None
        seen_at = now
        if self._has_time:
            told = moment(record.time)
            if told is None or told - now > AHEAD:
                return None
            seen_at = told
        if not self._extra:
            return Text(id=identity, body=body, seen_at=seen_at)
        group, target = word_of(record.group), word_of(record.target)
        return Text(
            id=identity,
            body=body,
            seen_at=seen_at,
            group=group[:LONGEST_ID] if group is not None else None,
            labels=self._words(record),
            target=target if target is not None and len(target) <= LONGEST_TARGET else None,
        )

    def _words(self, record: Any) -> Mapping[str, str]:  # noqa: ANN401 - likewise
        words = ((name, word_of(getattr(record, field))) for field, name in self._labels.items())
        return {name: word[:LONGEST_LABEL] for name, word in words if word is not None}
