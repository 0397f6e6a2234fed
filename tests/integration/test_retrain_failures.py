"""What can go wrong with a fine-tune: memory, disk, champion, candidate, best weights. Nothing half-done is left."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import finetune_child
import full_disk_child
import pytest
import starved_child
from corpus import paragraphs
from families import gpt2, texts_of

from driftwatch.domain.errors import DriftwatchError, ModelError, RunError
from driftwatch.domain.run import Progress, Recipe
from driftwatch.retrain.finetune import finetune
from driftwatch.retrain.finetune.disk import check_space
from driftwatch.retrain.finetune.folder import load_trainable
from driftwatch.retrain.folders import file_hashes
from driftwatch.retrain.promote import VersionManifest, add_version

if TYPE_CHECKING:
    from collections.abc import Callable

BODIES = paragraphs(["json", "email", "http", "logging"], 60)
WEIGHTS = "model.safetensors"
GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
"""Lets a program's memory be what it uses at the moment, so that a limit of it means something."""

STOPPING = finetune_child.STOPPING


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gpt2(tmp_path_factory.mktemp("champion"), BODIES)


def tune(
    champion: Path,
    folder: Path,
    recipe: Recipe = finetune_child.RECIPE,
    *,
    seen: Callable[[Progress], None] = lambda _: None,
    stop_at: int = 10_000,
) -> bool:
    texts, steps = texts_of(BODIES), iter(range(1, 10_001))
    return finetune(
        champion,
        texts,
        recipe,
        round=1,
        out=folder / "out",
        checkpoints=folder / "checkpoints",
        on_progress=seen,
        should_stop=lambda: next(steps) >= stop_at,
        threads=1,
        select=texts[: finetune_child.MOST_SELECT],
    )


