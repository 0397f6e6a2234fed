"""What the daemon imports of this room must stay light."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "torch", "transformers", "scipy", "httpx", "pydantic", "sqlalchemy")


@pytest.mark.parametrize(
    "room",
    [
        "recipe",
        "launchers",
        "launchers.dispatch",
        "patience",
        "promote",
        "reload",
        "collect.settings",
    ],
)
def test_nothing_heavy_comes_with_it(room: str) -> None:
    program = f"import sys, driftwatch.retrain.{room}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""


def test_finetune_and_gates_wait_with_torch_until_they_run() -> None:
    program = (
        "import sys, driftwatch.retrain.finetune, driftwatch.retrain.launchers.torchrun, driftwatch.gate.required;"
        "print(*[name for name in ('torch', 'transformers', 'scipy', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""


def test_collecting_waits_with_what_is_heavy() -> None:
    program = (
        "import sys, driftwatch.retrain.dataset, driftwatch.retrain.collect.page, driftwatch.retrain.collect.canaries;"
        "print(*[name for name in ('torch', 'transformers', 'scipy', 'rensa', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
