"""The demo's own folder: texts, champion, configuration and policy, as a user would have them."""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Sequence
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

[alerts.webhook]
url = "{receiver}"

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
    worth: {{probe_gain: 0.05}}
    gates: {{quality: {{min_gain: 0.05}}, forgetting: {{max_loss: 0.25}}, bias: {{max_increase: 0.5, neutral: 2}}}}
    promote: auto
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Where everything of one demo lies."""

    folder: Path
    port: int

    @property
    def config(self) -> Path:
        """The daemon's configuration."""
        return self.folder / "driftwatch.toml"

    @property
    def log(self) -> Path:
        """The production log that the file source follows."""
        return self.folder / "production.jsonl"

    @property
    def url(self) -> str:
        """Where the daemon listens."""
        return f"http://127.0.0.1:{self.port}"


def make(folder: Path) -> Workspace:
    """Return an empty workspace, replacing an earlier demo's.

    Raises:
        ConflictError: the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise ConflictError(
            "the folder is not empty and not a demo's", where=str(folder), cure="name another with --folder"
        )
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "policies").mkdir(parents=True)
    (folder / _MARK).touch()
    return Workspace(folder=folder, port=free_port())


def write_texts(path: Path, texts: Sequence[str]) -> None:
    """Write one JSON object a line, adding to what is there."""
    with path.open("a", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"text": text}) + "\n" for text in texts)


def configure(workspace: Workspace, *, receiver: str, encoder: str) -> None:
    """Write the configuration and the policy."""
    workspace.config.write_text(
        _CONFIG.format(port=workspace.port, receiver=receiver, stream=STREAM, window=WINDOW, encoder=encoder)
    )
    (workspace.folder / "policies" / "demo.yaml").write_text(_POLICY.format(stream=STREAM))
    workspace.log.touch()


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
