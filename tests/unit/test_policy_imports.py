"""The daemon's rooms stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "driftwatch"
FILES = sorted([*(ROOT / "policy").glob("*.py"), *(ROOT / "alert").glob("*.py")])
HEAVY = {"numpy", "torch", "transformers", "scipy", "sklearn", "pandas", "evidently"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_no_heavy_package_is_named(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert not {name.partition(".")[0] for name in named} & HEAVY


def test_what_costs_time_is_imported_when_first_used() -> None:
    modules = ", ".join(f"driftwatch.{path.parent.name}.{path.stem}" for path in FILES if path.stem != "__init__")
    late = {"httpx", "cel_expr_python", "torch", "scipy", "sklearn"}
    code = f"import sys, {modules}; print(sorted({late} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
