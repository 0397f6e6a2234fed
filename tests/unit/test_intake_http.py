from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pytest

from driftwatch.intake.bodies import BatchError
from driftwatch.intake.http import Batch, HttpReader, HttpSettings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JSON = "application/json; charset=utf-8"
LINES = "application/x-ndjson"


def parse(body: bytes, kind: str = JSON, encoding: str = "") -> Batch:
    return HttpReader(HttpSettings()).read(body, content_type=kind, content_encoding=encoding, now=NOW)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"id": "1", "text": "a"}', JSON),
        (b'[{"id": "1", "text": "a"}]', JSON),
        (b'{"texts": [{"id": "1", "text": "a"}]}', JSON),
        (b'{"id": "1", "text": "a"}\n\n', LINES),
    ],
)
def test_every_form_is_read(body: bytes, kind: str) -> None:
    assert [(text.id, text.body) for text in parse(body, kind).texts] == [("1", "a")]
    assert parse(gzip.compress(body), kind, "gzip").texts == parse(body, kind).texts


def test_gzip_in_several_members_is_read_whole() -> None:
    body = b"".join(gzip.compress(b'{"text": "%d"}\n' % number) for number in range(3))
    assert [text.body for text in parse(body, LINES, "gzip").texts] == ["0", "1", "2"]


def test_a_record_without_an_id_is_the_same_text_again() -> None:
    first, second = parse(b'{"text": "a"}').texts[0].id, parse(b'{ "text":"a" }').texts[0].id
    assert first == second
    assert first != parse(b'{"text": "b"}').texts[0].id


def test_bad_records_are_named_and_the_rest_is_taken() -> None:
    batch = parse(b'{"text": "a"}\n{"words": "b"}\n{"text": 7}\n', LINES)
    assert len(batch.texts) == 1
    assert [(each.line, each.reason) for each in batch.rejected] == [(2, "no-body"), (3, "body-not-text")]
    assert batch.counts == {"no-body": 1, "body-not-text": 1}


@pytest.mark.parametrize(
    ("body", "kind", "encoding", "status", "detail", "line"),
    [
        (b"", JSON, "", 400, "truncated", None),
        (b"{", JSON, "", 400, "truncated", None),
        (b'{"text": "a"}{', JSON, "", 400, "trailing", None),
        (b'{"text": "a"}\n{"text"', LINES, "", 400, "truncated", 2),
        (b'\xff{"text": "a"}', JSON, "", 400, "byte 0", None),
        (b'{"text": "a"}\n{"text": "\xff"}', LINES, "", 400, "UTF-8", 2),
        (b"[" * 100_000, JSON, "", 400, "", None),
        (b"[]", JSON, "", 422, "no record", None),
        (b"\n\n", LINES, "", 422, "no record", None),
        (b"7", JSON, "", 422, "no JSON object", 1),
        (b'[{"text": ""}]', JSON, "", 422, "empty", 1),
        (b'{"body": "a"}', JSON, "", 422, 'no "text"', 1),
        (b'{"text": {"a": 1}}', JSON, "", 422, "no string", 1),
        (b'{"id": "' + b"x" * 501 + b'", "text": "a"}', JSON, "", 422, "longer than 500", 1),
        (b'{"text": "\\ud800"}', JSON, "", 400, r"\ud800 is half a character", None),
        (b'{"text": "a \\uD83D cut emoji"}', JSON, "", 400, r"\uD83D is half a character", None),
        (b'{"text": "\\\\ud800 spelt out", ', JSON, "", 400, "truncated", None),
        (b'{"text": "a whole \\ud83d\\ude00 and no end', JSON, "", 400, "truncated", None),
        (b"a=b", "application/x-www-form-urlencoded", "", 415, "application/json", None),
        (b"{}", "", "", 415, "nothing", None),
        (b"{}", JSON, "br", 415, '"br"', None),
        (b'{"id": {}, "text": "a"}', JSON, "", 422, 'no "id"', 1),
        (b"no gzip", JSON, "gzip", 400, "unpacked", None),
        (b"", JSON, "gzip", 400, "truncated", None),
        (gzip.compress(b'{"text": "a"}') + b"rest", JSON, "gzip", 400, "unpacked", None),
        (gzip.compress(b'{"text": "a"}')[:-9], JSON, "gzip", 400, "middle", None),
        (gzip.compress(b" " * (65 * 1024 * 1024)), JSON, "gzip", 413, "unpacks to more", None),
    ],
)
def test_a_bad_body_is_told_why(
    body: bytes, kind: str, encoding: str, status: int, detail: str, line: int | None
) -> None:
    with pytest.raises(BatchError) as caught:
        parse(body, kind, encoding)
    assert caught.value.status == status
    assert detail in caught.value.detail
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("time", "said"),
    [("", 'bad-time: there is no "at" in it; send the time as'), (', "at": "soon"', 'bad-time: "at" is no time')],
)
def test_a_time_that_is_missing_is_told_from_one_that_is_none(time: str, said: str) -> None:
    reader = HttpReader(HttpSettings(time="at"))
    with pytest.raises(BatchError) as caught:
        reader.read(b'{"text": "a"%s}' % time.encode(), content_type=JSON, content_encoding="", now=NOW)
    assert said in caught.value.detail
    both = b'{"text": "a", "at": 0}\n{"text": "b"%s}' % time.encode()
    assert reader.read(both, content_type=LINES, content_encoding="", now=NOW).counts == {"bad-time": 1}


def test_a_thousand_texts_at_once() -> None:
    body = json.dumps([{"id": str(number), "text": "a"} for number in range(1_000)]).encode()
    assert len(parse(body).texts) == 1_000
