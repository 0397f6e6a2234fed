"""Folders as they are in life: late files, files written anew, bombs, broken ones, buckets that do not answer."""

from __future__ import annotations

import gzip
import importlib
import json
import os
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import fsspec
import pytest
from source_places import Striding

from driftwatch.domain.errors import ConfigError, DataError
from driftwatch.domain.text import Cursor
from driftwatch.intake.folder import FolderSettings, FolderSource

LATER = 1_767_000_000


def source(url: Path | str, **settings: object) -> FolderSource:
    return FolderSource(
        FolderSettings(url=str(url), every=timedelta(), **settings),  # type: ignore[arg-type]
        clock=Striding(),
        environ={"KEY": "hunter2"},
    )


def drain(
    from_: FolderSource, cursor: Cursor | None = None, limit: int = 3
) -> tuple[list[str], Cursor | None, dict[str, int]]:
    bodies: list[str] = []
    rejected: dict[str, int] = {}
    while True:
        page = from_.read(cursor, limit=limit)
        bodies += [text.body for text in page.texts]
        for reason, count in page.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + count
        cursor = page.cursor or cursor
        if not page.more:
            from_.close()
            return bodies, cursor, rejected


def lines(*bodies: str) -> bytes:
    return "".join(json.dumps({"text": body}) + "\n" for body in bodies).encode()


def write(file: Path, content: bytes, at: int = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (LATER + at, LATER + at))


def test_by_the_time_they_were_written_and_below_each_other(tmp_path: Path) -> None:
    write(tmp_path / "b.jsonl", lines("1", "2"), 1)
    write(tmp_path / "a" / "day=1" / "x.jsonl", lines("3"), 2)
    write(tmp_path / "a.json", lines("4"), 3)
    for other in ("_SUCCESS", ".half.jsonl", "_temporary/part.jsonl", "readme.txt", "table.csv"):
        write(tmp_path / other, lines("no"), 0)
    assert drain(source(tmp_path))[0] == ["1", "2", "3", "4"]
    assert drain(source(tmp_path, files="a/*"))[0] == ["3"]
    assert drain(source(tmp_path, files="*.json"))[0] == ["4"]


def test_a_file_that_turns_up_late(tmp_path: Path) -> None:
    write(tmp_path / "2.jsonl", lines("two"), 7_200)
    bodies, cursor, _ = drain(source(tmp_path))
    write(tmp_path / "1.jsonl", lines("one, late"), 7_200 - 3_000)
    write(tmp_path / "0.jsonl", lines("zero, too late"), 0)
    more, cursor, _ = drain(source(tmp_path), cursor)
    assert (bodies, more) == (["two"], ["one, late"])
    assert drain(source(tmp_path), cursor)[0] == []


def test_a_file_written_anew_is_read_anew_and_its_old_rows_keep_their_ids(tmp_path: Path) -> None:
    write(tmp_path / "1.jsonl", lines("a", "b"))
    reading = source(tmp_path)
    first = reading.read(None, limit=9)
    write(tmp_path / "1.jsonl", lines("a", "B", "c"), 5)
    again = reading.read(first.cursor, limit=9)
    assert [text.body for text in again.texts] == ["a", "B", "c"]
    assert again.texts[0].id == first.texts[0].id
    assert again.texts[1].id != first.texts[1].id
    reading.close()


def test_a_file_that_vanishes_half_read(tmp_path: Path) -> None:
    write(tmp_path / "1.jsonl", lines("a", "b"))
    write(tmp_path / "2.jsonl", lines("c"), 1)
    cursor = source(tmp_path).read(None, limit=1).cursor
    (tmp_path / "1.jsonl").unlink()
    assert drain(source(tmp_path), cursor)[0] == ["c"]


