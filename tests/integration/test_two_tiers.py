"""A stream with two tiers of encoders, real ones: built, watched, shown; and a reference of one encoder refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from corpus import paragraphs
from encoders import tiny_bert
from typer.testing import CliRunner, Result

from driftwatch import wiring
from driftwatch.cli import app
from driftwatch.config import Config, load_config
from driftwatch.cycle import Cycle, Progressed
from driftwatch.domain.errors import DigestMismatchError
from driftwatch.domain.features import Embeddings
from driftwatch.drift.archive import load_reference
from driftwatch.drift.tiers import chosen
from driftwatch.features.encoder import EncoderSettings, load_encoder
from driftwatch.features.extractor import Extractor
from driftwatch.features.tokens import TokenizerCounter
from driftwatch.worker import Analyst

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.domain.analysis import Analysis, AnalysisRequest
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.protocols import Encoder

S = "docs"
WINDOW, READ = 120, 50
CONFIG = """\
[streams.docs]
window = 120

[streams.docs.encoder]
name = "encoder"
dims = 16
{texts}

[streams.docs.reference]
data = ["training.jsonl"]
heldout = ["heldout.jsonl"]

[[streams.docs.sources]]
type = "file"
path = "log.jsonl"
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiers")
    bodies = paragraphs(("numpy", "scipy"), 1_600)
    tiny_bert(folder / "encoder", bodies[:300])
    write(folder / "training.jsonl", bodies[:900])
    write(folder / "heldout.jsonl", bodies[900:1_000])
    write(folder / "log.jsonl", bodies[1_000:])
    (folder / "driftwatch.toml").write_text(CONFIG.format(texts=f"texts = {READ}"))
    built = run(folder, "reference", "build", S)
    assert built.exit_code == 0, built.output
    return folder


def write(file: Path, bodies: Sequence[str]) -> None:
    file.write_text("".join(json.dumps({"text": body}) + "\n" for body in bodies))


def run(folder: Path, *command: str, name: str = "driftwatch.toml") -> Result:
    return CliRunner().invoke(app, [*command, "--config", str(folder / name)], env={"COLUMNS": "300"})


@dataclass
class InProcess:
    """The worker's own analyst, without its process."""

    analyst: Analyst
    stopped: bool = False

    def assess(self, request: AnalysisRequest) -> Analysis:
        return self.analyst.assess(request)


def assessed(config: Config, *, restart: bool, windows: int) -> tuple[list[WindowResult], Cycle]:
    """Assess windows, by a new analyst each time where wanted; returns the results and the cycle."""
    store = wiring.open_store(config)
    try:
        (reader,) = wiring.readers(config, store, clock=wiring.CLOCK)
        page = reader.source.read(store.texts.cursor(S, reader.name), limit=1_000)
        reader.pipeline.take(page)
        policy = wiring.load_policy(config)
        analyst = Analyst(config)
        for _ in range(windows):
            cycle = Cycle(
                stream=S,
                size=WINDOW,
                budget=config.streams[S].budget,
                store=store,
                analyst=InProcess(Analyst(config) if restart else analyst),
                policy=lambda: policy,
                receivers=(),
                clock=wiring.CLOCK,
            )
            if cycle.step() is not Progressed.ASSESSED:
                break
        return list(reversed(store.windows.recent(S, limit=windows))), cycle
    finally:
        store.close()


def test_every_text_is_read_by_the_static_encoder_and_a_part_by_the_transformer(here: Path) -> None:
    config = load_config(here / "driftwatch.toml", environ={})
    found, cycle = assessed(config, restart=True, windows=3)
    assert len(found) == 3, cycle.trouble
    for each in found:
        assert each.value("window.texts") == WINDOW
        assert each.value("window.transformer_texts") == READ
        assert each.value("embedding.auc") is not None
        assert each.value("drift.evidence") is not None
    status = run(here, "status")
    assert f"{READ} of {WINDOW}" in status.output, status.output
    (stream,) = json.loads(run(here, "status", "--json").output)["streams"]
    measures = {each["name"]: each["value"] for each in stream["windows"][0]["measures"]}
    assert measures["window.transformer_texts"] == READ


