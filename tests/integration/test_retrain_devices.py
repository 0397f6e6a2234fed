"""Training on several devices, here two processes on the CPU: as good as one, stopped, killed and resumed."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import train_child
from corpus import paragraphs
from deployment import until
from mixes import mixed
from models import tiny_causal

from driftwatch.domain.errors import RunError
from driftwatch.domain.run import Recipe
from driftwatch.domain.text import Text
from driftwatch.features.loss import load_model
from driftwatch.retrain.collect.mix import part_file
from driftwatch.retrain.dataset import load_mix
from driftwatch.retrain.folders import file_hashes
from driftwatch.retrain.launchers.order import Order
from driftwatch.retrain.launchers.torchrun import train, train_apart

pytestmark = pytest.mark.slow
RECIPE = Recipe(name="pair", learning_rates=(1e-3,), epochs=2.0, batch=8, context=32, checkpoint_steps=3, devices=2)
TOLERANCE = 0.02
"""Nats per token on held-out text between two processes and one: the same batches, other dropout."""


@pytest.fixture(scope="module", autouse=True)
def importable() -> None:
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return paragraphs(["json", "email", "http", "logging", "argparse", "asyncio"], 220)


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Order:
    folder = tmp_path_factory.mktemp("pair")
    champion = tiny_causal(folder / "champion", texts, vocab=400, width=32, steps=5)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    fresh = [Text(id=f"{number:04d}", body=body, seen_at=at) for number, body in enumerate(texts)]
    old = [Text(id=f"old {body}", body=body, seen_at=at) for body in paragraphs(["unittest", "typing", "pathlib"], 120)]
    assert len(mixed(fresh, old, RECIPE, folder / "data").replay) > 20
    return ordered(folder / "whole", champion, folder / "data")


def ordered(folder: Path, champion: Path, data: Path) -> Order:
    folder.mkdir()
    return Order(
        champion=champion,
        train=part_file(data, "fresh"),
        replay=part_file(data, "replay"),
        select=part_file(data, "select"),
        recipe=RECIPE,
        round=1,
        out=folder / "out",
        checkpoints=folder / "checkpoints",
        threads=1,
    )


def another(order: Order, folder: Path) -> Order:
    return ordered(folder / "other", order.champion, order.train.parent)


@pytest.fixture(scope="module")
def whole(order: Order) -> Path:
    assert trained(order)
    return order.out


def trained(order: Order, step: Callable[[int], bool] = lambda _: False) -> bool:
    """Train as ordered; each step is told, and on a true answer the training is to stop."""
    answers = [False]
    return train_apart(
        order,
        on_progress=lambda progress: answers.append(step(progress.done)),
        should_stop=lambda: any(answers),
    )


def processes(order: Order) -> list[int]:
    """Return the processes that train for the order."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"launchers.rank" in line and str(order.checkpoints).encode() in line:
                found.append(int(entry.name))
    return sorted(found)


def test_two_processes_learn_what_one_does(order: Order, whole: Path, tmp_path: Path) -> None:
    mix = load_mix(order.train.parent)
    alone = tmp_path / "alone"
    assert train(
        order.champion,
        mix.fresh,
        replace(RECIPE, devices=1),
        round=1,
        select=mix.select,
        replay=mix.replay,
        out=alone,
        checkpoints=tmp_path / "checkpoints",
        on_progress=lambda _progress: None,
        should_stop=lambda: False,
        threads=1,
    )
    heldout = [text.body for text in (*mix.select, *mix.judge)]
    champion, one, two = (mean_loss(folder, heldout) for folder in (order.champion, alone, whole))
    print(f"nats per token on held-out text: champion {champion:.4f}, one process {one:.4f}, two {two:.4f}")
    assert champion - one > 10 * TOLERANCE, "there was something to learn"
    assert abs(two - one) < TOLERANCE
    assert not order.checkpoints.exists()


