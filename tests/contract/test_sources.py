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
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from source_places import STREAM, pipeline_into

from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Cursor
from driftwatch.intake.file import FileSettings, FileSource
from driftwatch.store import open_store


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


def test_nul_half_a_surrogate_pair_and_a_mark_of_byte_order(tmp_path: Path) -> None:
    log = tmp_path / "log"
    odd = [line("a"), '{"text": "x\\u0000y"}\n', "\0\0\0\n", '{"text": "\\ud800"}\n', '{"text": "b\0"}\n', line("c")]
    log.write_text("".join(odd))
    bodies, _, rejected = drain(source(log))
    assert bodies == ["a", "x\0y", "c"]
    assert rejected == {"not-json": 3}
    plain = tmp_path / "plain"
    plain.write_bytes(b"\xef\xbb\xbfone\ntwo\0\n\xed\xa0\x80\n")
    assert drain(source(plain))[::2] == (["\ufeffone", "two\0"], {"not-utf8": 1})


def test_the_same_id_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(json.dumps({"id": id_, "text": body}) + "\n" for id_, body in ("1a", "2b", "1c")))
    store = open_store(tmp_path / "store.db", clock=Noon())
    page = source(log, id="id").read(None, limit=9)
    taken = pipeline_into(store).take(page)
    assert (taken.stored, taken.duplicates) == (2, 1)
    assert [each.text.body for each in store.texts.window(STREAM, after_seq=0, limit=9)] == ["a", "b"]
    store.close()


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


def stamped(path: Path, content: str, at: int) -> Path:
    path.write_text(content)
    os.utime(path, (at, at))
    return path


def test_several_rotations_between_two_reads(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(line("a") + line("b"))
    cursor = source(log).read(None, limit=1).cursor
    stamped(tmp_path / "log.3", line("a") + line("b"), 1)
    packed = tmp_path / "log.2.gz"
    packed.write_bytes(gzip.compress(line("c").encode()))
    os.utime(packed, (2, 2))
    stamped(tmp_path / "log.1", line("d"), 3)
    log.write_text("")
    bodies, cursor, _ = drain(source(log), cursor)
    assert bodies == ["b", "c", "d"]
    log.write_text(line("e"))
    assert drain(source(log), cursor)[0] == ["e"]


def test_other_files_beside_the_log_are_not_read(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text(line("a"))
    _, cursor, _ = drain(source(log))
    stamped(tmp_path / "app.log.1", line("a") + line("b"), 1)
    for name in ("app-errors.log", "app.log.lock", "app.log-notes.gz", "app.log~"):
        stamped(tmp_path / name, line("foreign"), 2)
    log.write_text(line("c"))
    assert drain(source(log), cursor)[0] == ["b", "c"]


def test_half_a_first_line_does_not_end_the_old_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(line("a"))
    _, cursor, _ = drain(source(log))
    old = log.rename(tmp_path / "log.1")
    log.write_text(line("c")[:4])
    with old.open("a") as late:
        late.write(line("b"))
    bodies, cursor, _ = drain(source(log), cursor)
    assert bodies == ["b"]
    log.write_text(line("c"))
    assert drain(source(log), cursor)[0] == ["c"]


def test_half_a_compressed_file_is_told_and_read_when_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    lines = "".join(line(f"{number} {os.urandom(2_000).hex()}") for number in range(50))
    log.write_text(lines)
    cursor = source(log).read(None, limit=1).cursor
    whole = gzip.compress(lines.encode())
    packed = tmp_path / "log.1.gz"
    packed.write_bytes(whole[: len(whole) // 2])
    log.write_text(line("next"))
    with pytest.raises(DataError, match="cannot be read") as caught:
        drain(source(log), cursor, limit=100)
    assert caught.value.retryable
    packed.write_bytes(whole)
    assert len(drain(source(log), cursor)[0]) == 50


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
        self.shifts = False

    @initialize(shifts=st.booleans())
    def name_rotated_files(self, shifts: bool) -> None:
        """Number the newest 1 and move the others up, or give each a date."""
        self.shifts = shifts

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
            self._stamp(self.log.rename(self._next_name()))
            self._append(["after rename"])

    @rule()
    def rotate_by_rename_and_wait(self) -> None:
        """The writer goes on in the old file until it is told of the new one."""
        if self._may_rotate():
            old = self.log.rename(self._next_name())
            with old.open("a") as late:
                late.write(line(f"late {len(self.written)}"))
            self.written.append(f"late {len(self.written)}")
            self._stamp(old)
            self.read_some(9)
            self._append(["after late"])

    @rule()
    def rotate_by_copy(self) -> None:
        if self._may_rotate():
            copy = self._next_name()
            copy.write_bytes(self.log.read_bytes())
            self._stamp(copy)
            self.log.write_text("")
            self._append(["after copy"])

    @rule()
    def compress(self) -> None:
        for rotated in self._rotated():
            if rotated.suffix != ".gz":
                packed = rotated.with_name(rotated.name + ".gz")
                packed.write_bytes(gzip.compress(rotated.read_bytes()))
                shutil.copystat(rotated, packed)
                rotated.unlink()

    def _rotated(self) -> list[Path]:
        return [each for each in self.folder.iterdir() if each != self.log]

    def _next_name(self) -> Path:
        self.rotations += 1
        if not self.shifts:
            return self.log.with_name(f"log-{20260000 + self.rotations}")
        for each in sorted(self._rotated(), key=lambda each: -int(each.name.split(".")[1])):
            name, number, *packed = each.name.split(".")
            each.rename(each.with_name(".".join([name, str(int(number) + 1), *packed])))
        return self.log.with_name("log.1")

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
