"""Texts chosen from files, piece by piece, are those that are chosen of all in memory."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from training_files import fields, lines, records, saved_gathered, saved_whole

from driftwatch.domain.errors import DataError
from driftwatch.gathering import LocalEngine, Search, gather
from driftwatch.gathering import spill as spilling
from driftwatch.intake.pieces import cut
from driftwatch.intake.training import read_piece
from driftwatch.intake.training_records import TrainingFields

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def told_in(told: list[tuple[int, int]]) -> Callable[[int, int], None]:
    return lambda done, total: told.append((done, total))


@pytest.mark.parametrize("groups", [False, True], ids=["alone", "in groups"])
@pytest.mark.parametrize("sample", [600, 20_000])
@pytest.mark.parametrize("piece_bytes", [3_000, 1_000_000])
def test_pieces_give_what_the_whole_gives(tmp_path: Path, *, groups: bool, sample: int, piece_bytes: int) -> None:
    data = [
        lines(tmp_path / "a.jsonl", records(first=0, count=900, groups=groups)),
        lines(tmp_path / "b.jsonl", records(first=800, count=300, groups=groups)),
    ]
    heldout = [lines(tmp_path / "c.jsonl", records(first=1_000, count=300, groups=groups))]
    search = Search(
        data=data, heldout=heldout, fields=fields(groups=groups), seed=7, sample=sample, piece_bytes=piece_bytes
    )
    whole = saved_whole(search, tmp_path / "whole")
    assert saved_gathered(search, tmp_path / "gathered", LocalEngine()) == whole
    assert len(json.loads(whole["texts.json"])["heldout"]) == 200  # a third is known


def test_what_does_not_fit_into_memory_lies_in_files_without_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spilling, "_IN_MEMORY", 16)
    data = [lines(tmp_path / "a.jsonl", records(first=0, count=900, groups=True))]
    search = Search(data=data, heldout=(), fields=fields(groups=True), seed=7, sample=700, piece_bytes=5_000)
    assert saved_gathered(search, tmp_path / "gathered", LocalEngine()) == saved_whole(search, tmp_path / "whole")
    assert len(list((tmp_path / "gathered").iterdir())) == 1


def test_progress_reaches_its_end(tmp_path: Path) -> None:
    data = [lines(tmp_path / "a.jsonl", records(first=0, count=600, groups=True))]
    for groups in (False, True):
        told: list[tuple[int, int]] = []
        search = Search(data=data, heldout=data, fields=fields(groups=groups), seed=7, sample=700, piece_bytes=20_000)
        gather(search, LocalEngine(), folder=tmp_path, on_read=told_in(told))
        assert len(told) > 10
        assert told == sorted(told)
        assert told[-1][0] == told[-1][1] == (4 if groups else 3) * data[0].stat().st_size


@pytest.mark.parametrize("piece_bytes", [1, 7, 64, 1_000, 10_000_000])
def test_every_line_is_in_one_piece(tmp_path: Path, piece_bytes: int) -> None:
    rows = ['{"text": "one"}', "", '{"text": "zwei äöü"}', '{"text": "three"}' + " " * 90, '"four"']
    for name, content in {
        "unix": "\n".join(rows) + "\n",
        "open": "\n".join(rows),
        "dos": "\ufeff" + "\r\n".join(rows),
    }.items():
        path = tmp_path / f"{name}.jsonl"
        path.write_bytes(content.encode())
        pieces = cut([path], piece_bytes=piece_bytes)
        found = [text.body for piece in pieces for text in read_piece(piece, TrainingFields())]
        assert found == ["one", "zwei äöü", "three", "four"]
        assert sum(piece.weight for piece in pieces) == path.stat().st_size


def test_rows_of_tables_and_folders_are_in_one_piece(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    wanted = [f"text {row}" for row in range(1_000)]
    pq.write_table(pa.table({"text": wanted}), tmp_path / "a.parquet", row_group_size=70)
    parts = {"a": Dataset.from_dict({"text": wanted[:333]}), "b": Dataset.from_dict({"text": wanted[333:]})}
    DatasetDict(parts).save_to_disk(str(tmp_path / "saved"))
    for path in (tmp_path / "a.parquet", tmp_path / "saved"):
        pieces = cut([path], piece_bytes=300, piece_rows=70)
        assert len(pieces) > 5
        assert [text.body for piece in pieces for text in read_piece(piece, TrainingFields())] == wanted


def test_other_files_stay_whole(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("w") as stream:
        csv.writer(stream).writerows([["text"], *([f"line\n{row}"] for row in range(100))])
    (tmp_path / "a.txt").write_text("one\ntwo\n\nthree\n")
    for name, wanted in {"a.csv": [f"line\n{row}" for row in range(100)], "a.txt": ["one two", "three"]}.items():
        (piece,) = cut([tmp_path / name], piece_bytes=10)
        assert [text.body for text in read_piece(piece, TrainingFields())] == wanted


def test_what_is_wrong_is_told_with_its_line_in_the_file(tmp_path: Path) -> None:
    good = ['{"text": "fine"}'] * 40
    for bad, said in {
        "[1]": "no JSON object",
        '{"text": 7}': "no text but int",
        '{"x": 1, "y": 2}': "which field",
    }.items():
        path = tmp_path / "a.jsonl"
        path.write_text("\n".join([*good, bad, *good]))
        for piece_bytes in range(15, 40):
            with pytest.raises(DataError, match=said) as caught:
                [list(read_piece(piece, TrainingFields())) for piece in cut([path], piece_bytes=piece_bytes)]
            assert caught.value.where == f"{path}:41"


def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", records(first=0, count=600, groups=False))
    pieces = cut([path], piece_bytes=1_000)
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(DataError, match="has changed, or is another one on this host"):
        list(read_piece(pieces[0], TrainingFields()))


def test_a_missing_file_is_told_before_anything_is_read(tmp_path: Path) -> None:
    data = [lines(tmp_path / "a.jsonl", records(first=0, count=600, groups=False)), tmp_path / "none.jsonl"]
    search = Search(data=data, heldout=(), fields=TrainingFields(), seed=7, sample=700, piece_bytes=9_000)
    with pytest.raises(DataError, match="no such file"):
        gather(search, LocalEngine(), folder=tmp_path, on_read=lambda *_: pytest.fail("it was read"))