def mean_loss(folder: Path, bodies: list[str]) -> float:
    losses = load_model(folder, threads=1).losses(bodies)
    return float(losses.nats.sum() / losses.tokens.sum())


def test_stopped_and_then_a_process_killed_it_goes_on_to_the_same_bits(
    order: Order, whole: Path, tmp_path: Path
) -> None:
    other = another(order, tmp_path)
    assert not trained(other, lambda done: done >= 4)
    assert not other.out.exists()
    stopped_at = max(int(path.name.rpartition("-")[2]) for path in other.checkpoints.glob("checkpoint-*"))
    assert stopped_at >= 4, "it saved before it stopped"

    def killing(done: int) -> bool:
        assert done > stopped_at, "it went on from where it had stopped"
        if done == stopped_at + 5:
            os.kill(processes(other)[-1], signal.SIGKILL)
        return False

    with pytest.raises(ChildProcessError, match="a training process died"):
        trained(other, killing)
    assert processes(other) == []
    assert not other.out.exists()
    resumed: list[int] = []

    def note(done: int) -> bool:
        resumed.append(done)
        return False

    assert trained(other, note)
    assert resumed[0] > stopped_at + 1, "it went on from a checkpoint"
    assert file_hashes(other.out) == file_hashes(whole)


def test_nobody_trains_on_for_a_dead_job(order: Order, tmp_path: Path) -> None:
    other = another(order, tmp_path)
    other.write(tmp_path / "order.json")
    program = [sys.executable, train_child.__file__, str(tmp_path / "order.json")]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as job:
        assert job.stdout is not None
        assert next(line for line in job.stdout if line.startswith(b"step"))
        assert len(processes(other)) == 2
        job.kill()
    until(lambda: None if processes(other) else True, "the end of the processes")


def test_a_batch_that_cannot_be_shared_is_told(order: Order, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="a batch of 7 sequences cannot be shared by 2 devices"):
        trained(replace(another(order, tmp_path), recipe=replace(RECIPE, batch=7)))


def starve(pid: int) -> None:
    """Let the process have no more memory than it has now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize(),) * 2)


def at_once(order: Order) -> int:
    return int((order.checkpoints / "at-once").read_text())


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
def test_one_process_out_of_memory_has_all_of_them_go_on_in_smaller_parts(order: Order, tmp_path: Path) -> None:
    """The second of the two gets no more memory from the fourth step on; the first has plenty."""
    other, tried = wide(order, tmp_path), []

    def starving(done: int) -> bool:
        tried.append(at_once(other))
        if done >= 4 and tried[0] == tried[-1]:  # not every step is told
            starve(processes(other)[-1])
        return False

    assert trained(other, starving)
    assert list(dict.fromkeys(tried)) == [32, 16], "each process had 32 of a batch, then 16"
    assert processes(other) == []
    plenty = wide(order, tmp_path / "plenty")
    assert trained(plenty)
    heldout = [text.body for text in load_mix(order.train.parent).select]
    assert abs(mean_loss(other.out, heldout) - mean_loss(plenty.out, heldout)) < TOLERANCE


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
def test_not_one_sequence_fits_one_process_is_told_clearly(order: Order, tmp_path: Path) -> None:
    other, tried = wide(order, tmp_path, batch=4), []

    def starving(_done: int) -> bool:
        tried.append(at_once(other))
        starve(processes(other)[-1])
        return False

    with pytest.raises(RunError, match="the memory of device 1 does not hold its part of a batch") as caught:
        trained(other, starving)
    assert not caught.value.retryable
    assert caught.value.cure is not None
    assert list(dict.fromkeys(tried)) == [2, 1]
    assert processes(other) == []
    assert not other.out.exists()


def wide(order: Order, folder: Path, *, batch: int = 64) -> Order:
    """Return the order with batches that take some megabytes at once."""
    folder.mkdir(exist_ok=True)
    recipe = replace(RECIPE, batch=batch, context=64, epochs=6.0, checkpoint_steps=2, distill=0.0)
    return replace(another(order, folder), recipe=recipe)
