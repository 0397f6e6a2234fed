"""Records of JSON whose fields all stand at their top, read into a struct made for them: the quick way for most.

Many are decoded and checked at once, and no text is built before somebody wants it. Whatever is out of the ordinary in
a record, it goes the long way (``Records``), which knows every reason why not; so the two ways never differ in what
they make of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec

from driftwatch.domain.text import Text
from driftwatch.intake.drafts import Part
from driftwatch.intake.fields import FieldPath
from driftwatch.intake.lines import a_record_a_line
from driftwatch.intake.records import (
    AHEAD,
    LONGEST_CHARACTER,
    LONGEST_ID,
    LONGEST_LABEL,
    LONGEST_TARGET,
    is_utf8,
    moment,
    word_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from driftwatch.intake.record_fields import RecordFields

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ID = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]


def plain_of(settings: RecordFields) -> Plain | None:
    """Return the quick way of a source's records; None where their fields do not all stand at the top."""
    paths = [settings.body, settings.id, settings.time, settings.group, settings.target, *settings.labels.values()]
    named = [FieldPath.parse(path).steps for path in paths if path]
    top = [steps[0] for steps in named if len(steps) == 1]
    if settings.records != "fields" or settings.turns is not None or len(top) < len(named):
        return None
    return Plain(settings) if len({*top}) == len(top) else None


@dataclass(frozen=True, slots=True)
class Sifted:
    """What the quick way made of records.

    Args:
        ids: of each, None where only the long way tells what it is.
        records: each as it was decoded.
        build: makes the text of a record and its id.
        seen_at: returns the records' times; None where texts may have more than id, body and time.
        odd: places of those that go the long way.
    """

    ids: Sequence[str | None]
    records: Sequence[Any]
    build: Callable[[Any, str], Text]
    seen_at: Callable[[Sequence[Any]], Iterable[datetime]] | None
    odd: Sequence[int] = ()

    def part(self, resolved: Mapping[int, Text]) -> Part:
        """Return the texts with those in their places that the long way made; the other odd ones are left out."""
        if not self.odd:
            return Part(cast("Sequence[str]", self.ids), self.records, self.build, self.seen_at)
        ids, records = [], []
        for place, (identity, record) in enumerate(zip(self.ids, self.records, strict=True)):
            if identity is not None:
                ids.append(identity)
                records.append(record)
            elif place in resolved:
                ids.append(resolved[place].id)
                records.append(resolved[place])
        return Part(ids, records, partial(_built, self.build))


def _built(build: Callable[[Any, str], Text], record: Any, identity: str) -> Text:  # noqa: ANN401 - a struct made at run time, or a text
    return record if type(record) is Text else build(record, identity)


