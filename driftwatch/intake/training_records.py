"""What a record of training data says: its text, and its time, class, chat and group where fields name them."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Text, Turn
from driftwatch.intake.chats import turns_of
from driftwatch.intake.fields import FieldPath
from driftwatch.intake.records import moment, word_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_USUAL = ("text", "body", "content", "sentence", "prompt", "message")
_WHEN = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFields:
    """Names of fields or columns, or paths into them such as ``messages[0].content``.

    Args:
        text: of the text; None to take the last message of its chat, or else the only usual one.
        time: of its time: ISO 8601, or seconds or milliseconds since 1970; None where it has none.
        target: of its class; None where it has none.
        turns: of its chat, a list of messages with role and content; None where it has none.
        group: of its session or author; None where it has none.
    """

    text: str | None = None
    time: str | None = None
    target: str | None = None
    turns: str | None = None
    group: str | None = None


def text_of(
    body: str,
    seen_at: datetime,
    target: str | None = None,
    turns: tuple[Turn, ...] = (),
    group: str | None = None,
) -> Text:
    """Return a text, whose id is the hash of its body."""
    digest = hashlib.blake2b(body.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return Text(id=f"t:{digest}", body=body, seen_at=seen_at, target=target, turns=turns, group=group)


def columns_of(columns: dict[str, Any], fields: TrainingFields, where: str) -> list[str]:
    """Return the names of the columns that are read.

    Raises:
        DataError: one is not there, or none is named and several may be the text's.
    """
    text = [] if fields.text is None and fields.turns is not None else [_field_of(columns, fields.text, where)]
    wanted = (fields.time, fields.target, fields.turns, fields.group)
    more = [_field_of(columns, each, where) for each in wanted if each is not None]
    return list(dict.fromkeys(FieldPath.root(columns, name) for name in (*text, *more)))


def texts_of_rows(rows: Sequence[dict[str, Any]], fields: TrainingFields, path: Path, *, first: int) -> Iterator[Text]:
    """Yield the texts of rows, the number of the first being told where something is wrong."""
    for place, row in enumerate(rows):
        yield text_of_record(row, fields, f"{path}:{first + place}", cure="name the text's column")


def text_of_record(
    record: dict[str, Any], fields: TrainingFields, where: str, *, cure: str = "name the text's field"
) -> Text:
    """Return the text of a record.

    Raises:
        DataError: it has no such field, or something else stands there.
    """
    turns = _chat(record, fields.turns, where)
    if fields.text is None and turns:
        body = turns[-1].content
    else:
        name = _field_of(record, fields.text, where)
        body = _string(_found(record, name), name, where, cure)
    seen_at = _WHEN
    if fields.time is not None:
        seen_at = _when(_found(record, _field_of(record, fields.time, where)), fields.time, where)
    target, group = (
        None if name is None else word_of(_found(record, _field_of(record, name, where)))
        for name in (fields.target, fields.group)
    )
    return text_of(body, seen_at, target, turns, group)


def _chat(record: dict[str, Any], name: str | None, where: str) -> tuple[Turn, ...]:
    if name is None:
        return ()
    turns = turns_of(_found(record, _field_of(record, name, where)))
    if turns is None:
        raise DataError(
            f'"{name}" is no chat',
            where=where,
            cure='write a list of messages such as [{"role": "user", "content": "…"}]',
        )
    return turns


def _found(record: dict[str, Any], name: str) -> object:
    return record[name] if name in record else FieldPath.parse(name).find(record)


def _string(value: object, name: str, where: str, cure: str) -> str:
    if not isinstance(value, str):
        raise DataError(f'"{name}" is no text but {type(value).__name__}', where=where, cure=cure)
    return value


def _when(value: object, name: str, where: str) -> datetime:
    """Return a text's time; CSV gives seconds since 1970 as text, Parquet times as such."""
    if isinstance(value, datetime):
        value = value.isoformat()
    elif isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    found = moment(value)
    if found is None:
        raise DataError(
            f'"{name}" is no time: {value!r:.60}',
            where=where,
            cure="write times like 2026-11-02T12:00:00Z, or as seconds since 1970",
        )
    return found


def untimed(fields: TrainingFields, where: str) -> datetime:
    """Return the time of plain text, which is unknown; more than its words it cannot give."""
    given = (("time", fields.time), ("target", fields.target), ("turns", fields.turns), ("group", fields.group))
    for kind, name in given:
        if name is not None:
            raise DataError(
                f'plain text has no field "{name}" for its {kind}',
                where=where,
                cure=f"give JSON Lines, CSV or Parquet, or leave out {kind} in the stream's reference",
            )
    return _WHEN


def _field_of(record: dict[str, Any], field: str | None, where: str) -> str:
    if field is not None:
        if field in record or FieldPath.root(record, field) in record:
            return field
        known = ", ".join(sorted(record)[:10])
        raise DataError(f'there is no field "{field}"', where=where, cure=f"fields here: {known}")
    usual = [name for name in _USUAL if name in record]
    if usual:
        return usual[0]
    if len(record) == 1:
        return next(iter(record))
    raise DataError(
        "it does not say which field is the text", where=where, cure='set field = "…" in the stream\'s reference'
    )
