from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from driftwatch.cli.frame import debug, told
from driftwatch.domain.errors import ConflictError, DriftwatchError


def invoke(failure: BaseException) -> Result:
    app = typer.Typer()

    def command() -> None:
        raise failure

    app.command()(told(command))
    return CliRunner().invoke(app, [])


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        (ConflictError("it stands elsewhere"), 5, "error: it stands elsewhere\n"),
        (ConflictError("it stands", where="here", cure="move it"), 5, "error: here: it stands\ncure: move it\n"),
        (DriftwatchError("a:1:2: one\nb:3:4: two", cure="both"), 1, "error: a:1:2: one\nb:3:4: two\ncure: both\n"),
        (PermissionError(13, "Permission denied", "x.toml"), 1, "error: x.toml: Permission denied\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_every_end_is_told(failure: BaseException, code: int, said: str) -> None:
    done = invoke(failure)
    assert done.exit_code == code
    assert done.stderr == said


def test_the_unexpected_names_the_way_to_its_cause() -> None:
    done = invoke(ZeroDivisionError("division by zero"))
    assert done.exit_code == 1
    assert "unexpected ZeroDivisionError: division by zero" in done.stderr
    assert "driftwatch --debug" in done.stderr


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(debug, "on", True)  # noqa: FBT003
    assert isinstance(invoke(ConflictError("it stands elsewhere")).exception, ConflictError)


def program(*arguments: str, folder: Path, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "driftwatch", *arguments]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "FORCE_COLOR": ""}
    return subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, cwd=folder, env=environ
    )


def _broken() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
def test_a_reader_that_leaves_is_no_error(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "driftwatch.toml").write_text("[streams.docs]\n")
    pipe = _broken()
    try:
        done = program("status", *options, folder=tmp_path, stdout=pipe)
    finally:
        os.close(pipe)
    assert done.stderr == ""


def test_no_colours_off_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "driftwatch.toml").write_text("[streams.docs]\n")
    done = program("check", folder=tmp_path)
    assert "warning" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_traceback_only_when_asked(tmp_path: Path) -> None:
    assert "Traceback" not in program("check", folder=tmp_path).stderr
    assert "Traceback" in program("--debug", "check", folder=tmp_path).stderr
