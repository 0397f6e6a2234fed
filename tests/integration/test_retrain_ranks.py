"""A fine-tune by two processes under torchrun: they agree, one writes, and a stop or a look is everybody's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import finetune_child
import pytest
from corpus import paragraphs
from families import gpt2, texts_of

from driftwatch.retrain.finetune import finetune
from driftwatch.retrain.finetune.folder import load_trainable

BODIES = paragraphs(["json", "email", "http", "logging"], 40)


@pytest.mark.parametrize("recipe", [finetune_child.RECIPE, finetune_child.STOPPING], ids=lambda recipe: recipe.name)
def test_two_processes_train_as_one(recipe: object, tmp_path: Path) -> None:
    assert isinstance(recipe, type(finetune_child.RECIPE))
    champion, texts = gpt2(tmp_path / "champion", BODIES, dropout=0.0), tmp_path / "texts.json"
    texts.write_text(json.dumps(BODIES))
    arguments = [champion, texts, tmp_path / "out", tmp_path / "checkpoints", recipe.name]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*torchrun, finetune_child.__file__, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    told = [line for line in done.stdout.splitlines() if line.startswith("step ")]
    assert len(told) == len(set(told)), "one process speaks"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["champion", "out", "texts.json"]
    assert finetune(
        champion,
        texts_of(BODIES),
        replace(recipe),
        round=1,
        out=tmp_path / "alone",
        checkpoints=tmp_path / "c",
        on_progress=lambda _: None,
        should_stop=lambda: False,
        threads=1,
        select=texts_of(BODIES)[: finetune_child.MOST_SELECT],
    )
    one, other, start = (
        load_trainable(folder).state_dict() for folder in (tmp_path / "out", tmp_path / "alone", champion)
    )
    for name, weights in one.items():
        moved = (weights - start[name]).abs().max()
        assert (weights - other[name]).abs().mean() <= 0.2 * moved + 1e-6, name
