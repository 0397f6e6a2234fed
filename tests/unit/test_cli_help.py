from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer
from typer.testing import CliRunner

from driftwatch import __version__
from driftwatch.cli import app

HEAVY = ("torch", "numpy", "scipy", "sklearn", "sqlalchemy", "transformers", "evidently", "litestar")


def commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path
        return
    for name, child in children.items():
        yield from commands(child, (*path, name))


ALL = sorted(commands(typer.main.get_command(app)))


def test_every_command_of_the_manual_is_there() -> None:
    names = {" ".join(path) for path in ALL}
    assert {"init", "check", "run", "reference build", "reference list", "reference show", "drift"} <= names
    assert {"policy check", "runs list", "runs show", "runs approve", "runs cancel", "runs rollback"} <= names
    assert {"bias check", "status", "doctor", "demo", "reload"} <= names


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_has_a_summary_and_an_example(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*path, "--help"])
    assert done.exit_code == 0
    words = " ".join(done.output.split())
    assert f"Example: driftwatch {' '.join(path)}" in words
    assert "Usage" in words


def test_help_is_quick_and_light() -> None:
    program = (
        "import sys; from driftwatch.cli import app; from typer.testing import CliRunner\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version() -> None:
    done = subprocess.run([sys.executable, "-m", "driftwatch", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"driftwatch {__version__}"
