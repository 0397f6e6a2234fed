"""The boards' files held against the types of ``@grafana/schema`` by the TypeScript compiler."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from board_pictures import COMPONENTS, MISSING, MODULES

from grafana.__main__ import BOARDS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not MODULES.exists() or shutil.which("node") is None, reason=MISSING)
OPTIONS = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--moduleResolution",
    "bundler",
    "--module",
    "esnext",
    "--target",
    "es2022",
]
WRONG = {
    '"graphMode": "none"': '"graphMode": "nothing"',
    '"gridPos": {': '"gridPosition": {',
    '"id": "byName"': '"id": 7',
    '"refresh": 2': '"refresh": 9',
    '"drawStyle": "line"': '"drawStile": "line"',
}
"""What a board might get wrong, by what is right."""


def complaints(folder: Path, boards: dict[str, str]) -> list[str]:
    """Return the compiler's complaints about boards, by file."""
    (folder / "node_modules").symlink_to(MODULES.resolve())
    shutil.copy(COMPONENTS / "boards.ts", folder)
    for name, text in boards.items():
        (folder / f"{name}.ts").write_text(
            f"import type {{ Board }} from './boards';\nexport const it: Board = {text};\n"
        )
    files = [f"{name}.ts" for name in boards]
    compiler = MODULES / "typescript" / "bin" / "tsc"
    said = subprocess.run(["node", compiler, *OPTIONS, *files], cwd=folder, capture_output=True, text=True, check=False)
    assert not said.stdout.startswith("error"), said.stdout  # of options that it does not know
    return re.findall(r"^\S+\.ts\(.*$", said.stdout, re.MULTILINE)


def test_every_board_is_of_grafanas_types_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    right = {board.name: board.path.read_text() for board in BOARDS}
    wrong = {}
    for place, (good, bad) in enumerate(WRONG.items()):
        board = next(text for text in right.values() if good in text)
        wrong[f"wrong{place}"] = board.replace(good, bad, 1)
    found = complaints(tmp_path, {**right, **wrong})
    assert [each for each in found if not each.startswith("wrong")] == []
    assert {each.partition(".")[0] for each in found} == wrong.keys()
