"""The note of a process at work: who died while the kernel killed for memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftwatch.retrain.memory_kills import MemoryKills


def kernel(folder: Path, *, kills: int, boot: str = "3f0c") -> Path:
    (folder / "sys" / "kernel" / "random").mkdir(parents=True, exist_ok=True)
    (folder / "sys" / "kernel" / "random" / "boot_id").write_text(f"{boot}\n")
    (folder / "vmstat").write_text(f"nr_free_pages 12\noom_kill {kills}\npgfault 9\n")
    return folder


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    return kernel(tmp_path / "proc", kills=2)


def test_a_note_left_behind_and_a_count_that_rose(proc: Path, tmp_path: Path) -> None:
    kills = MemoryKills(tmp_path / "checkpoints", proc)
    assert not kills.happened(), "nobody was at work"
    kills.begin()
    assert not kills.happened(), "killed, but not by the kernel"
    kernel(proc, kills=3)
    assert kills.happened()
    kills.end()
    assert not kills.happened()


def test_who_ended_otherwise_was_not_killed(proc: Path, tmp_path: Path) -> None:
    kills = MemoryKills(tmp_path / "checkpoints", proc)
    kills.begin()
    kills.end()
    kernel(proc, kills=3)
    assert not kills.happened()


def test_counts_of_two_starts_of_the_machine_are_not_compared(proc: Path, tmp_path: Path) -> None:
    kills = MemoryKills(tmp_path / "checkpoints", proc)
    kills.begin()
    kernel(proc, kills=9, boot="77aa")
    assert not kills.happened()


def test_a_kernel_that_does_not_tell_is_no_trouble(tmp_path: Path) -> None:
    kills = MemoryKills(tmp_path / "checkpoints", tmp_path / "no-proc")
    kills.begin()
    assert not kills.happened()
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("spoilt", [b"", b"3f0c", b"3f0c many", b"\xff"])
def test_a_spoilt_note_says_nothing(spoilt: bytes, proc: Path, tmp_path: Path) -> None:
    kills = MemoryKills(tmp_path, proc)
    kills.begin()
    (tmp_path / "at-work").write_bytes(spoilt)
    kernel(proc, kills=3)
    assert not kills.happened()