def child(program: str, *arguments: object, before: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1", **GIVES_BACK}
    command = [sys.executable, program, *map(str, arguments)]
    if before:
        command = [
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            before + ' && exec "$@"',
            "sh",
            *command,
        ]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def starved(champion: Path, folder: Path, megabytes: int) -> dict[str, object]:
    texts = folder / "texts.json"
    texts.write_text(json.dumps(paragraphs(["json", "email", "http", "logging", "argparse", "asyncio"], 220)))
    done = child(starved_child.__file__, champion, texts, folder, megabytes)
    assert done.returncode == 0, done.stderr[-2_000:]
    said: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
def test_out_of_memory_trains_in_smaller_parts_to_the_same_effect(tmp_path: Path) -> None:
    """A batch of 128 · 64 tokens takes a hundred megabytes and more: 24 hold only a part of it."""
    champion = gpt2(tmp_path / "champion", BODIES, dropout=0.0)
    told = starved(champion, tmp_path, 24)
    assert told["said"] == "True"
    tried = told["tried"]
    assert isinstance(tried, list)
    assert tried[:1] == [128]
    texts = tmp_path / "texts.json"
    assert starved_child.tune(champion, texts, tmp_path / "plenty", starved_child.RECIPE)
    one, other, start = (
        load_trainable(folder).state_dict() for folder in (tmp_path / "out", tmp_path / "plenty" / "out", champion)
    )
    for name, weights in one.items():
        moved = (weights - start[name]).abs().max()
        assert (weights - other[name]).abs().max() <= 0.05 * moved + 1e-6, name


def test_a_training_taken_up_again_begins_with_the_parts_that_fitted(champion: Path, tmp_path: Path) -> None:
    assert not tune(champion, tmp_path, stop_at=4)
    (tmp_path / "checkpoints" / "at-once").write_text("2")
    assert tune(champion, tmp_path)
    halves = replace(finetune_child.RECIPE, at_once=2)
    assert tune(champion, tmp_path / "halves", halves)
    assert (
        load_trainable(tmp_path / "out").num_parameters()
        == load_trainable(tmp_path / "halves" / "out").num_parameters()
    )


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="no mount namespaces for a small file system here")
@pytest.mark.parametrize(("kilobytes", "what"), [(100, "GB are free"), (4_000, "the disk is full")])
def test_a_full_disk_is_told_may_be_retried_and_leaves_nothing_half_done(
    kilobytes: int, what: str, champion: Path, tmp_path: Path
) -> None:
    """The smaller one is too small to begin; the larger one runs full at a checkpoint."""
    texts, disk = tmp_path / "texts.json", tmp_path / "disk"
    texts.write_text(json.dumps(BODIES))
    disk.mkdir()
    mount = f"mount -t tmpfs -o size={kilobytes}k tmpfs {disk}"
    done = child(full_disk_child.__file__, champion, texts, disk, before=mount)
    assert done.returncode == 0, done.stderr[-2_000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert what in told["said"]
    assert told["retryable"] is True
    assert not any("out" in Path(name).name or name.startswith("checkpoints/checkpoint-") for name in told["left"])


def test_room_for_the_best_weights_is_asked_for_where_they_are_kept(tmp_path: Path) -> None:
    weights = shutil.disk_usage(tmp_path).free // 44  # checkpoints and candidate take 40 bytes a weight, the best 8
    check_space(tmp_path, weights=weights, trained=weights, best=False)
    with pytest.raises(RunError, match="GB are free") as caught:
        check_space(tmp_path, weights=weights, trained=weights, best=True)
    assert caught.value.retryable


def test_a_missing_or_changed_champion_is_refused(champion: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no champion to train from"):
        tune(tmp_path / "nowhere", tmp_path)
    manifest = VersionManifest(
        version="m1", parent=None, run=None, created_at=texts_of(["x"])[0].seen_at, digest="sha256:0"
    )
    version = add_version(champion, tmp_path / "models", manifest)
    content = bytearray((version / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (version / WEIGHTS).write_bytes(content)
    with pytest.raises(ModelError, match="a file of the model version is not as it was written"):
        tune(version, tmp_path)


@pytest.mark.parametrize(
    "damage", ["half the weights", "another shape", "a layer missing", "no tokenizer", "no config"]
)
def test_a_damaged_champion_is_refused(damage: str, champion: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(champion, folder)
    config = json.loads((folder / "config.json").read_text())
    if damage == "half the weights":
        os.truncate(folder / WEIGHTS, (folder / WEIGHTS).stat().st_size // 2)
    elif damage == "another shape":
        (folder / "config.json").write_text(json.dumps(config | {"n_embd": 64}))
    elif damage == "a layer missing":
        (folder / "config.json").write_text(json.dumps(config | {"n_layer": 3}))
    elif damage == "no tokenizer":
        for file in folder.glob("tokenizer*"):
            file.unlink()
    else:
        (folder / "config.json").write_text("{")
    with pytest.raises(ModelError):
        tune(folder, tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_candidate_that_does_not_load_never_appears(champion: Path, tmp_path: Path) -> None:
    folder = tmp_path / "champion"
    shutil.copytree(champion, folder)

    def lose_the_tokenizer(now: Progress) -> None:
        if now.done == now.total:
            for file in folder.glob("tokenizer*"):
                file.unlink()

    with pytest.raises(RunError, match="the candidate does not load: there is no tokenizer"):
        tune(folder, tmp_path, seen=lose_the_tokenizer)
    assert not (tmp_path / "out").exists()


def test_float16_wants_a_gpu(champion: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(RunError, match="only a GPU trains in"):
        tune(champion, tmp_path, replace(finetune_child.RECIPE, precision="float16"))


def test_early_stopping_goes_back_to_the_best_weights(champion: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    assert tune(champion, tmp_path / "whole", STOPPING, seen=told.append)
    looked = {now.done - 1: now.figures["held_out_loss"] for now in told if "held_out_loss" in now.figures}
    best = min(looked.values())
    assert told[-1].done < told[-1].total, "it stopped early"
    assert told[-1].figures["held_out_loss"] > best, "at worse weights than the best"
    # the candidate is the best one: a look at it right away gives that loss
    again: list[Progress] = []
    calm = replace(STOPPING, learning_rates=(1e-30,), evaluate_steps=1, epochs=0.1, weight_decay=0.0)
    assert tune(tmp_path / "whole" / "out", tmp_path / "again", calm, seen=again.append)
    assert again[-1].figures["held_out_loss"] == pytest.approx(best, rel=1e-3)
    for stop in (5, 3, 4):
        assert not tune(champion, tmp_path / "parts", STOPPING, stop_at=stop)
    assert tune(champion, tmp_path / "parts", STOPPING)
    assert file_hashes(tmp_path / "parts" / "out") == file_hashes(tmp_path / "whole" / "out")


def test_damaged_best_weights_start_the_training_anew(champion: Path, tmp_path: Path) -> None:
    def spoil(_: Progress) -> None:
        for folder in (tmp_path / "checkpoints").glob("best-*"):
            os.truncate(folder / "weights.safetensors", 100)

    with pytest.raises(DriftwatchError, match="best weights of the training are damaged") as caught:
        tune(champion, tmp_path, STOPPING, seen=spoil)
    assert caught.value.retryable
    steps: list[int] = []
    assert tune(champion, tmp_path, STOPPING, seen=lambda now: steps.append(now.done))
    assert steps[0] == 1