def test_a_bomb_is_left_out_and_the_rest_goes_on(tmp_path: Path) -> None:
    zeros = bytes(4 * 1024 * 1024)
    with gzip.open(tmp_path / "1.jsonl.gz", "wb", compresslevel=9) as bomb:
        for _ in range(80):
            bomb.write(zeros)
    os.utime(tmp_path / "1.jsonl.gz", (LATER, LATER))
    write(tmp_path / "2.jsonl", lines("good"), 1)
    bodies, _, rejected = drain(source(tmp_path))
    assert bodies == ["good"]
    assert rejected == {"unpacks-too-much": 1}


def test_broken_files_are_counted_and_their_whole_rows_taken(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(lines(os.urandom(500).hex()) for _ in range(3_000)))
    write(tmp_path / "1.jsonl.gz", packed[: len(packed) // 2])
    write(tmp_path / "2.jsonl.gz", b"no gzip at all", 1)
    write(tmp_path / "3.jsonl.zst", b"nor zstd", 2)
    write(tmp_path / "4.parquet", b"nor parquet", 3)
    write(tmp_path / "5.jsonl", b"\xff\n" + b"x" * 9_000_000 + b"\n" + lines("good"), 4)
    bodies, _, rejected = drain(source(tmp_path), limit=1_000)
    assert 100 < len(bodies) < 3_000
    assert bodies[-1] == "good"
    assert rejected == {"unreadable-file": 4, "not-utf8": 1, "line-too-long": 1}


def test_parquet_whose_end_is_garbage_or_cut_off(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    write_table(pa.table({"text": ["a"] * 5_000}), tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    write(tmp_path / "1.parquet", b"PAR1" + b"\xff" * 5_000 + struct.pack("<I", 5_000) + b"PAR1")
    write(tmp_path / "2.parquet", whole[: len(whole) // 2], 1)
    write(tmp_path / "3.parquet", whole[:4] + b"\xff" * (len(whole) - 500) + whole[-496:], 2)
    write(tmp_path / "4.jsonl", lines("good"), 3)
    bodies, _, rejected = drain(source(tmp_path))
    assert bodies == ["good"]
    assert rejected == {"unreadable-file": 3}


def test_a_row_of_parquet_that_is_no_utf8(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    words = pa.array([b"a", b"\xff\xfe", b"c"], pa.binary()).view(pa.string())
    write_table(pa.table({"text": words}), tmp_path / "1.parquet")
    bodies, _, rejected = drain(source(tmp_path))
    assert (bodies, rejected) == (["a", "c"], {"not-utf8": 1})


@contextmanager
def as_nobody() -> Iterator[None]:
    """Let files have their rights: root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that another user reaches."""
    with tempfile.TemporaryDirectory(prefix="driftwatch-folder-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_what_may_not_be_read_waits_and_the_rest_goes_on(open_folder: Path) -> None:
    write(open_folder / "1.jsonl", lines("shut"))
    write(open_folder / "below" / "2.jsonl", lines("in a folder that is shut"), 1)
    write(open_folder / "3.jsonl", lines("open"), 2)
    (open_folder / "1.jsonl").chmod(0)
    (open_folder / "below").chmod(0)
    reading = source(open_folder)
    try:
        with as_nobody():
            page = reading.read(None, limit=9)
            assert [text.body for text in page.texts] == ["open"]
            with pytest.raises(DataError, match="Permission denied; the same goes for 1 more") as caught:
                reading.read(page.cursor, limit=9)
        assert caught.value.retryable
        assert caught.value.where in (str(open_folder / "1.jsonl"), str(open_folder / "below"))
    finally:
        (open_folder / "below").chmod(0o755)
    write(open_folder / "4.jsonl", lines("later"), 3_601)
    with as_nobody():
        page = reading.read(page.cursor, limit=9)
    assert [text.body for text in page.texts] == ["in a folder that is shut", "later"]
    assert page.rejected == {"unreadable-file": 1}, "older than `late` by now: it is not read any more, and counted"
    (open_folder / "1.jsonl").chmod(0o644)
    assert drain(reading, page.cursor)[0] == []


def test_a_file_that_is_let_in_again_is_read(open_folder: Path) -> None:
    write(open_folder / "1.jsonl", lines("shut"))
    (open_folder / "1.jsonl").chmod(0)
    reading = source(open_folder)
    with as_nobody(), pytest.raises(DataError, match="Permission denied") as caught:
        reading.read(None, limit=9)
    assert caught.value.where == str(open_folder / "1.jsonl")
    (open_folder / "1.jsonl").chmod(0o644)
    with as_nobody():
        assert drain(reading)[0] == ["shut"]


def test_a_folder_that_is_shut(open_folder: Path) -> None:
    write(open_folder / "below" / "1.jsonl", lines("shut"))
    (open_folder / "below").chmod(0)
    try:
        with as_nobody(), pytest.raises(DataError, match="Permission denied"):
            source(open_folder / "below").read(None, limit=9)
    finally:
        (open_folder / "below").chmod(0o755)


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    write(tmp_path / "1.jsonl", lines(*(f"old {number}" for number in range(1_000))))
    write(tmp_path / "2.jsonl", lines("next"), 1)
    reading = source(tmp_path)
    page = reading.read(None, limit=500)
    write(tmp_path / "1.jsonl", lines("new"), 2)
    bodies, _, rejected = drain(reading, page.cursor, limit=500)
    assert bodies[-2:] == ["next", "new"]
    assert rejected.keys() <= {"not-json"}  # where it was cut in the middle of a line


def test_columns_and_a_schema_that_changes(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    chat = [[{"role": "user", "content": "Hi"}], [{"role": "user", "content": "Ho"}]]
    write_table(pa.table({"text": ["a", "b"], "chat": chat, "at": [1, 2]}), tmp_path / "1.parquet")
    write_table(pa.table({"body": ["c"]}), tmp_path / "2.parquet")
    write_table(pa.table({"text": [7], "at": [3]}), tmp_path / "3.parquet")
    for at, file in enumerate(sorted(tmp_path.iterdir())):
        os.utime(file, (LATER + at, LATER + at))
    reading = source(tmp_path, turns="chat", time="at")
    page = reading.read(None, limit=9)
    assert [(text.body, text.turns[0].content, text.seen_at.second) for text in page.texts] == [
        ("a", "Hi", 1),
        ("b", "Ho", 2),
    ]
    assert page.rejected == {"no-column": 1, "body-not-text": 1}
    reading.close()


def test_a_filesystem_in_memory() -> None:
    system = fsspec.filesystem("memory")
    system.pipe("/bucket/texts/1.jsonl", lines("a"))
    try:
        assert drain(source("memory://bucket/texts"))[0] == ["a"]
    finally:
        system.rm("/bucket", recursive=True)


def test_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    reading = source(tmp_path / "later")
    with pytest.raises(DataError, match="there is no such folder") as caught:
        reading.read(None, limit=1)
    assert caught.value.retryable
    write(tmp_path / "later" / "1.jsonl", lines("a"))
    assert drain(reading)[0] == ["a"]


def test_a_missing_package_and_a_missing_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = importlib.import_module("fsspec.registry")._registry  # what was imported before
    for name in ("s3", "s3a"):
        monkeypatch.delitem(known, name, raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ConfigError) as caught:
        source("s3://bucket/texts")
    assert caught.value.cure == 'pip install "driftwatchd[s3]"'
    with pytest.raises(ConfigError, match="no such filesystem"):
        source("nonsense://bucket")
    with pytest.raises(ConfigError, match="missing or empty"):
        source(tmp_path, secrets={"secret": "env:NONE"})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"url": "s3://me:secret@bucket"}, "stands in the URL"),
        ({"options": {"secret": "hunter2"}}, "belongs into secrets"),
        ({"secrets": {"secret": "hunter2"}}, "a secret is named"),
        ({"late": timedelta(-1)}, "not be negative"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        FolderSettings(**{"url": "/tmp/x", **settings})  # type: ignore[arg-type]
    assert "hunter2" not in str(caught.value)