class Plain:
    """Reads plain records.

    Args:
        settings: whose field paths are names.
    """

    def __init__(self, settings: RecordFields) -> None:
        self._labels = {f"label{number}": name for number, name in enumerate(settings.labels)}
        self._longest = settings.max_bytes // LONGEST_CHARACTER
        self._has_id, self._has_time = settings.id is not None, settings.time is not None
        self._extra = settings.group is not None or settings.target is not None or bool(self._labels)
        body = Annotated[str, msgspec.Meta(min_length=1, max_length=self._longest)]
        # What most records are, checked while they are decoded; and what may be made of the others.
        strict, lenient = self._struct(settings, body, _ID), self._struct(settings, str | None, str | int | None)
        self._strict, self._lenient = msgspec.json.Decoder(strict), msgspec.json.Decoder(lenient)
        self._strict_array = msgspec.json.Decoder(list[strict])  # type: ignore[valid-type]
        self._lenient_array = msgspec.json.Decoder(list[lenient])  # type: ignore[valid-type]

    def _struct(self, settings: RecordFields, body: Any, identity: Any) -> type[msgspec.Struct]:  # noqa: ANN401 - kinds
        paths = {"body": settings.body, "id": settings.id, "time": settings.time}
        paths |= {"group": settings.group, "target": settings.target}
        paths |= dict(zip(self._labels, settings.labels.values(), strict=True))
        names = {name: str(FieldPath.parse(path).steps[0]) for name, path in paths.items() if path}
        kinds = {"body": body, "id": identity}
        needed = [(name, kinds[name]) for name in ("body", "id") if name in names]
        # Of what is not asked for, the struct has a default alone, under a name that no record has.
        return msgspec.defstruct(
            "Record",
            [*needed, *((name, Any, None) for name in names if name not in kinds)],
            rename=names,
            namespace={name: None for name in paths if name not in names},
            gc=False,
        )

    def lines(self, content: bytes, *, place: Callable[[int], str], now: datetime) -> Sifted:
        """Return what records are, one a line.

        Args:
            content: lines with line feeds between them, and none after the last.
            place: makes the id of a record without one, of its line's number among these.
            now: for records without a time.
        """
        count = a_record_a_line(content)
        if count is not None and is_utf8(content):
            try:
                return self._most(self._strict.decode_lines(content), place, now, count)
            except _UNREADABLE:
                pass
        return self._each(content.split(b"\n"), place, now)

    def array(self, content: bytes, *, place: Callable[[int], str], now: datetime) -> Sifted | None:
        """Return likewise of an array of records; None where it is none of plain ones."""
        if not is_utf8(content):
            return None
        try:
            return self._most(self._strict_array.decode(content), place, now, None)
        except _UNREADABLE:
            pass
        try:
            return self._careful(self._lenient_array.decode(content), place, now)
        except _UNREADABLE:
            return None

    def _most(self, records: list[Any], place: Callable[[int], str], now: datetime, count: int | None) -> Sifted:
        """Return what records are that passed every check of a decoder; those of bodies and times are made here.

        Raises:
            msgspec.DecodeError: they are not as many as they have to be.
        """
        if count is not None and len(records) != count:
            raise msgspec.DecodeError
        ids: list[str]
        if self._has_id:
            ids = [record.id for record in records if not record.body.isspace()]
        else:
            ids = [place(number) for number, record in enumerate(records) if not record.body.isspace()]
            if ids and max(map(len, ids)) > LONGEST_ID:
                return self._careful(records, place, now)
        if len(ids) < len(records) or (self._has_time and not _timed(records, now)):
            return self._careful(records, place, now)
        return self._sifted(ids, records, now)

    def _each(self, lines: Sequence[bytes], place: Callable[[int], str], now: datetime) -> Sifted:
        decode = self._lenient.decode
        records: list[Any] = []
        for line in lines:
            try:
                records.append(decode(line) if is_utf8(line) else None)
            except _UNREADABLE:
                records.append(None)
        return self._careful(records, place, now)

    def _careful(self, records: list[Any], place: Callable[[int], str], now: datetime) -> Sifted:
        ids = [
            self._identity(record, number, place, now) if record is not None else None
            for number, record in enumerate(records)
        ]
        odd = [number for number, identity in enumerate(ids) if identity is None]
        return self._sifted(ids, records, now, odd)

    def _sifted(
        self, ids: Sequence[str | None], records: Sequence[Any], now: datetime, odd: Sequence[int] = ()
    ) -> Sifted:
        times = _own_times if self._has_time else partial(_one_time, now)
        return Sifted(ids, records, partial(self._text, now), None if self._extra else times, odd)

    def _identity(self, record: Any, number: int, place: Callable[[int], str], now: datetime) -> str | None:  # noqa: ANN401 - a struct made at run time
        """Return a record's id; None where it goes the long way."""
        body = record.body
        if not body or len(body) > self._longest or body.isspace():
            return None
        identity = word_of(record.id) if self._has_id else place(number)
        if not identity or len(identity) > LONGEST_ID or (self._has_time and not _timed([record], now)):
            return None
        return identity

    def _text(self, now: datetime, record: Any, identity: str) -> Text:  # noqa: ANN401 - likewise
        seen_at = record.time if self._has_time else now
        if not self._extra:
            return Text(id=identity, body=record.body, seen_at=seen_at)
        group, target = word_of(record.group), word_of(record.target)
        return Text(
            id=identity,
            body=record.body,
            seen_at=seen_at,
            group=group[:LONGEST_ID] if group is not None else None,
            labels=self._words(record),
            target=target if target is not None and len(target) <= LONGEST_TARGET else None,
        )

    def _words(self, record: Any) -> Mapping[str, str]:  # noqa: ANN401 - likewise
        words = ((name, word_of(getattr(record, place))) for place, name in self._labels.items())
        return {name: word[:LONGEST_LABEL] for name, word in words if word is not None}


def _own_times(records: Sequence[Any]) -> Iterable[datetime]:
    return [record.time for record in records]


def _one_time(now: datetime, records: Sequence[Any]) -> Iterable[datetime]:
    return repeat(now, len(records))


def _timed(records: Sequence[Any], now: datetime) -> bool:
    """Read the records' times in their place; whether all are times, and none lies ahead of ours."""
    latest = now + AHEAD
    for record in records:
        record.time = told = moment(record.time)
        if told is None or told > latest:
            return False
    return True
