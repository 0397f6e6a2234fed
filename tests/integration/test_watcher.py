"""The watcher of policy files on a real file system: whatever way a file is changed, and nothing else."""

from __future__ import annotations

import os
import queue
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from driftwatch.daemon.places import folders
from driftwatch.daemon.watcher import Watch, Watcher
from driftwatch.wiring import CLOCK

DEADLINE = 60.0


class Told:
    """Counts the calls of a watcher, and waits for them."""

    def __init__(self, watcher: Watcher, calls: queue.Queue[None]) -> None:
        self.watcher, self._calls = watcher, calls

    def wait(self) -> None:
        self._calls.get(timeout=DEADLINE)

    @property
    def waiting(self) -> int:
        return self._calls.qsize()


@contextmanager
def watching(*patterns: Path, watch: Watch | None = None) -> Iterator[Told]:
    calls: queue.Queue[None] = queue.Queue()
    watcher = Watcher([str(each) for each in patterns], lambda: calls.put(None), clock=CLOCK, watch=watch)
    watcher.start()
    try:
        yield Told(watcher, calls)
    finally:
        watcher.stop()


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "a.yaml").write_text("one")
    return folder


def rename_over(file: Path) -> None:
    aside = file.with_name(".a.yaml.swp")
    aside.write_text("two")
    aside.replace(file)


def rename_away(file: Path) -> None:
    file.rename(file.with_name("a.yaml~"))
    file.write_text("two")


def add(file: Path) -> None:
    file.with_name("b.yaml").write_text("new")


def remake_the_folder(file: Path) -> None:
    shutil.rmtree(file.parent)
    file.parent.mkdir()
    file.write_text("two")


def touch_same_size(file: Path) -> None:
    before = file.stat()
    file.write_text("eno")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_text("two"),
        rename_over,
        rename_away,
        add,
        lambda file: file.unlink(),
        remake_the_folder,
        touch_same_size,
    ],
    ids=["write", "rename over", "rename away", "add", "remove", "folder made anew", "same size and time"],
)
def test_every_way_to_change_a_file_is_seen_and_the_next_change_too(
    policies: Path, change: Callable[[Path], object]
) -> None:
    with watching(policies / "*.yaml") as told:
        change(policies / "a.yaml")
        told.wait()
        (policies / "c.yaml").write_text("later")
        told.wait()
        assert told.watcher.up


def kubernetes(mount: Path, release: str, text: str) -> None:
    """Publish a release as the kubelet does: a new folder, and one atomic exchange of the link to it."""
    (mount / release).mkdir(parents=True)
    (mount / release / "a.yaml").write_text(text)
    aside = mount / "..data_tmp"
    aside.symlink_to(release)
    aside.replace(mount / "..data")


def test_a_config_map_is_followed(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    kubernetes(mount, "..2026_01", "one")
    (mount / "a.yaml").symlink_to("..data/a.yaml")
    with watching(mount / "*.yaml") as told:
        for release in ("..2026_02", "..2026_03"):
            kubernetes(mount, release, release)
            told.wait()


def test_a_folder_behind_a_link_is_followed(tmp_path: Path) -> None:
    for release in ("r1", "r2"):
        (tmp_path / "releases" / release).mkdir(parents=True)
        (tmp_path / "releases" / release / "a.yaml").write_text(release)
    current = tmp_path / "etc" / "policies"
    current.parent.mkdir()
    current.symlink_to("../releases/r1")
    with watching(current / "*.yaml") as told:
        (tmp_path / "releases" / "r1" / "a.yaml").write_text("edited")
        told.wait()
        aside = current.with_name("aside")
        aside.symlink_to("../releases/r2")
        aside.replace(current)
        told.wait()
        (tmp_path / "releases" / "r2" / "a.yaml").write_text("edited too")
        told.wait()


def test_a_file_behind_a_link_is_followed(tmp_path: Path, policies: Path) -> None:
    real = tmp_path / "elsewhere" / "real.yaml"
    real.parent.mkdir()
    real.write_text("one")
    (policies / "link.yaml").symlink_to(real)
    with watching(policies / "*.yaml") as told:
        real.write_text("two")
        told.wait()


def test_a_folder_that_is_made_later_is_seen(tmp_path: Path) -> None:
    with watching(tmp_path / "policies" / "deeper" / "*.yaml") as told:
        (tmp_path / "policies" / "deeper").mkdir(parents=True)
        (tmp_path / "policies" / "deeper" / "a.yaml").write_text("one")
        told.wait()


def test_what_is_none_of_the_files_calls_nobody(policies: Path) -> None:
    with watching(policies / "*.yaml") as told:
        (policies / "notes.txt").write_text("words")
        (policies / "a.yaml").write_text("one")  # as it was
        (policies / "b.yaml").write_text("new")
        told.wait()
        assert told.waiting == 0


@pytest.mark.parametrize("loop", [True, False])
def test_a_file_that_cannot_be_read_is_no_trouble(policies: Path, *, loop: bool) -> None:
    odd = policies / "odd.yaml"
    odd.symlink_to("odd.yaml") if loop else os.mkfifo(odd)
    with watching(policies / "*.yaml") as told:
        odd.unlink()
        odd.write_text("a file now")
        told.wait()
        assert told.watcher.up


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    assert tmp_path in folders([str(tmp_path / "one" / "*.yaml")])


def test_a_watch_that_dies_is_told_and_changes_are_noticed_all_the_same(policies: Path) -> None:
    failed = threading.Event()

    def die(folders: Sequence[Path], stop: threading.Event) -> Iterator[object]:
        del folders, stop
        failed.set()
        raise OSError(24, "inotify instances are used up")

    with watching(policies / "*.yaml", watch=die) as told:
        assert failed.wait(DEADLINE)
        (policies / "a.yaml").write_text("two")
        told.wait()
        assert not told.watcher.up
        assert "inotify instances are used up" in str(told.watcher.trouble)


def test_a_change_that_could_not_be_told_is_told_again(policies: Path) -> None:
    calls: queue.Queue[str | None] = queue.Queue()
    failing = iter([RuntimeError("at the first time")])

    def changed() -> None:
        calls.put(watcher.trouble)
        for error in failing:
            raise error

    watcher = Watcher([str(policies / "*.yaml")], changed, clock=CLOCK)
    (policies / "a.yaml").write_text("two")
    watcher.start()
    try:
        assert calls.get(timeout=DEADLINE) is None
        assert "at the first time" in str(calls.get(timeout=DEADLINE))
    finally:
        watcher.stop()
    assert calls.empty(), "what was told is not told once more"
