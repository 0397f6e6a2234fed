"""What root leaves in somebody's state folder becomes theirs, and nothing else does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from driftwatch.cli.handover import hand_over

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
SOMEBODY = 54_321


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder of somebody's, with what root left in it and traps that lead elsewhere."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "shadow").write_text("root's")
    folder = tmp_path / "state"
    (folder / "models" / "docs").mkdir(parents=True)
    (folder / "models" / "docs" / "lock").touch(mode=0o600)
    (folder / "theirs").write_text("theirs")
    (folder / "link").symlink_to(tmp_path / "outside" / "shadow")
    (folder / "folder").symlink_to(tmp_path / "outside")
    (folder / "hard").hardlink_to(tmp_path / "outside" / "shadow")
    for path in (folder, folder / "theirs"):
        os.chown(path, SOMEBODY, SOMEBODY)
    return folder


def owner(path: Path) -> int:
    return path.lstat().st_uid


def test_roots_files_become_the_owners_and_nothing_is_followed(state: Path) -> None:
    assert hand_over(state) == 5
    for name in ("models", "models/docs", "models/docs/lock", "link", "folder"):
        assert owner(state / name) == SOMEBODY
    assert owner(state / "hard") == 0
    assert [owner(path) for path in (state.parent / "outside", state.parent / "outside" / "shadow")] == [0, 0]
    assert hand_over(state) == 0


def test_it_is_reached_through_a_link_as_the_service_manager_makes_one(state: Path) -> None:
    link = state.parent / "var-lib-driftwatch"
    link.symlink_to(state)
    assert hand_over(link) == 5


def test_roots_own_folder_and_none_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert hand_over(tmp_path) == 0
    assert hand_over(tmp_path / "none") == 0
