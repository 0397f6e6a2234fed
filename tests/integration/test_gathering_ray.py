"""Texts chosen by the workers of a real Ray cluster are those that one process chooses, even if a worker is killed."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from typing import TYPE_CHECKING

import psutil
import pytest
from training_files import fields, lines, records, saved_gathered, saved_whole

from driftwatch.domain.errors import DataError, RunError
from driftwatch.gathering import LocalEngine, Search, gather
from driftwatch.gathering.ray import connected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    find_spec("ray") is None, reason="ray is not installed (pip install 'driftwatchd[ray]')"
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Give the address of a cluster of two nodes with one processor each."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    nodes = Cluster()
    try:
        for _ in range(2):
            nodes.add_node(num_cpus=1, object_store_memory=100_000_000)
        nodes.wait_for_nodes()
        yield nodes.address
    finally:
        nodes.shutdown()  # type: ignore[no-untyped-call]


def search(folder: Path, *, groups: bool = True) -> Search:
    data = [
        lines(folder / "a.jsonl", records(first=0, count=1_500, groups=groups)),
        lines(folder / "b.jsonl", records(first=1_300, count=300, groups=groups)),
    ]
    heldout = [lines(folder / "c.jsonl", records(first=1_500, count=300, groups=groups))]
    return Search(data=data, heldout=heldout, fields=fields(groups=groups), seed=7, sample=700, piece_bytes=20_000)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("groups", [False, True], ids=["alone", "in groups"])
def test_a_cluster_finds_what_one_process_finds(cluster: str, tmp_path: Path, *, workers: int, groups: bool) -> None:
    wanted = search(tmp_path, groups=groups)
    with connected(cluster, workers) as engine:
        found = saved_gathered(wanted, tmp_path / "ray", engine)
    assert found == saved_gathered(wanted, tmp_path / "local", LocalEngine())
    assert found == saved_whole(wanted, tmp_path / "whole")


def test_a_killed_worker_changes_nothing(cluster: str, tmp_path: Path) -> None:
    wanted = search(tmp_path)
    killed: list[int] = []

    def kill(_done: int, _total: int) -> None:
        for worker in psutil.Process().children(recursive=True) if len(killed) < 2 else ():
            if worker.cmdline()[:1] == ["ray::_sift_piece"]:
                os.kill(worker.pid, signal.SIGKILL)
                killed.append(worker.pid)
                return

    with connected(cluster, 2) as engine:
        found = saved_gathered(wanted, tmp_path / "ray", engine, on_read=kill)
    assert killed
    assert found == saved_whole(wanted, tmp_path / "whole")


def test_what_is_wrong_is_told_as_in_one_process(cluster: str, tmp_path: Path) -> None:
    wanted = search(tmp_path)
    for path, line in ((wanted.data[0], 1_999), (wanted.data[1], 100)):
        content = path.read_text().splitlines()
        content[line - 1] = "no JSON"
        path.write_text("\n".join(content))
    with connected(cluster, None) as engine, pytest.raises(DataError, match="no JSON") as caught:
        gather(wanted, engine, folder=tmp_path)
    assert caught.value.where == f"{wanted.data[0]}:1999"
    assert caught.value.cure


@pytest.mark.parametrize(
    "address", ["127.0.0.1:9", "ray://127.0.0.1:9", "http://127.0.0.1:8265", "ray-head", "a:99999999"]
)
def test_a_cluster_that_is_not_there_is_told(address: str) -> None:
    with pytest.raises(RunError, match="cannot be reached") as caught, connected(address, None):
        pytest.fail("it was reached")
    assert caught.value.where == address
    assert "ray start --head" in str(caught.value)
