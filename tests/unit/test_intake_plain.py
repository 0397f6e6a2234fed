"""The quick way of plain records makes of each what the long way makes of it, or leaves it to that."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwatch.domain.text import Text
from driftwatch.intake.http import HttpReader, HttpSettings
from driftwatch.intake.plain import Sifted, plain_of
from driftwatch.intake.record_fields import records_of
from driftwatch.intake.records import Accepted

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERYTHING = HttpSettings(
    time="at", group="user", labels={"lang": "lang", "app": "from"}, target="class", max_bytes=200
)
BARE = HttpSettings(id=None)

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=60),
    st.sampled_from(
        ["", "  ", "\n", "é" * 70, "x" * 501, "2026-03-01T10:00:00Z", "2026-03-01", "not a time", "2027-01-01"]
    ),
    st.sampled_from([1_770_000_000, 1_770_000_000_000, 4e11]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
names = st.sampled_from(["text", "id", "at", "user", "lang", "from", "class", "other"])
records = st.one_of(
    st.dictionaries(names, odd),
    st.fixed_dictionaries({"text": st.text(min_size=1, max_size=80), "id": st.text(min_size=1, max_size=9), "at": odd}),
    odd,
)


def _texts(sifted: Sifted) -> list[Text | None]:
    return [
        sifted.build(record, identity) if identity is not None else None
        for record, identity in zip(sifted.records, sifted.ids, strict=True)
    ]


@pytest.mark.parametrize("described", [EVERYTHING, BARE], ids=["everything", "bare"])
@given(many=st.lists(records, max_size=6))
@settings(max_examples=150, deadline=None)
def test_both_ways_make_the_same_of_a_record(described: HttpSettings, many: list[object]) -> None:
    lines = [json.dumps(record).encode() for record in many]
    plain, thorough = plain_of(described), records_of(described)
    assert plain is not None
    for number, text in enumerate(_texts(plain.lines(b"\n".join(lines), place="here:{}".format, now=NOW))):
        if text is not None:
            found = thorough.json(lines[number], place=f"here:{number}", now=NOW)
            assert found == Accepted(text, cut=False)


@given(many=st.lists(records, min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_an_array_is_read_as_its_lines_are(many: list[object]) -> None:
    plain = plain_of(EVERYTHING)
    assert plain is not None
    read = plain.array(json.dumps(many).encode(), place=str, now=NOW)
    lines = [json.dumps(record).encode() for record in many]
    if read is not None:
        assert _texts(read) == _texts(plain.lines(b"\n".join(lines), place=str, now=NOW))


def test_most_records_go_the_quick_way() -> None:
    plain = plain_of(EVERYTHING)
    assert plain is not None
    record = {"id": "7", "text": "Hello", "at": "2026-03-01T11:00:00Z", "user": 12, "lang": "en", "more": [1, {"a": 2}]}
    (text,) = _texts(plain.lines(msgspec.json.encode(record), place=str, now=NOW))
    assert text is not None
    assert (text.id, text.body, text.group, text.labels) == ("7", "Hello", "12", {"lang": "en"})
    assert text.seen_at == datetime(2026, 3, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "described",
    [
        HttpSettings(body="message.text"),
        HttpSettings(turns="messages"),
        HttpSettings(records="openai"),
        HttpSettings(body="text", group="text"),
    ],
)
def test_what_is_nested_or_named_twice_goes_the_long_way(described: HttpSettings) -> None:
    assert plain_of(described) is None


def test_bytes_that_are_no_text_are_refused_where_nobody_reads_them() -> None:
    bad = b'{"id": "1", "text": "a", "other": "\xff"}\n'
    kind = {"content_type": "application/x-ndjson", "content_encoding": "", "now": NOW}
    with pytest.raises(Exception, match="is not UTF-8"):
        HttpReader(HttpSettings()).read(bad, **kind)  # type: ignore[arg-type]


def test_odd_records_among_plain_ones_keep_their_lines() -> None:
    body = b'{"id": "1", "text": "a"}\n\n{"id": "2", "text": ""}\n{"text": "no id"}\n7\n{"id": "5", "text": "b"}'
    read = HttpReader(HttpSettings()).read(body, content_type="application/jsonl", content_encoding="", now=NOW)
    assert [text.body for text in read.texts] == ["a", "no id", "b"]
    assert [(each.line, each.reason) for each in read.rejected] == [(3, "empty"), (5, "not-an-object")]
    assert read.texts[1].id.startswith("h:")
