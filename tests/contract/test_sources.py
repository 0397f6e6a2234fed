"""What every source promises: order, resume from any cursor, at most ``limit``, nothing lost and nothing twice."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Cursor
from driftwatch.intake.file import FileSettings, FileSource


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, 12, tzinfo=UTC)


def source(path: Path, **more: object) -> FileSource:
    return FileSource(FileSettings(path=path, **more), clock=Noon())  # type: ignore[arg-type]


def drain(
    from_: FileSource, cursor: Cursor | None = None, limit: int = 3
) -> tuple[list[str], Cursor | None, dict[str, int]]:
    """Read to the end, keeping the cursor as a daemon would."""
    bodies: list[str] = []
    rejected: dict[str, int] = {}
    while True:
        page = from_.read(cursor, limit=limit)
        assert len(page.texts) <= limit
        bodies += [text.body for text in page.texts]
        for reason, count in page.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + count
        cursor = page.cursor or cursor
        if not page.more:
            return bodies, cursor, rejected


def line(body: str) -> str:
    return json.dumps({"text": body}) + "\n"


def test_order_and_resume_from_every_cursor(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(line(f"t{number}") for number in range(10)))
    everything = [f"t{number}" for number in range(10)]
    assert drain(source(log))[0] == everything
    cursor = None
    for number in range(10):
        page = source(log).read(cursor, limit=1)
        assert [text.body for text in page.texts] == [f"t{number}"]
        cursor = page.cursor
        assert drain(source(log), cursor)[0] == everything[number + 1 :]


def test_ids_do_not_depend_on_the_inode(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "log").write_text(line("x") + line("y"))
    ids = [[text.id for text in source(tmp_path / name / "log").read(None, limit=9).texts] for name in ("a", "b")]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


def test_a_missing_file_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert drain(source(log)) == ([], None, {})
    log.write_text(line("now"))
    assert drain(source(log))[0] == ["now"]


def test_half_a_line_is_left_for_later(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(line("a") + '{"text": "b')
    bodies, cursor, _ = drain(source(log))
    assert bodies == ["a"]
    with log.open("a") as more:
        more.write('c"}\n')
    assert drain(source(log), cursor)[0] == ["bc"]


def test_plain_lines_and_broken_ones(tmp_path: Path) -> None:
    plain, broken = tmp_path / "plain", tmp_path / "broken"
    plain.write_bytes(b"one\r\n\n  \ntwo\n\xff\n")
    assert drain(source(plain))[::2] == (["one", "two"], {"not-utf8": 1})
    broken.write_text(line("a") + "{\n[]\n{}\n" + line("b"))
    bodies, _, rejected = drain(source(broken))
    assert bodies == ["a", "b"]
    assert rejected == {"not-json": 1, "not-an-object": 1, "no-body": 1}


def test_a_line_too_long_to_hold_is_skipped_and_counted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as out:
        out.write(line("a") + '{"text": "')
        for _ in range(10):
            out.write("x" * 1024 * 1024)
        out.write('"}\n' + line("b"))
    bodies, _, rejected = drain(source(log))
    assert bodies == ["a", "b"]
    assert rejected == {"line-too-long": 1}


def test_a_long_body_is_cut_and_counted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(line("abcdef"))
    assert drain(source(log, max_bytes=3))[::2] == (["abc"], {"cut": 1})


def test_rotation_by_rename_then_gzip(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(line("a") + line("b"))
    _, cursor, _ = drain(source(log))
    with log.open("a") as late:
        late.write(line("c"))
        log.rename(tmp_path / "log.1")
        late.write(line("d"))
    bodies, cursor, _ = drain(source(log), cursor)
    assert bodies == ["c", "d"]
    packed = tmp_path / "log.1.gz"
    packed.write_bytes(gzip.compress((tmp_path / "log.1").read_bytes() + line("e").encode()))
    (tmp_path / "log.1").unlink()
    log.write_text(line("f"))
    assert drain(source(log), cursor)[0] == ["e", "f"]


def test_copy_and_truncate(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(line("a") + line("b"))
    page = source(log).read(None, limit=1)
    (tmp_path / "log-20260101").write_bytes(log.read_bytes())
    log.write_text(line("c"))
    assert drain(source(log), page.cursor)[0] == ["b", "c"]


def test_an_unreadable_log_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    log = tmp_path / "log"
    log.write_text(line("a"))
    _, cursor, _ = drain(source(log))
    log.unlink()
    log.mkdir()
    assert source(log).read(cursor, limit=1).texts == ()
    assert source(tmp_path / "loop").read(None, limit=1).texts == ()
    if os.geteuid() != 0:
        secret = tmp_path / "secret"
        secret.write_text(line("a"))
        secret.chmod(0)
        with pytest.raises(DataError, match="cannot be read"):
            source(secret).read(None, limit=1)


class Rotations(RuleBasedStateMachine):
    """A writer and log rotation on one side, a reader that is restarted at every read on the other."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.log = self.folder / "log"
        self.written: list[str] = []
        self.read: list[str] = []
        self.cursor: Cursor | None = None
        self.half = ""
        self.rotations = 0

    def teardown(self) -> None:
        try:
            self._complete()
            self._append(["last"])
            self._drain()
            assert self.read == self.written
        finally:
            shutil.rmtree(self.folder)

    @rule(count=st.integers(1, 5))
    def append(self, count: int) -> None:
        self._complete()
        self._append([f"t{len(self.written) + number}" for number in range(count)])

    @rule()
    def append_half(self) -> None:
        if not self.half:
            self.half = f"h{len(self.written)}"
            with self.log.open("a") as out:
                out.write(line(self.half)[:5])

    @rule(limit=st.integers(1, 4))
    def read_some(self, limit: int) -> None:
        page = source(self.log).read(self.cursor, limit=limit)
        self.read += [text.body for text in page.texts]
        self.cursor = page.cursor or self.cursor
        assert self.read == self.written[: len(self.read)]

    @rule()
    def rotate_by_rename(self) -> None:
        if self._may_rotate():
            self.rotations += 1
            self._stamp(self.log.rename(self.log.with_name(f"log.{self.rotations}")))
            self._append(["after rename"])

    @rule()
    def rotate_by_copy(self) -> None:
        if self._may_rotate():
            self.rotations += 1
            copy = self.log.with_name(f"log.{self.rotations}")
            copy.write_bytes(self.log.read_bytes())
            self._stamp(copy)
            self.log.write_text("")
            self._append(["after copy"])

    @rule()
    def compress(self) -> None:
        rotated = self.log.with_name(f"log.{self.rotations}")
        if rotated.exists():
            packed = rotated.with_name(rotated.name + ".gz")
            packed.write_bytes(gzip.compress(rotated.read_bytes()))
            self._stamp(packed)
            rotated.unlink()

    def _may_rotate(self) -> bool:
        """A log is rotated when it holds something; before its first look the reader does not know of older files."""
        self._complete()
        return self.cursor is not None and self.log.exists() and self.log.stat().st_size > 0

    def _stamp(self, rotated: Path) -> None:
        """Rotations are seconds apart in life; here they are faster than the file system's clock."""
        os.utime(rotated, (self.rotations, self.rotations))

    def _drain(self) -> None:
        bodies, self.cursor, _ = drain(source(self.log), self.cursor)
        self.read += bodies

    def _complete(self) -> None:
        if self.half:
            with self.log.open("a") as out:
                out.write(line(self.half)[5:])
            self.written.append(self.half)
            self.half = ""

    def _append(self, bodies: list[str]) -> None:
        unique = [f"{body} {len(self.written) + number}" for number, body in enumerate(bodies)]
        with self.log.open("a") as out:
            out.write("".join(line(body) for body in unique))
        self.written += unique


TestRotations = Rotations.TestCase
TestRotations.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