def test_a_reference_shows_both_encoders_and_doctor_holds_both_against_it(here: Path) -> None:
    shown = run(here, "reference", "show", S)
    assert "static encoder, of every text" in shown.output, shown.output
    held = json.loads(run(here, "reference", "show", S, "--json").output)
    reference = load_reference(here / "state" / "references" / S / held["version"])
    assert (held["encoder"], held["transformer"]) == (reference.encoder, reference.tier)
    assert held["encoder"] != held["transformer"]
    for part in (reference.train, reference.cal, reference.heldout):
        tier = part.features.tier
        assert tier is not None
        assert tier.rows.tolist() == list(range(len(part.texts)))
        assert part.features.embeddings.values.shape[1] == 16
        assert tier.embeddings.values.shape[1] == 32
    found = run(here, "doctor").output
    assert f"at most {READ} texts of a window, and its static embeddings, that of reference" in found, found
    (here / "other.toml").write_text(CONFIG.format(texts=""))
    assert "is not what reference" in run(here, "doctor", name="other.toml").output


def test_a_look_at_a_file_reads_no_more_of_it_than_of_a_window(here: Path) -> None:
    done = run(here, "drift", str(here / "log.jsonl"), "--json")
    assert done.exit_code in (0, 3), done.output
    measures = {each["name"]: each["value"] for each in json.loads(done.stdout)["measures"]}
    assert (measures["window.texts"], measures["window.transformer_texts"]) == (600, READ)
    assert "drift.look_p" in measures


@pytest.mark.parametrize(("built", "used"), [("", f"texts = {READ}"), (f"texts = {READ}", "")])
def test_the_option_set_or_taken_out_asks_for_a_new_reference(
    here: Path, tmp_path: Path, built: str, used: str
) -> None:
    for name in ("training.jsonl", "heldout.jsonl", "log.jsonl", "encoder"):
        (tmp_path / name).symlink_to(here / name)
    (tmp_path / "driftwatch.toml").write_text(CONFIG.format(texts=built))
    assert run(tmp_path, "reference", "build", S).exit_code == 0
    (tmp_path / "driftwatch.toml").write_text(CONFIG.format(texts=used))
    config = load_config(tmp_path / "driftwatch.toml", environ={})
    found, cycle = assessed(config, restart=False, windows=1)
    assert found == []
    assert cycle.trouble is not None
    assert "two tiers" in cycle.trouble
    assert "reference build" in cycle.trouble
    with pytest.raises(DigestMismatchError):
        wiring.one_off(config, S, load_reference(next((tmp_path / "state" / "references" / S).iterdir())).cal.texts)
    assert run(tmp_path, "reference", "build", S).exit_code == 0
    found, cycle = assessed(config, restart=False, windows=1)
    assert len(found) == 1, cycle.trouble


class Counted:
    """A real encoder that notes how many texts it read."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.digest = encoder.digest
        self.read = 0

    def embed(self, bodies: Sequence[str]) -> Embeddings:
        self.read += len(bodies)
        return self._encoder.embed(bodies)


def test_the_transformer_reads_no_text_that_was_not_chosen(here: Path) -> None:
    settings = EncoderSettings(name=str(here / "encoder"), dims=16, texts=READ)
    static, transformer = (Counted(load_encoder(each, cache=here / "cache")) for each in (settings.static, settings))
    extractor = Extractor(static, TokenizerCounter(here / "encoder"), None, tier=transformer)
    texts = load_reference(next((here / "state" / "references" / S).iterdir())).cal.texts[:200]
    rows = chosen(texts, most=READ)
    features = extractor.features(texts, closely=rows)
    assert (static.read, transformer.read) == (200, READ)
    assert features.tier is not None
    alone = transformer.embed([texts[row].body for row in rows])
    np.testing.assert_allclose(features.tier.embeddings.values, alone.values, atol=1e-5)
    assert extractor.features(texts[:0], closely=rows[:0]).tier is not None
    assert extractor.features(texts, closely=rows[:0]).tier.rows.tolist() == []  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "texts", "said"),
    [("static", 200, "leave it out"), ("champion", 200, "leave it out"), ("transformer", 9, "at least 50")],
)
def test_a_bound_that_cannot_be_is_refused_where_it_is_set(tmp_path: Path, kind: str, texts: int, said: str) -> None:
    file = tmp_path / "driftwatch.toml"
    file.write_text(f'[streams.docs.encoder]\nkind = "{kind}"\ntexts = {texts}\n')
    checked = CliRunner().invoke(app, ["check", "--config", str(file)])
    assert checked.exit_code != 0
    assert said in " ".join(checked.output.split())
