from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from driftwatch.domain.errors import DataError
from driftwatch.intake.training import read_training


def bodies(path: Path, field: str | None = None) -> list[str]:
    return [text.body for text in read_training([path], field=field)]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_every_form_is_read(tmp_path: Path) -> None:
    wanted = ["one", "two"]
    assert bodies(write(tmp_path / "a.jsonl", '{"text": "one"}\n\n{"text": "two"}\n')) == wanted
    assert bodies(write(tmp_path / "b.jsonl", '{"x": 1, "body": "one"}\n{"x": 2, "body": "two"}\n')) == wanted
    assert bodies(write(tmp_path / "c.jsonl", '"one"\n"two"\n')) == wanted
    assert bodies(write(tmp_path / "d.txt", "one\n\ntwo\n")) == wanted
    assert bodies(write(tmp_path / "e.txt", "one\ntwo\n")) == wanted
    assert bodies(write(tmp_path / "f.csv", 'id,text\n1,one\n2,"two"\n')) == wanted
    assert bodies(write(tmp_path / "g.tsv", "id\tquery\n1\tone\n2\ttwo\n"), "query") == wanted
    assert bodies(write(tmp_path / "i.csv", b'\xef\xbb\xbftext,id\r\n"one",1\r\n"two",2\r\n')) == wanted
    assert bodies(write(tmp_path / "j.csv", 'text\n"one\nmore"\n')) == ["one\nmore"]
    pq.write_table(pa.table({"id": [1, 2], "text": wanted}), tmp_path / "h.parquet")
    assert bodies(tmp_path / "h.parquet") == wanted


def test_a_saved_dataset_is_read(tmp_path: Path) -> None:
    from datasets import Dataset

    Dataset.from_dict({"text": ["one", "two"]}).save_to_disk(str(tmp_path / "saved"))
    assert bodies(tmp_path / "saved") == ["one", "two"]


def test_ids_are_those_of_the_bodies(tmp_path: Path) -> None:
    first = list(read_training([write(tmp_path / "a.txt", "one\ntwo\n")]))
    second = list(read_training([write(tmp_path / "b.jsonl", '{"text": "two"}\n{"text": "one"}\n')]))
    assert {text.id for text in first} == {text.id for text in second}


@pytest.mark.parametrize(
    ("name", "content", "field", "said"),
    [
        ("none.jsonl", None, None, "there is no such file"),
        ("a.docx", "text", None, "is no kind of training data"),
        ("a.jsonl", "", None, "the file is empty"),
        ("a.jsonl", b"\x00\x01\x02", None, "this is no text file"),
        ("a.jsonl", '{"text": "a"}\n{"text":\n', None, "a.jsonl:2: this is no JSON"),
        ("a.jsonl", "[1]\n", None, "a.jsonl:1: this is no JSON object"),
        ("a.jsonl", '{"text": 7}\n', None, 'a.jsonl:1: "text" is no text but int'),
        ("a.jsonl", '{"x": "a", "y": "b"}\n', None, "does not say which field is the text"),
        ("a.jsonl", '{"text": "a"}\n', "body", 'a.jsonl:1: there is no field "body"'),
        ("a.jsonl", b'{"text": "a"}\n{"text": "\xff"}\n', None, "a.jsonl:2: byte 11 is not UTF-8"),
        ("a.txt", b"one\ntwo\xff\n", None, "a.txt:2: byte 4 is not UTF-8"),
        ("a.csv", "x,y\n1,2\n", None, "a.csv:2: it does not say which field is the text"),
        ("a.csv", "id,text\n1\n", None, '"text" is no text but NoneType'),
        ("a.csv", "id,text\n1,a\n", "body", 'there is no field "body"'),
        ("a.parquet", "no parquet", None, "this is no Parquet file"),
    ],
)
def test_bad_training_data_is_told_with_its_place(
    tmp_path: Path, name: str, content: str | bytes | None, field: str | None, said: str
) -> None:
    if content is not None:
        write(tmp_path / name, content)
    with pytest.raises(DataError) as caught:
        bodies(tmp_path / name, field)
    assert said in str(caught.value)


def test_a_folder_that_datasets_did_not_save_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="was not saved by datasets"):
        bodies(tmp_path / "folder")


def test_times_are_read_where_a_field_names_them(tmp_path: Path) -> None:
    noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    seconds = int(noon.timestamp())
    lines = f'{{"text": "a", "at": "2026-11-02T12:00:00Z"}}\n{{"text": "b", "at": {seconds}}}\n'
    rows = f"text,at\na,2026-11-02T13:00:00+01:00\nb,{seconds}\n"
    pq.write_table(pa.table({"at": [noon, noon], "text": ["a", "b"]}), tmp_path / "c.parquet")
    paths = [write(tmp_path / "a.jsonl", lines), write(tmp_path / "b.csv", rows), tmp_path / "c.parquet"]
    texts = list(read_training(paths, field="text", time="at"))
    assert [text.body for text in texts] == ["a", "b"] * 3
    assert {text.seen_at for text in texts} == {noon}
    assert {text.seen_at for text in read_training(paths, field="text")} == {datetime(1970, 1, 1, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", '{"text": "a", "at": 1}\n{"text": "b", "at": "soon"}\n', 'a.jsonl:2: "at" is no time'),
        ("a.jsonl", '{"text": "a"}\n', 'a.jsonl:1: there is no field "at"'),
        ("a.csv", "text,at\na,\n", 'a.csv:2: "at" is no time'),
        ("a.txt", "a\nb\n", 'a.txt: plain text has no field "at"'),
    ],
)
def test_bad_times_are_said_with_their_place(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        list(read_training([write(tmp_path / name, content)], field="text" if name != "a.txt" else None, time="at"))
    assert said in str(caught.value)
    assert caught.value.cure
