"""Records scenario streams of real text in a store, through the daemon's pipeline; no rule decides on them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.retraining.small_models import train_champion
from driftwatch import rebase, wiring
from driftwatch.config import load_config
from driftwatch.cycle import Cycle, Progressed
from driftwatch.domain.text import Text
from driftwatch.store import Champion
from driftwatch.worker import Analyst

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.domain.analysis import Analysis, AnalysisRequest
    from driftwatch.store import Store

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = 250
BEFORE, AFTER = 4, 12
"""Windows recorded before a change and from it on; of a stream without one, as many in all."""

_STEPS = 400
_HELD_OUT = 6
"""Every so many of the reference's texts are held out from the model: the baseline of its loss."""

_HEAD = """\
state_dir = "state"
policies = ["recorded-without-rules/*.yaml"]
"""
_STREAM = """
[streams.{name}]
model = "{model}"
window = {window}

[streams.{name}.encoder]
kind = "static"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A stream of real text, and what happens in it.

    Args:
        name: of its folder.
        pace: time that a window of it takes.
        kind: what happens.
        change_at: recorded window in which it begins; None where nothing does.
        first: text of the stream that the recording begins with.
    """

    name: str
    pace: timedelta
    kind: str
    change_at: int | None
    first: int = 0

    def windows_after(self, window: int) -> int | None:
        """Return how many windows after the change a window is; None without a change, or before it."""
        return None if self.change_at is None or window < self.change_at else window - self.change_at + 1


def find(data: Path, name: str, pace: timedelta) -> Scenario:
    """Return a scenario of the folder."""
    truth = json.loads((data / "scenarios" / name / "truth.json").read_text(encoding="utf-8"))
    if (at := truth["change_at"]) is None:
        return Scenario(name=name, pace=pace, kind=truth["kind"], change_at=None)
    first = max(at - BEFORE * WINDOW, 0)
    return Scenario(name=name, pace=pace, kind=truth["kind"], change_at=(at - first) // WINDOW, first=first)


def configure(folder: Path, scenarios: Sequence[Scenario]) -> Config:
    """Write and read a configuration with a stream for each scenario."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "driftwatch.toml"
    streams = (_STREAM.format(name=each.name, model=folder / "models" / each.name, window=WINDOW) for each in scenarios)
    file.write_text(_HEAD + "".join(streams), encoding="utf-8")
    return load_config(file, environ={})


def record(data: Path, config: Config, scenario: Scenario) -> int:
    """Train a model on a scenario's reference and assess its whole stream; what is recorded already is left as it is.

    Returns:
        The number of windows.
    """
    clock = _Clock()
    store = wiring.open_store(config, clock=clock)
    try:
        if store.registry.reference(scenario.name) is None:
            _found(data, config, store, scenario)
        return _assess(config, store, scenario, clock)
    finally:
        store.close()


def _found(data: Path, config: Config, store: Store, scenario: Scenario) -> None:
    """Train the model, build its reference, and store the stream's texts."""
    from driftwatch.features.model import model_digest

    place = data / "scenarios" / scenario.name
    known = _bodies(place / "reference.jsonl")
    heldout, training = known[::_HELD_OUT], [body for number, body in enumerate(known) if number % _HELD_OUT]
    model = train_champion(config.path.parent / "models" / scenario.name, training, steps=_STEPS)
    settings = config.streams[scenario.name]
    made = rebase.make(
        rebase.Ingredients(texts=_texts("t", training), heldout=_texts("h", heldout)),
        stream=scenario.name,
        seed=settings.reference.seed,
        sample=settings.reference.sample,
        extract=wiring.extractor(config, settings, champion=model).features,
        folder=config.state_dir / "references" / scenario.name,
        at=BEGIN,
    )
    stream = _bodies(place / "stream.jsonl")[scenario.first :][: (BEFORE + AFTER) * WINDOW]
    step = scenario.pace / WINDOW
    texts = [Text(id=f"s{number}", body=body, seen_at=BEGIN + number * step) for number, body in enumerate(stream)]
    store.texts.take_in(scenario.name, source="scenario", texts=texts, cursor=None, counts={})
    serving = Champion(
        stream=scenario.name,
        version="v1",
        path=str(model),
        digest=model_digest(model),
        at=BEGIN,
        reference=made.row.version,
    )
    store.registry.set_champion(serving, reference=made.row, reason="the model of the scenario")


def _assess(config: Config, store: Store, scenario: Scenario, clock: _Clock) -> int:
    policy = wiring.load_policy(config)
    cycle = Cycle(
        stream=scenario.name,
        size=WINDOW,
        budget=config.streams[scenario.name].budget,
        store=store,
        analyst=_InThisProcess(Analyst(config)),
        policy=lambda: policy,
        receivers=(),
        clock=clock,
    )
    index = store.windows.position(scenario.name).index
    while True:
        clock.at = BEGIN + (index + 1) * scenario.pace
        outcome = cycle.step()
        if outcome is Progressed.WAITING:
            return index
        if outcome is not Progressed.ASSESSED:
            raise RuntimeError(f"{scenario.name}, window {index}: {cycle.trouble}")
        index += 1


@dataclass(slots=True)
class _Clock:
    at: datetime = BEGIN

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class _InThisProcess:
    """The worker's analyst without a process of its own."""

    analyst: Analyst
    stopped: bool = False

    def assess(self, request: AnalysisRequest) -> Analysis:
        return self.analyst.assess(request)


def _texts(prefix: str, bodies: Sequence[str]) -> list[Text]:
    return [Text(id=f"{prefix}{number}", body=body, seen_at=BEGIN) for number, body in enumerate(bodies)]


def _bodies(file: Path) -> list[str]:
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]
