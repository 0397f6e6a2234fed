"""Where the soaked daemon lives: texts, a champion, references, configuration and rules, as an operator has them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.soaking.traffic import DRIFTED, KNOWN, write_texts
from driftwatch.demo.champion import train_champion
from driftwatch.demo.prose import paragraphs
from driftwatch.demo.workspace import Workspace, free_port

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = 100
AGE_HOURS = 2
MODELLED, LOGGED, GROUPED, DRILLED = "docs", "prompts", "chat", "answers"
STREAMS = (MODELLED, LOGGED, GROUPED, DRILLED)

ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "PYTHONWARNINGS": "ignore",
}

_CONFIG = """\
state_dir = "state"
policies = ["policies/*.yaml"]
recipes = ["recipes/*.toml"]

[daemon]
listen = "127.0.0.1:{port}"
poll = "200ms"

[alerts.webhook]
url = "{receiver}"
"""

_STREAM = """
[streams.{name}]
{model}window = {window}
false_alarms = "1 per 7d"

[streams.{name}.encoder]
kind = "static"

[streams.{name}.reference]
data = ["training.jsonl"]
sample = {sample}

[streams.{name}.retention]
age = "{age}h"
reports = "30d"

[streams.{name}.models]
keep = 2
"""

_SOURCES = {
    MODELLED: '[[streams.docs.sources]]\ntype = "http"\n',
    LOGGED: '[[streams.prompts.sources]]\ntype = "file"\npath = "prompts.jsonl"\nid = "id"\ntime = "time"\n',
    GROUPED: '[[streams.chat.sources]]\ntype = "http"\ngroup = "session"\n',
    DRILLED: (
        '[[streams.answers.sources]]\ntype = "http"\n\n[[streams.answers.drills]]\nname = "other-topic"\n'
        'texts = "drifted.jsonl"\nshare = 0.5\nevery = "4h"\nwithin = 1000\n'
    ),
}

POLICY = """\
# Written anew every few simulated hours: {mark}
stream: "*"
rules:
  - name: text-drifted
    when: drift.alarm
    do: alert
    labels: {{severity: ticket}}
    annotations: {{summary: "The text has drifted ({{{{ drift.new_share | percent }}}} new)"}}
  - name: look-closer
    when: drift.alarm
    for: 2 windows
    do: report
    limits: {{cooldown: 8h}}
  - name: learn-it
    when: drift.alarm
    for: 6 windows
    do: retrain
    recipe: soak
    need: {{fresh_texts: 550}}
    limits: {{cooldown: 5h}}
    gates:
      quality: {{min_gain: 0.0}}
      forgetting: {{max_loss: 5.0}}
      bias: {{max_increase: 50.0, neutral: 0}}
    promote: auto
    probation: {{windows: 2, max_increase: 5.0}}
"""

_RECIPE = """\
learning_rates = [1e-3]
epochs = 1.0
batch = 8
context = 128
max_texts = 1_000
checkpoint_steps = 1_000
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Workspace):
    """The deployment's folder and port."""

    @property
    def database(self) -> Path:
        """The store."""
        return self.state / "driftwatch.db"

    @property
    def log(self) -> Path:
        """The file that stream ``prompts`` follows."""
        return self.folder / "prompts.jsonl"

    @property
    def policy(self) -> Path:
        """The rules."""
        return self.folder / "policies" / "soak.yaml"


def prepare(folder: Path, *, receiver: str, reference: int) -> Place:
    """Write everything, train the champion and build every stream's reference.

    Args:
        folder: made by this call.
        receiver: URL that alerts are posted to.
        reference: texts of each reference.
    """
    place = Place(folder=folder, port=free_port())
    for below in ("policies", "recipes"):
        (folder / below).mkdir(parents=True)
    known = paragraphs(KNOWN, reference)
    write_texts(folder / "training.jsonl", known)
    write_texts(folder / "drifted.jsonl", paragraphs(DRIFTED, 600))
    train_champion(known[:300], folder / "champion", scratch=folder / "scratch", on_progress=lambda *_: None)
    place.policy.write_text(POLICY.format(mark="at the start"))
    (folder / "recipes" / "soak.toml").write_text(_RECIPE)
    place.log.touch()
    place.config.write_text(_configuration(place, receiver, reference))
    for stream in STREAMS:
        driftwatch(place, "reference", "build", stream)
    return place


def driftwatch(place: Place, *arguments: str) -> None:
    """Run a command on the deployment, as its operator would."""
    command = [sys.executable, "-m", "driftwatch", *arguments, "--config", str(place.config)]
    subprocess.run(command, check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)


def _configuration(place: Place, receiver: str, reference: int) -> str:
    parts = [_CONFIG.format(port=place.port, receiver=receiver)]
    for name in STREAMS:
        model = 'model = "champion"\n' if name == MODELLED else ""
        parts.append(_STREAM.format(name=name, model=model, window=WINDOW, sample=reference, age=AGE_HOURS))
        parts.append(_SOURCES[name])
    return "\n".join(parts)
