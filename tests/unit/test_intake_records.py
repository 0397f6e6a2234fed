from __future__ import annotations

from datetime import UTC, datetime

import pytest

from driftwatch.domain.text import Text
from driftwatch.intake.fields import FieldPath
from driftwatch.intake.records import Accepted, Records, Rejected

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FULL = Records(
    body="messages[-1].content",
    id="id",
    time="at",
    group="user.session",
    labels={"lang": "lang"},
    max_bytes=10,
)
GOOD = b'{"id": 7, "at": 1767225600, "user": {"session": "s"}, "lang": "en", "messages": [{"content": "hi"}]}'


def test_every_field_is_found() -> None:
    read = FULL.json(GOOD, place="x", now=NOW)
    assert read == Accepted(Text(id="7", body="hi", seen_at=NOW, group="s", labels={"lang": "en"}), cut=False)


def test_a_record_without_an_id_is_known_by_its_place() -> None:
    read = Records().json(b'{"text": "hi"}', place="log:0:12", now=NOW)
    assert isinstance(read, Accepted)
    assert read.text.id == "log:0:12"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not-json"),
        (b'{"text": "a"} x', "not-json"),
        (b"[" * 100_000, "not-json"),
        (b'\xff{"text": "a"}', "not-utf8"),
        (b'{"text": "\xff"}', "not-utf8"),
        (b"[]", "not-an-object"),
        (b'"text"', "not-an-object"),
        (b"null", "not-an-object"),
        (b"{}", "no-body"),
        (b'{"text": null}', "no-body"),
        (b'{"text": 7}', "body-not-text"),
        (b'{"text": ["a"]}', "body-not-text"),
        (b'{"text": ""}', "empty"),
        (b'{"text": " \\n\\t"}', "empty"),
    ],
)
def test_what_is_no_text_is_named(line: bytes, reason: str) -> None:
    assert Records().json(line, place="x", now=NOW) == Rejected(reason)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"messages": [], "id": 1, "at": 0}, "no-body"),
        ({"messages": [{"content": "a"}], "at": 0}, "no-id"),
        ({"messages": [{"content": "a"}], "id": "x" * 501, "at": 0}, "bad-id"),
        ({"messages": [{"content": "a"}], "id": 1, "at": "yesterday"}, "bad-time"),
        ({"messages": [{"content": "a"}], "id": 1, "at": 1e300}, "bad-time"),
        ({"messages": [{"content": "a"}], "id": 1, "at": True}, "bad-time"),
    ],
)
def test_bad_fields_are_named(record: object, reason: str) -> None:
    assert FULL.record(record, place="x", now=NOW) == Rejected(reason)


@pytest.mark.parametrize("time", [{}, {"at": None}])
def test_a_time_that_is_not_there_is_told_from_one_that_cannot_be_read(time: dict[str, None]) -> None:
    record = {"messages": [{"content": "a"}], "id": 1, **time}
    assert FULL.record(record, place="x", now=NOW) == Rejected("bad-time", missing=True)


def test_long_groups_and_labels_are_cut() -> None:
    record = {"messages": [{"content": "a"}], "id": 1, "at": 0, "user": {"session": "s" * 600}, "lang": "l" * 200}
    read = FULL.record(record, place="x", now=NOW)
    assert isinstance(read, Accepted)
    assert (read.text.group, read.text.labels) == ("s" * 500, {"lang": "l" * 100})


def test_a_long_body_is_cut_between_characters() -> None:
    read = FULL.record({"messages": [{"content": "ééééééééé"}], "id": 1, "at": 0}, place="x", now=NOW)
    assert isinstance(read, Accepted)
    assert (read.text.body, read.cut) == ("ééééé", True)


@pytest.mark.parametrize("words", ["", ".a", "a..b", "a[", "a[x]", "a]b", "a b"])
def test_bad_field_paths_are_refused(words: str) -> None:
    with pytest.raises(ValueError, match="field path"):
        FieldPath.parse(words)
