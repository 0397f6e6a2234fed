"""Classes and chats from records and from training data, and their redaction on the way to the store."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Page, Text, Turn
from driftwatch.intake.chats import MOST_TURNS, turns_of
from driftwatch.intake.http import HttpReader, HttpSettings
from driftwatch.intake.pipeline import Pipeline
from driftwatch.intake.records import Accepted, Records, Rejected
from driftwatch.intake.redact import Redactor, RedactSettings
from driftwatch.intake.sampler import HashSampler, SampleSettings
from driftwatch.intake.training import read_training
from driftwatch.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ASKED = {"role": "user", "content": "Is my card fine?"}
ANSWERED = {"role": "assistant", "content": "It is."}
CHAT = (Turn(role="user", content="Is my card fine?"), Turn(role="assistant", content="It is."))


def read(record: object, **paths: str) -> Text | str:
    found = Records(**paths).record(record, place="here", now=NOW)  # type: ignore[arg-type]
    return found.text if isinstance(found, Accepted) else found.reason


@pytest.mark.parametrize(
    ("value", "word"),
    [("spam", "spam"), (3, "3"), (True, "true"), (None, None), ("", None), (["a"], None), ("x" * 501, None)],
)
def test_a_class_is_a_word(value: object, word: str | None) -> None:
    found = read({"text": "hi", "meta": {"label": value}}, target="meta.label")
    assert isinstance(found, Text)
    assert found.target == word


def test_a_chat_comes_whole_and_its_last_message_is_watched() -> None:
    found = read({"messages": [ASKED, ANSWERED]}, turns="messages")
    assert found == Text(id="here", body="It is.", seen_at=NOW, turns=CHAT)
    first = read({"messages": [ASKED, ANSWERED]}, turns="messages", body="messages[0].content")
    assert isinstance(first, Text)
    assert (first.body, first.turns) == ("Is my card fine?", CHAT)


NO_CHATS: tuple[object, ...] = (
    "hi",
    [],
    {},
    7,
    ["hi"],
    [{"content": "hi"}],
    [{"role": "", "content": "hi"}],
    [{"role": "x" * 51, "content": "hi"}],
    [{"role": "user", "content": 7}],
    [{"role": "user", "content": ["hi"]}],
)


@pytest.mark.parametrize("chat", NO_CHATS)
def test_what_is_no_chat_is_left_out(chat: object) -> None:
    assert read({"messages": chat}, turns="messages") == "bad-turns"


def test_a_record_without_a_chat_is_a_plain_text() -> None:
    assert read({"text": "hi"}, turns="messages") == Text(id="here", body="hi", seen_at=NOW)


def test_parts_and_calls_of_tools() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:"}}, {"text": "b"}]
    call: dict[str, object] = {"role": "assistant", "content": None, "tool_calls": [{}]}
    assert turns_of([{"role": "user", "content": parts}, call]) == (
        Turn(role="user", content="ab"),
        Turn(role="assistant", content=""),
    )


def test_the_end_of_an_endless_chat_is_kept_and_messages_are_cut() -> None:
    chat = [{"role": "user", "content": f"{n:04}"} for n in range(MOST_TURNS + 3)]
    found = Records(turns="messages", max_bytes=3).record({"messages": chat}, place="here", now=NOW)
    assert isinstance(found, Accepted)
    assert len(found.text.turns) == MOST_TURNS
    assert found.text.turns[0].content == "000"
    assert found.text.body == "050"


def test_lone_surrogates_in_a_chat_are_no_text() -> None:
    record = {"messages": [{"role": "user", "content": "\ud800"}, ANSWERED]}
    assert Records(turns="messages").record(record, place="here", now=NOW) == Rejected("not-utf8")


def test_http_takes_chats_and_classes_and_says_what_is_wrong() -> None:
    settings = HttpSettings(turns="messages", target="label")
    body = json.dumps([{"messages": [ASKED, ANSWERED], "label": "fine"}, {"messages": "hi"}]).encode()
    kind = {"content_type": "application/json", "content_encoding": ""}
    batch = HttpReader(settings).read(body, now=NOW, **kind)
    assert [(text.body, text.target, text.turns) for text in batch.texts] == [("It is.", "fine", CHAT)]
    assert [(each.line, each.reason) for each in batch.rejected] == [(2, "bad-turns")]


def test_chats_are_redacted_and_texts_named_by_their_source(tmp_path: Path) -> None:
    class Clock:
        def now(self) -> datetime:
            return NOW

    store, lengths = open_store(tmp_path / "driftwatch.db", clock=Clock()), list[int]()
    pipeline = Pipeline(
        store,
        stream="s",
        source="log",
        redactor=Redactor(RedactSettings()),
        sampler=HashSampler(SampleSettings()),
        clock=Clock(),
        lengths=lengths.extend,
    )
    secret = Turn(role="user", content="I am ann@example.com")
    pipeline.take(Page(texts=(Text(id="a", body="It is.", seen_at=NOW, turns=(secret, CHAT[1])),), cursor=None))
    kept = store.texts.window("s", after_seq=0, limit=9)[0].text
    assert kept.turns == (Turn(role="user", content="I am <EMAIL>"), CHAT[1])
    assert (kept.body, kept.source) == ("It is.", "log")
    assert store.counts.intake()["s", "log", "redacted"] == 1
    assert lengths == [len("It is.")]
    store.close()


def test_training_data_carries_classes_and_chats(tmp_path: Path) -> None:
    from datasets import Dataset

    rows = [{"messages": [ASKED, ANSWERED], "label": 1}, {"messages": [ASKED], "label": 0}]
    lines = tmp_path / "a.jsonl"
    lines.write_text("\n".join(json.dumps(row) for row in rows))
    Dataset.from_list(rows).to_parquet(str(tmp_path / "b.parquet"))
    Dataset.from_list(rows).save_to_disk(str(tmp_path / "c"))
    for path in (lines, tmp_path / "b.parquet", tmp_path / "c"):
        found = list(read_training([path], target="label", turns="messages"))
        assert [(text.body, text.target, text.turns) for text in found] == [
            ("It is.", "1", CHAT),
            ("Is my card fine?", "0", CHAT[:1]),
        ], path
        asked = read_training([path], field="messages[0].content", turns="messages")
        assert {text.body for text in asked} == {"Is my card fine?"}


def test_csv_carries_classes(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("text,label\nhi,greeting\nho,\n")
    assert [text.target for text in read_training([table], field="text", target="label")] == ["greeting", None]


@pytest.mark.parametrize(
    ("name", "content", "fields", "what"),
    [
        ("a.jsonl", '{"text": "a"}', {"target": "label"}, 'there is no field "label"'),
        ("a.jsonl", '{"text": "a", "messages": "hi"}', {"turns": "messages"}, '"messages" is no chat'),
        ("a.csv", "text,messages\na,hi\n", {"turns": "messages"}, '"messages" is no chat'),
        ("a.txt", "one\ntwo\n", {"target": "label"}, 'plain text has no field "label" for its target'),
        ("a.txt", "one\ntwo\n", {"turns": "messages"}, 'plain text has no field "messages" for its turns'),
    ],
)
def test_training_data_without_them_is_refused(
    name: str, content: str, fields: dict[str, str], what: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(DataError) as raised:
        list(read_training([file], **fields))  # type: ignore[arg-type]
    assert what in raised.value.what
    assert str(file) in str(raised.value.where)
