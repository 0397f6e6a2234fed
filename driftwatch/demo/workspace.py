"""The demo's own folder: texts, champion, configuration and policy, as a user would have them."""

from __future__ import annotations

import fcntl
import json
import shutil
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

STREAM = "docs"
WINDOW = 250
_MARK = ".driftwatch-demo"

_CONFIG = """\
# Written by `driftwatch demo`. Durations and sizes are in words; unknown keys are errors.
state_dir = "state"
policies = ["policies/*.yaml"]

[daemon]
listen = "127.0.0.1:{port}"
poll = "200ms"

{alerts}

[streams.{stream}]
model = "champion"
window = {window}
# A few minutes of the demo stand for weeks of production, so an hour stands for years.
false_alarms = "1 per 1h"

[streams.{stream}.encoder]
name = "{encoder}"

[streams.{stream}.reference]
data = ["training.jsonl"]
heldout = ["heldout.jsonl"]
sample = 2000

[[streams.{stream}.sources]]
type = "file"
path = "production.jsonl"

[[streams.{stream}.sources]]
type = "http"
"""

_POLICY = """\
# Alert as soon as the text has drifted; retrain when the model suffers from it for three windows.
stream: [{stream}]
rules:
  - name: text-drifted
    when: drift.alarm
    do: alert
    labels: {{severity: ticket}}
    annotations: {{summary: "The text has drifted from what the model learned"}}
  - name: model-suffers
    when: drift.alarm && loss.increase > 0.05
    for: 3 windows
    do: retrain
    recipe: small
    need: {{fresh_texts: 700}}
    limits: {{cooldown: 1h}}
    worth: {{probe_gain: 0.02}}
    gates: {{quality: {{min_gain: 0.05}}, forgetting: {{max_loss: 0.25}}, bias: {{max_increase: 0.5, neutral: 2}}}}
    promote: auto
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Where everything of one deployment lies."""

    folder: Path
    port: int

    @property
    def config(self) -> Path:
        """The daemon's configuration."""
        return self.folder / "driftwatch.toml"

    @property
    def state(self) -> Path:
        """The daemon's state."""
        return self.folder / "state"

    @property
    def log(self) -> Path:
        """The production log that the file source follows."""
        return self.folder / "production.jsonl"

    @property
    def url(self) -> str:
        """Where the daemon listens."""
        return f"http://127.0.0.1:{self.port}"


def make(folder: Path, *, port: int | None = None) -> Workspace:
    """Return an empty workspace, replacing an earlier demo's.

    Args:
        folder: of the workspace.
        port: where its daemon will listen; None for any that is free.

    Raises:
        ConflictError: the folder holds something else, or a demo is at work in it.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise ConflictError(
            "the folder is not empty and not a demo's", where=str(folder), cure="name another with --folder"
        )
    if (folder / _MARK).exists():
        with held(folder):
            shutil.rmtree(folder)
    (folder / "policies").mkdir(parents=True)
    (folder / _MARK).touch()
    return Workspace(folder=folder, port=free_port() if port is None else port)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a demo's folder to oneself.

    Raises:
        ConflictError: another demo is at work in it.
    """
    with (folder / _MARK).open("ab") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            cure = "stop it with Ctrl-C, or name another with --folder"
            raise ConflictError("a demo is at work in the folder", where=str(folder), cure=cure) from error
        yield


def write_texts(path: Path, texts: Sequence[str]) -> None:
    """Write one JSON object a line, adding to what is there."""
    with path.open("a", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"text": text}) + "\n" for text in texts)


def to_webhook(url: str) -> str:
    """Return the part of the configuration that sends alerts to a webhook."""
    return f'[alerts.webhook]\nurl = "{url}"'


def to_alertmanager(url: str, *, link: str) -> str:
    """Return the part of the configuration that sends alerts to an Alertmanager, with where the pages are."""
    return f'[alerts.alertmanager]\nurl = "{url}"\nlink = "{link}"'


def configure(workspace: Workspace, *, alerts: str, encoder: str) -> None:
    """Write the configuration and the policy.

    Args:
        workspace: whose.
        alerts: part of the configuration that says where alerts go.
        encoder: its name or folder.
    """
    workspace.config.write_text(
        _CONFIG.format(port=workspace.port, alerts=alerts, stream=STREAM, window=WINDOW, encoder=encoder)
    )
    (workspace.folder / "policies" / "demo.yaml").write_text(_POLICY.format(stream=STREAM))
    workspace.log.touch()


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
