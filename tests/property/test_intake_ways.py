"""Hostile lines come out alike, whichever way they are read and however many of them are kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from driftwatch.intake.bodies import BatchError
from driftwatch.intake.file import FileSettings, FileSource
from driftwatch.intake.gathered import Gathered
from driftwatch.intake.http import HttpReader, HttpSettings
from driftwatch.intake.payload import take_payload
from driftwatch.intake.plain import plain_of
from driftwatch.intake.record_fields import records_of
from driftwatch.intake.sampler import HashSampler, SampleSettings
from driftwatch.intake.tap import Line, TapReader, TapSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.domain.text import Text

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAMPLER = HashSampler(SampleSettings(rate=0.5))
FIELDS = {"time": "at", "group": "user", "labels": {"lang": "lang"}, "target": "class", "max_bytes": 200}
KINDS = [
    pytest.param(HttpSettings(**FIELDS), id="everything"),  # type: ignore[arg-type]
    pytest.param(HttpSettings(), id="with ids"),
    pytest.param(HttpSettings(id=None), id="without ids"),
]

plain_records = st.fixed_dictionaries(
    {
        "id": st.one_of(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6), st.integers(0, 99)),
        "text": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
        "at": st.sampled_from(["2026-03-01T11:00:00Z", "2026-03-01T12:00:00+01:00", "2026-02-01", 1_770_000_000]),
    },
    optional={"user": st.integers(0, 9), "lang": st.sampled_from(["en", "", None]), "more": st.just([{"a": {}}])},
)
odd_values: st.SearchStrategy[object] = st.one_of(
    st.sampled_from([None, True, 0, 1.5, 10**30, [], {}]),
    st.sampled_from(["", " ", "\n", "\u00a0", "\u0085", "é" * 70, "x" * 201, "x" * 501, "2027-01-01"]),
)
odd_records = st.dictionaries(st.sampled_from(["id", "text", "at", "user", "lang", "class"]), odd_values)
fragments = st.sampled_from(
    [
        b"",
        b" ",
        b"\r",
        b"\xff",
        b"7",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b"}",
        b'{"id": "1", "text": "a"} {"id": "2", "text": "b", "at": 1}',
        b'{"id":"1","at":1,"text":"a"}{"id":"2","text":"b"}',
        b'{"id": "3",',
        b'"text": "c", "at": 1770000000}',
        b'{"more":',
        b'{}, "id": "4", "text": "d", "at": 1770000000}',
        b'{"id": "5", "text": "e"}\r',
        b' {"id": "6", "text": "f", "at": 1770000000} ',
        b'{"id": "7", "text": "\\ud800", "at": 1770000000}',
        b'{"id": "8", "text": "g", "other": "\xff", "at": 1770000000}',
        b'{"id": "9", "text": "h", "id": "10", "at": 1770000000}',
        b'{"id": "11", "text": "\\u0000", "at": 1770000000}',
        b'{"id": "12", "text": "} {", "at": 1770000000}',
        b'{"id": "13", "text": "i", "at": "2026-03-01T13:00:00.000001Z"}',
        b'{"id": "14", "text": "j", "at": "2026-03-01T13:00:00Z"}',
    ]
)
lines_of_records = st.one_of(plain_records, plain_records, odd_records).map(lambda record: json.dumps(record).encode())
many_lines = st.one_of(
    st.lists(plain_records.map(lambda record: json.dumps(record).encode()), max_size=8),
    st.lists(st.one_of(lines_of_records, lines_of_records, fragments), max_size=8),
)
T = TypeVar("T")
SPREAD_AND_TWO = [b'{"more":', b'{}, "id": "4", "text": "d"}', b'{"id":"1","text":"a"}{"id":"2","text":"b"}']


class Still:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW


def without_quick_way(reader: T) -> T:
    """Return the reader with the long way alone."""
    reader._plain = None  # type: ignore[attr-defined]
    return reader


def decided_one_by_one(texts: Sequence[Text]) -> list[Text]:
    return [text for text in texts if SAMPLER.keep(text)]


def told(gathered: Gathered) -> tuple[list[Text], dict[str, int]]:
    page = gathered.page(None, more=False)
    return list(page.texts), dict(page.rejected)


@pytest.mark.parametrize("described", KINDS)
@given(lines=many_lines)
@example(lines=SPREAD_AND_TWO)
@settings(max_examples=300, deadline=None)
def test_lines_come_out_as_one_by_one(described: HttpSettings, lines: list[bytes]) -> None:
    records, plain = records_of(described), plain_of(described)
    assert plain is not None
    quick, slow = Gathered(), Gathered()
    quick.take_lines(b"\n".join(lines), plain, records, place="here:{}".format, now=NOW)
    for number, line in enumerate(lines):
        if line.strip():
            slow.take(records.json(line, place=f"here:{number}", now=NOW))
    assert told(quick) == told(slow)
    kept = SAMPLER.kept(quick.page(None, more=False).texts)
    assert list(kept) == decided_one_by_one(slow.texts)
    assert len(kept) == len(list(kept))


@pytest.mark.parametrize("described", KINDS)
@given(lines=many_lines, whole=st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_request_comes_out_alike(described: HttpSettings, lines: list[bytes], whole: bool) -> None:
    body = b"[" + b",".join(lines) + b"]" if whole else b"\n".join(lines)
    kind = "application/json" if whole else "application/jsonl"

    def read(reader: HttpReader) -> object:
        try:
            batch = reader.read(body, content_type=kind, content_encoding="", now=NOW)
        except BatchError as error:
            return (error.status, error.line, error.detail)
        return list(batch.texts), batch.rejected, batch.counts, list(SAMPLER.kept(batch.texts))

    assert read(HttpReader(described)) == read(without_quick_way(HttpReader(described)))


@pytest.mark.parametrize("described", KINDS)
@given(lines=many_lines, array=st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_message_of_a_broker_comes_out_alike(described: HttpSettings, lines: list[bytes], array: bool) -> None:
    payload = b"[" + b",".join(lines) + b"]" if array else b"\n".join(lines)
    quick, slow = Gathered(), Gathered()
    for gathered, plain in ((quick, plain_of(described)), (slow, None)):
        take_payload(records_of(described), plain, payload, gathered, place="topic:0", now=NOW)
        take_payload(records_of(described), plain, b'{"id": "z", "text": "between"}', gathered, place="t:1", now=NOW)
    assert told(quick) == told(slow)


@given(lines=many_lines, limit=st.integers(1, 5))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_comes_out_alike_page_by_page(tmp_path: Path, lines: list[bytes], limit: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    described = FileSettings(path=path, format="jsonl", time="at", max_bytes=200)
    quick = FileSource(described, clock=Still())
    slow = without_quick_way(FileSource(described, clock=Still()))
    cursor, more = None, True
    while more:
        page, other = quick.read(cursor, limit=limit), slow.read(cursor, limit=limit)
        assert (list(page.texts), page.rejected, page.cursor, page.more) == (
            list(other.texts),
            other.rejected,
            other.cursor,
            other.more,
        )
        cursor, more = page.cursor or cursor, page.more


@given(lines=many_lines, too_long=st.booleans())
@settings(max_examples=100, deadline=None)
def test_piped_lines_come_out_alike(lines: list[bytes], too_long: bool) -> None:
    batch = [Line(number, line) for number, line in enumerate(lines, 1)]
    batch += [Line(len(lines) + 1, None)] if too_long else []
    described = TapSettings(format="jsonl", time="at", max_bytes=200)
    quick, slow = TapReader(described, clock=Still()), without_quick_way(TapReader(described, clock=Still()))
    assert told(quick.read(batch)) == told(slow.read(batch))


def test_what_lies_an_hour_ahead_is_the_last_that_is_believed() -> None:
    plain = plain_of(HttpSettings(time="at"))
    assert plain is not None
    at = (NOW + timedelta(hours=1)).isoformat()
    sifted = plain.lines(json.dumps({"id": "1", "text": "a", "at": at}).encode(), place=str, now=NOW)
    assert not sifted.odd
