"""Fine-tuning of a real, small model: it learns, survives kills and damage, and says what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import finetune_child
import pytest
from corpus import paragraphs
from families import texts_of
from models import tiny_causal

from driftwatch.domain.errors import ModelError, RunError
from driftwatch.domain.run import Progress, Recipe
from driftwatch.retrain.finetune import finetune
from driftwatch.retrain.folders import file_hashes

if TYPE_CHECKING:
    from collections.abc import Callable

RECIPE = finetune_child.RECIPE
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return paragraphs(["json", "email", "http", "logging", "argparse", "asyncio"], 60)


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Path:
    return tiny_causal(tmp_path_factory.mktemp("champion"), texts, vocab=400, width=32, steps=5)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, champion: Path, texts: list[str]) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert tune(champion, texts, folder)
    return folder / "out"


def tune(
    champion: Path,
    texts: list[str],
    folder: Path,
    *,
    recipe: Recipe = RECIPE,
    seen: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> bool:
    return finetune(
        champion,
        texts_of(texts),
        recipe,
        round=1,
        out=folder / "out",
        checkpoints=folder / "checkpoints",
        on_progress=seen,
        should_stop=should_stop,
        threads=1,
    )


def stop_after(steps: int) -> Callable[[], bool]:
    asked = iter(range(1, 1_000))
    return lambda: next(asked) >= steps


def test_learns_and_keeps_the_champions_files(champion: Path, texts: list[str], tmp_path: Path) -> None:
    told: list[Progress] = []
    assert tune(champion, texts, tmp_path, seen=told.append)
    assert [now.done for now in told] == list(range(1, told[-1].total + 1))
    assert told[-1].figures["loss"] < told[0].figures["loss"]
    assert all(now.figures["tokens_per_second"] > 0 for now in told)
    assert told[0].figures["eta_seconds"] > told[-1].figures["eta_seconds"] == 0
    before, after = file_hashes(champion), file_hashes(tmp_path / "out")
    assert after.keys() == before.keys()
    assert {name for name in before if before[name] != after[name]} == {WEIGHTS}
    assert not (tmp_path / "checkpoints").exists()


def test_a_finished_candidate_is_left_alone(champion: Path, texts: list[str], uninterrupted: Path) -> None:
    before = (uninterrupted / WEIGHTS).stat().st_mtime_ns
    assert tune(champion, texts, uninterrupted.parent)
    assert (uninterrupted / WEIGHTS).stat().st_mtime_ns == before


def test_stops_when_asked_and_goes_on_to_the_same_bits(
    champion: Path, texts: list[str], uninterrupted: Path, tmp_path: Path
) -> None:
    assert not tune(champion, texts, tmp_path, should_stop=stop_after(5))
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "checkpoints" / "checkpoint-5" / "driftwatch.json").exists()
    assert tune(champion, texts, tmp_path)
    assert file_hashes(tmp_path / "out") == file_hashes(uninterrupted)


def test_killed_twice_gives_the_same_bits(
    champion: Path, texts: list[str], uninterrupted: Path, tmp_path: Path
) -> None:
    file = tmp_path / "texts.json"
    file.write_text(json.dumps(texts))
    arguments = [str(path) for path in (champion, file, tmp_path / "out", tmp_path / "checkpoints")]
    arguments.append("tiny")
    first, second = killed_at(4, arguments), killed_at(9, arguments)
    assert first == 1
    assert second > 3, "the second start resumed from a checkpoint"
    assert finetune_child.train(finetune_child.Paths(*map(Path, arguments[:4])))
    assert file_hashes(tmp_path / "out") == file_hashes(uninterrupted)


def test_killed_while_memory_ran_out_goes_on_in_smaller_parts(champion: Path, texts: list[str], tmp_path: Path) -> None:
    file = tmp_path / "texts.json"
    file.write_text(json.dumps(texts))
    arguments = [str(path) for path in (champion, file, tmp_path / "out", tmp_path / "checkpoints")]
    killed_at(4, [*arguments, "tiny"])
    note = tmp_path / "checkpoints" / "at-work"
    boot, kills = note.read_text().split()
    note.write_text(f"{boot} {int(kills) - 1}")  # as if the kernel had counted one more kill since
    assert killed_at(9, [*arguments, "tiny"]) > 3, "the second start resumed from a checkpoint"
    assert (tmp_path / "checkpoints" / "at-once").read_text() == "2", "of four sequences a step"
    assert finetune_child.train(finetune_child.Paths(*map(Path, arguments)))
    assert (tmp_path / "out" / WEIGHTS).exists()


def killed_at(step: int, arguments: list[str]) -> int:
    """Start the program, kill it as it tells this step, and return the first step it told."""
    program = [sys.executable, finetune_child.__file__, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as child:
        assert child.stdout is not None
        told = []
        for line in child.stdout:
            if line.startswith("step "):
                told.append(int(line.split()[1]))
            if told and told[-1] >= step:
                break
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    return told[0]


@pytest.mark.parametrize("damage", ["half the weights", "no trainer state", "no manifest", "a flipped byte"])
def test_a_damaged_checkpoint_is_set_aside(
    damage: str, champion: Path, texts: list[str], uninterrupted: Path, tmp_path: Path
) -> None:
    assert not tune(champion, texts, tmp_path, should_stop=stop_after(5))
    newest = tmp_path / "checkpoints" / "checkpoint-5"
    spoil(newest, damage)
    steps: list[int] = []
    assert tune(champion, texts, tmp_path, seen=lambda now: steps.append(now.done), should_stop=stop_after(2)) is False
    assert steps[0] == 4, "went on from checkpoint 3"
    assert (tmp_path / "checkpoints" / "quarantine" / "checkpoint-5").is_dir()
    assert tune(champion, texts, tmp_path)
    assert file_hashes(tmp_path / "out") == file_hashes(uninterrupted)


def spoil(checkpoint: Path, damage: str) -> None:
    weights = checkpoint / WEIGHTS
    if damage == "half the weights":
        os.truncate(weights, weights.stat().st_size // 2)
    elif damage == "no trainer state":
        (checkpoint / "trainer_state.json").unlink()
    elif damage == "no manifest":
        (checkpoint / "driftwatch.json").unlink()
    else:
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)


def test_a_half_written_checkpoint_is_never_resumed(champion: Path, texts: list[str], tmp_path: Path) -> None:
    assert not tune(champion, texts, tmp_path, should_stop=stop_after(5))
    half = tmp_path / "checkpoints" / "writing" / "checkpoint-6"
    shutil.copytree(tmp_path / "checkpoints" / "checkpoint-5", half)
    spoil(half, "half the weights")
    steps: list[int] = []
    assert not tune(champion, texts, tmp_path, seen=lambda now: steps.append(now.done), should_stop=stop_after(1))
    assert steps == [6], "went on from checkpoint 5"
    assert not (tmp_path / "checkpoints" / "quarantine").exists()


def test_checkpoints_of_another_training_are_not_resumed(champion: Path, texts: list[str], tmp_path: Path) -> None:
    assert not tune(champion, texts, tmp_path, should_stop=stop_after(5))
    steps: list[int] = []
    assert not tune(
        champion,
        texts[:-1],
        tmp_path,
        seen=lambda now: steps.append(now.done),
        should_stop=stop_after(1),
    )
    assert steps == [1]


def test_a_loss_that_is_no_number_ends_the_run(champion: Path, texts: list[str], tmp_path: Path) -> None:
    wild = Recipe(name="wild", learning_rates=(1e30,), epochs=3.0, batch=4, context=32, warmup=0.0)
    with pytest.raises(RunError, match=r"is no number any more at step \d+"):
        tune(champion, texts, tmp_path, recipe=wild)
    assert not (tmp_path / "out").exists()


def test_nothing_to_train_on(champion: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no text to train on"):
        tune(champion, [""], tmp_path)


def test_weights_that_are_a_pickle_are_refused(champion: Path, texts: list[str], tmp_path: Path) -> None:
    pickled = tmp_path / "pickled"
    shutil.copytree(champion, pickled)
    (pickled / WEIGHTS).rename(pickled / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded for training"):
        tune(pickled, texts, tmp_path)


def test_a_model_with_code_of_its_own_is_refused(champion: Path, texts: list[str], tmp_path: Path) -> None:
    strange = tmp_path / "strange"
    shutil.copytree(champion, strange)
    config = json.loads((strange / "config.json").read_text())
    config |= {"model_type": "strange", "auto_map": {"AutoModelForCausalLM": "code.Strange", "AutoConfig": "code.C"}}
    (strange / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError):
        tune(strange, texts, tmp_path)
