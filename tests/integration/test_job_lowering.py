"""A coefficient that is lowered: killed at any change to the disk, the job comes to the same candidate."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import lowering_child
from corpus import paragraphs
from models import tiny_causal


def test_killed_before_any_change_to_the_disk_it_comes_to_the_same_candidate(tmp_path: Path) -> None:
    texts = paragraphs(["json", "email"], 40)
    for name, seed in (("champion", 0), ("trained", 1)):
        tiny_causal(tmp_path / name, texts, vocab=400, width=16, layers=1, steps=1, seed=seed)
    program = [sys.executable, lowering_child.__file__, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(program, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    killed = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert {"os.rename", "os.mkdir", "open"} <= {each["change"] for each in killed}
    assert {each["chosen"] for each in killed} == {lowering_child.REFUSED, lowering_child.LOWERED}, "before and after"
    assert [each for each in killed if not each["fits"]] == [], "the candidate is always the chosen one's"
    assert [each for each in killed if not each["same"]] == []
    assert {tuple(each["left"]) for each in killed} <= {("candidate", "merge.json", "trained")}
