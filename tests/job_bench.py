"""A stream whose runs are worked on within the test: its champion, reference and fresh texts, and the run asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corpus import paragraphs
from models import tiny_causal
from run_samples import run_spec

from driftwatch import wiring
from driftwatch.config import Config, load_config
from driftwatch.domain.run import GateLimits, Recipe, Run, RunId, RunSpec
from driftwatch.domain.text import Text
from driftwatch.job import Job
from driftwatch.store import Store

STREAM = "docs"
CONFIG = """\
state_dir = "state"
[streams.docs]
model = "champion"
encoder = {{kind = "champion"}}
reference = {{data = ["training.jsonl"], sample = {sample}}}
"""


@dataclass(frozen=True)
class Bench:
    """A stream with a champion, its reference and fresh texts of another domain."""

    config: Config
    store: Store
    spec: RunSpec

    @property
    def kept(self) -> list[Path]:
        folder = self.config.state_dir / "neutral" / STREAM
        return sorted(folder.rglob("*.json")) if folder.is_dir() else []

    def folder(self, run: str) -> Path:
        return self.config.state_dir / "runs" / run

    def queue(self, name: str, **change: object) -> RunId:
        run = RunId(name)
        self.store.runs.create(replace(self.spec, id=run, **change), reason="a test asked")  # type: ignore[arg-type]
        return run

    def play(self, name: str, *, config: Config | None = None, **change: object) -> Run:
        run = self.queue(name, **change)
        Job(config or self.config, self.store, run).work()
        return self.store.runs.get(run)


def make_bench(
    folder: Path,
    *,
    training: int,
    sample: int,
    fresh: Sequence[str],
    labels: Sequence[str] = (),
    recipe: Recipe,
    limits: GateLimits,
    **model: int,
) -> Bench:
    """Train the champion, build its reference, and take fresh texts in; whoever asks closes the store.

    Args:
        folder: of the deployment.
        training: texts that the champion learns.
        sample: most of them in the reference.
        fresh: bodies of texts that came since.
        labels: given to them in turns, as ``part``.
        recipe: of the run.
        limits: of its gates.
        model: what ``tiny_causal`` is told besides.
    """
    known = paragraphs(("numpy",), training)
    tiny_causal(folder / "champion", known, **model)
    (folder / "training.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in known))
    (folder / "driftwatch.toml").write_text(CONFIG.format(sample=sample))
    config = load_config(folder / "driftwatch.toml", environ={})
    wiring.build_reference(config, STREAM)
    store, at = wiring.open_store(config), wiring.CLOCK.now()
    texts = [
        Text(id=str(n), body=body, seen_at=at, labels={"part": labels[n % len(labels)]} if labels else {})
        for n, body in enumerate(fresh)
    ]
    store.texts.take_in(STREAM, source="test", texts=texts, cursor=None, counts={})
    champion, reference = store.registry.champion(STREAM), store.registry.reference(STREAM)
    assert champion is not None
    assert reference is not None
    spec = run_spec(
        "none",
        stream=STREAM,
        rule="model-suffers",
        window=3,
        last_seq=len(texts),
        reference=reference.version,
        champion=champion.version,
        recipe=recipe,
        limits=limits,
        approve=True,
    )
    return Bench(config, store, spec)
