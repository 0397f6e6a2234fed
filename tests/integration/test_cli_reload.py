"""``driftwatch reload`` against the daemon's real web face, on its own socket."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result
from web_client import Daemon, Shelf, app_of

from driftwatch.cli import app
from driftwatch.web import ReloadResult, serve_locally

DEADLINE = 60.0


def reload(folder: Path, port: int) -> Result:
    config = folder / "driftwatch.toml"
    config.write_text(f'[daemon]\nlisten = "127.0.0.1:{port}"\n[streams.docs]\n')
    return CliRunner().invoke(app, ["reload", "--config", str(config)])


@pytest.mark.parametrize(
    ("errors", "code", "said"),
    [
        ((), 0, "reloaded"),
        (("p.yaml:4:11: unknown variable",), 5, "p.yaml:4:11: unknown variable"),
        (("p.yaml:4:11: unknown\n  ^",), 5, "p.yaml:4:11: unknown\n  ^\ncure: driftwatch check shows"),
    ],
)
def test_reload_says_what_the_daemon_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errors: tuple[str, ...], code: int, said: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    daemon = Daemon()
    daemon.reloaded = ReloadResult(errors=errors, detail="policy 1234")
    (tmp_path / "state").mkdir()
    server = serve_locally(app_of(Shelf(), daemon), tmp_path / "state" / "control.sock")
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        done = reload(tmp_path, 1)
    finally:
        server.should_exit = True
        thread.join(DEADLINE)
    assert done.exit_code == code, done.output
    assert said in done.output


def test_no_daemon_is_told(tmp_path: Path) -> None:
    done = reload(tmp_path, 1)
    assert done.exit_code == 1
    assert "the daemon does not answer" in done.stderr
