"""A real stream with a real model, candidates that are better and worse on its traffic, and runs ready to promote."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from corpus import paragraphs
from models import tiny_causal
from run_samples import run_spec

from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.cycle import Cycle, Progressed
from driftwatch.domain.analysis import Analysis, AnalysisRequest
from driftwatch.domain.run import Probation, Run, RunState
from driftwatch.domain.text import Text
from driftwatch.features.model import model_digest
from driftwatch.policy.ruleset import Policy
from driftwatch.worker import Analyst

if TYPE_CHECKING:
    from driftwatch.config import Config
    from driftwatch.store import Store

STREAM = "docs"
WINDOW = 60
QUIET, DRIFTED = ("numpy", "sklearn/linear_model"), ("litestar", "accelerate")
AT = datetime(2026, 3, 1, tzinfo=UTC)
PROMOTING = (RunState.COLLECTING, RunState.TRAINING, RunState.JUDGING, RunState.PROMOTING)


@cache
def drifted() -> list[str]:
    return paragraphs(DRIFTED, 600 + 6 * WINDOW)


def production(count: int, *, start: int = 0) -> list[Text]:
    """Texts of the drifted kind that no candidate was trained on."""
    bodies = drifted()[600 + start : 600 + start + count]
    return [
        Text(id=f"p{number}", body=body, seen_at=AT + timedelta(seconds=number))
        for number, body in enumerate(bodies, start)
    ]


def fresh() -> list[Text]:
    return [Text(id=f"f{number}", body=body, seen_at=AT) for number, body in enumerate(drifted()[:600])]


def better(champion: Path, folder: Path) -> Path:
    """The champion, trained some more on the drifted texts."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(str(champion))
    tokenizer = AutoTokenizer.from_pretrained(str(champion))
    tokens = [token for text in fresh() for token in (0, *tokenizer(text.body)["input_ids"])]
    rows = torch.tensor(tokens[: len(tokens) // 64 * 64]).view(-1, 64)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for step in range(30):
        batch = rows[(torch.arange(8) + 8 * step) % len(rows)]
        model(input_ids=batch, labels=batch).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return _saved(model, champion, folder)


def worse(champion: Path, folder: Path) -> Path:
    """The champion with noise in its weights."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(str(champion))
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
    return _saved(model, champion, folder)


def _saved(model: object, champion: Path, folder: Path) -> Path:
    shutil.copytree(champion, folder)
    model.save_pretrained(str(folder))  # type: ignore[attr-defined]
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One folder with a stream's state, put back to its beginning by ``begin``."""

    folder: Path

    @property
    def config(self) -> Config:
        return load_config(self.folder / "driftwatch.toml", environ=os.environ)

    @property
    def models(self) -> Path:
        return self.folder / "state" / "models" / STREAM

    def candidate(self, name: str) -> Path:
        return self.folder / name

    def keep(self, name: str) -> None:
        """Keep the state as it is now; no store is open."""
        shutil.copytree(self.folder / "state", self.folder / name, symlinks=True)

    def begin(self, more: str = "", *, state: str = "saved") -> Store:
        """Restore a state, by default the one after the reference was built, with more settings; returns its store."""
        shutil.rmtree(self.folder / "state", ignore_errors=True)
        shutil.copytree(self.folder / state, self.folder / "state", symlinks=True)
        (self.folder / "driftwatch.toml").write_text(_CONFIG + more)
        return wiring.open_store(self.config)

    def run(self, store: Store, name: str, *, probation: Probation = Probation(), number: int = 1) -> Run:
        """Queue a run whose candidate has passed its gates."""
        champion, reference = store.registry.champion(STREAM), store.registry.reference(STREAM)
        assert champion is not None
        assert reference is not None
        spec = run_spec(
            f"{STREAM}-w{number:07d}",
            stream=STREAM,
            window=number,
            last_seq=2,
            reference=reference.version,
            champion=champion.version,
            probation=probation,
        )
        store.runs.create(spec, reason="asked")
        version = f"m{model_digest(self.candidate(name)).removeprefix('sha256:')[:12]}"
        for state in PROMOTING:
            store.runs.move(spec.id, to=state, reason="on", round=1, candidate=version)
        return store.runs.get(spec.id)

    def promote(self, store: Store, run: Run, name: str) -> Run:
        wiring.promote(self.config, store, run, candidate=self.candidate(name), fresh=fresh(), heldout=(), memory=())
        return store.runs.get(run.spec.id)

    def cycle(self, store: Store, policy: Policy | None = None) -> Cycle:
        config, rules = self.config, policy or Policy(hash="none", rules={})
        return Cycle(
            stream=STREAM,
            size=WINDOW,
            budget=config.streams[STREAM].budget,
            store=store,
            analyst=InProcess(Analyst(config)),
            policy=lambda: rules,
            receivers=("webhook",),
            clock=wiring.CLOCK,
        )

    def assess(self, store: Store, windows: int, *, start: int = 0) -> None:
        """Take in that many windows of production and assess them, by a worker that begins anew for each."""
        for index in range(start, start + windows):
            texts = production(WINDOW, start=index * WINDOW)
            store.texts.take_in(STREAM, source="file", texts=texts, cursor=None, counts={})
            assert self.cycle(store).step() is Progressed.ASSESSED


@dataclass(frozen=True, slots=True)
class InProcess:
    """The analyst without a process around it; requests and answers go through the worker's own wire format."""

    analyst: Analyst
    stopped: bool = False

    def assess(self, request: AnalysisRequest) -> Analysis:
        import msgspec

        sent = msgspec.msgpack.decode(msgspec.msgpack.encode(request), type=AnalysisRequest)
        return msgspec.msgpack.decode(msgspec.msgpack.encode(self.analyst.assess(sent)), type=Analysis)


_CONFIG = f"""\
[streams.{STREAM}]
model = "champion"
window = {WINDOW}
[streams.{STREAM}.encoder]
kind = "champion"
[streams.{STREAM}.reference]
data = ["training.jsonl"]
sample = 500
[alerts.webhook]
url = "http://127.0.0.1:9/"
"""


def stream_in(folder: Path) -> Stream:
    """Train the champion and its candidates, build the reference, and keep that state."""
    folder.mkdir(parents=True)
    training = paragraphs(QUIET, 500)
    champion = tiny_causal(folder / "champion", training)
    better(champion, folder / "better")
    worse(champion, folder / "worse")
    (folder / "training.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in training))
    (folder / "driftwatch.toml").write_text(_CONFIG)
    stream = Stream(folder=folder)
    wiring.build_reference(stream.config, STREAM)
    (folder / "state").rename(folder / "saved")
    return stream
