"""Texts chosen by the workers of a real Ray cluster are those that one process chooses, even if a worker is killed."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import psutil
import pytest
from models import tiny_causal
from training_files import fields, lines, records, saved_gathered, saved_whole
from typer.testing import CliRunner

from driftwatch.cli import app
from driftwatch.domain.errors import ConfigError, DataError, RunError
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
    some = records(first=0, count=1_500, groups=True)
    many = lines(
        tmp_path / "many.jsonl", [{**each, "text": f"{each['text']} {turn}"} for turn in range(15) for each in some]
    )
    wanted = replace(search(tmp_path), data=[many], piece_bytes=many.stat().st_size // 8)
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while len(killed) < 2 and not over.wait(0.002):
            for worker in psutil.Process().children(recursive=True):
                with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                    if worker.pid not in killed and worker.cmdline()[:1] == ["ray::_sift_piece"]:
                        os.kill(worker.pid, signal.SIGKILL)
                        killed.append(worker.pid)
                        break

    killing = threading.Thread(target=kill)
    with connected(cluster, 2) as engine:
        killing.start()
        try:
            found = saved_gathered(wanted, tmp_path / "ray", engine)
        finally:
            over.set()
            killing.join()
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


CONFIG = """\
[streams.docs]
model = "champion"
[streams.docs.encoder]
kind = "champion"
[streams.docs.reference]
data = ["a.jsonl", "b.jsonl"]
heldout = ["c.jsonl"]
field = "text"
time = "at"
group = "session"
sample = 500
"""


def test_the_command_builds_the_same_reference_either_way(cluster: str, tmp_path: Path) -> None:
    search(tmp_path)
    tiny_causal(tmp_path / "champion", texts=[str(row["text"]) for row in records(first=0, count=500, groups=False)])
    built = {}
    for name, options in {"local": [], "ray": ["--engine", "ray", "--address", cluster, "--workers", "2"]}.items():
        (tmp_path / f"{name}.toml").write_text(f'state_dir = "state-{name}"\n{CONFIG}')
        command = ["reference", "build", "docs", "--config", str(tmp_path / f"{name}.toml"), "--json", *options]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        built[name] = json.loads(done.stdout)
        assert [file.name for file in (tmp_path / f"state-{name}" / "references" / "docs").iterdir()] == [
            built[name]["version"]
        ]
    assert built["ray"] == built["local"]
    assert built["ray"]["texts"] == 500


@pytest.mark.parametrize("options", [["--workers", "2"], ["--address", "ray-head:6379"]])
def test_what_is_of_a_cluster_is_refused_without_one(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "a.toml").write_text(CONFIG)
    done = CliRunner().invoke(app, ["reference", "build", "docs", "--config", str(tmp_path / "a.toml"), *options])
    assert done.exit_code == ConfigError.exit_code
    assert "add --engine ray" in " ".join(done.stderr.split())


def test_ray_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="ray is not installed") as caught, connected(None, None):
        pytest.fail("it was there")
    assert "driftwatchd[ray]" in str(caught.value)
