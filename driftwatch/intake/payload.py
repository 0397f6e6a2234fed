"""Messages of brokers: one record of JSON, an array of them, or one a line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from driftwatch.intake.records import Rejected

if TYPE_CHECKING:
    from driftwatch.intake.gathered import Gathered
    from driftwatch.intake.plain import Plain
    from driftwatch.intake.records import Records

_DECODER = msgspec.json.Decoder()
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_MS = 946_684_800_000  # of 2000; what is earlier is a number, not a time


def take_payload(
    records: Records, plain: Plain | None, payload: bytes, gathered: Gathered, *, place: str, now: datetime
) -> None:
    """Read every record of a message; the place of one among several has its number.

    Args:
        records: the long way, which knows every reason.
        plain: the quick way; None where records have none.
        payload: the message.
        gathered: where its texts go.
        place: makes the ids of records without one.
        now: for records without a time.
    """
    content = payload.strip()
    if not content:
        gathered.take(Rejected("empty"))
    elif content[:1] == b"[":
        _array(records, plain, content, gathered, place, now)
    elif b"\n" in content:
        gathered.take_lines(content, plain, records, place=lambda number: f"{place}:{number}", now=now)
    else:
        gathered.take(records.json(content, place=place, now=now))


def _array(
    records: Records, plain: Plain | None, content: bytes, gathered: Gathered, place: str, now: datetime
) -> None:
    sifted = plain.array(content, place=lambda number: f"{place}:{number}", now=now) if plain is not None else None
    if sifted is not None and not sifted.odd:
        gathered.add(sifted.part({}))
        return
    try:
        each = _DECODER.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        gathered.take(Rejected("not-json"))
        return
    for number, record in enumerate(each):
        gathered.take(records.record(record, place=f"{place}:{number}", now=now))


def written_at(milliseconds: int, now: datetime) -> datetime:
    """Return when a broker says that a message was written; now where it does not say, or says what cannot be."""
    if milliseconds < _EARLIEST_MS or milliseconds > (now - _BEGIN) // timedelta(milliseconds=1):
        return now
    return _BEGIN + timedelta(milliseconds=milliseconds)
