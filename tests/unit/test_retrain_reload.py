from __future__ import annotations

import json
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from driftwatch.retrain.reload import ReloadReport, ReloadSettings, reload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def tell(settings: ReloadSettings, folder: Path) -> ReloadReport:
    return reload(settings, stream="support", version="v2", path=folder)


@contextmanager
def receiver(status: int) -> Iterator[tuple[str, list[object]]]:
    """Run a server that answers with the status and keeps what it was sent."""
    got: list[object] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/reload", got
        finally:
            server.shutdown()
            thread.join()


def test_nothing_to_tell(tmp_path: Path) -> None:
    assert tell(ReloadSettings(), tmp_path) == ReloadReport(called=0, problems=())


def test_the_command_gets_the_resolved_folder(tmp_path: Path) -> None:
    (tmp_path / "v2").mkdir()
    (tmp_path / "current").symlink_to("v2")
    code = (
        "import os, sys; told = sys.argv[2], os.environ['DRIFTWATCH_PATH'], os.environ['DRIFTWATCH_VERSION'];"
        "open(sys.argv[1], 'w').write(' '.join(told))"
    )
    settings = ReloadSettings(command=(sys.executable, "-c", code, str(tmp_path / "told"), "{stream}:{path}"))
    assert tell(settings, tmp_path / "current") == ReloadReport(called=1, problems=())
    resolved = str((tmp_path / "v2").resolve())
    assert (tmp_path / "told").read_text() == f"support:{resolved} {resolved} v2"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ((sys.executable, "-c", "import sys; sys.exit('no such server')"), "ended with code 1: no such server"),
        ((sys.executable, "-c", "raise SystemExit(3)"), "ended with code 3: no message"),
        (("/nowhere/reload",), "/nowhere/reload cannot be started: No such file or directory"),
        ((sys.executable, "-c", "import threading; threading.Event().wait()"), "did not end within 0.3 s"),
    ],
)
def test_a_failing_command_is_reported(tmp_path: Path, command: tuple[str, ...], problem: str) -> None:
    patience = timedelta(seconds=0.3 if "within" in problem else 30)
    report = tell(ReloadSettings(command=command, timeout=patience), tmp_path)
    assert report.called == 1
    assert problem in report.problems[0]


def test_the_webhook_gets_the_facts(tmp_path: Path) -> None:
    with receiver(204) as (url, got):
        assert tell(ReloadSettings(webhook=url), tmp_path) == ReloadReport(called=1, problems=())
    assert got == [{"stream": "support", "version": "v2", "path": str(tmp_path.resolve())}]


def test_a_failing_webhook_is_reported(tmp_path: Path) -> None:
    with receiver(503) as (url, _):
        assert tell(ReloadSettings(webhook=url), tmp_path).problems == ("the reload webhook answered 503",)
    assert "did not answer" in tell(ReloadSettings(webhook=url), tmp_path).problems[0]


def test_settings_check_themselves() -> None:
    with pytest.raises(ValueError, match="must begin with http"):
        ReloadSettings(webhook="ftp://host/")
    with pytest.raises(ValueError, match="longer than nothing"):
        ReloadSettings(timeout=timedelta(0))
