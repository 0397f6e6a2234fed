"""A run's job, stage by stage, with a small real model, its store and its folder."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import msgspec
import pytest
from corpus import paragraphs
from models import tiny_causal
from planted import PAYLOAD, campaign
from typer.testing import CliRunner

from driftwatch import wiring
from driftwatch.cli import app
from driftwatch.config import Config, load_config
from driftwatch.domain.run import GateLimits, Probation, Recipe, Run, RunId, RunSpec, RunState, Verdict, VerdictOutcome
from driftwatch.domain.text import Text
from driftwatch.features.model import model_digest
from driftwatch.job import Job
from driftwatch.retrain.merge import load_curve
from driftwatch.retrain.probe.record import load_prediction
from driftwatch.store import Store

STREAM = "docs"
CONFIG = """\
state_dir = "state"
[streams.docs]
model = "champion"
encoder = {kind = "champion"}
reference = {data = ["training.jsonl"], sample = 900}
"""
RECIPE = Recipe(
    name="quick", learning_rates=(2e-3, 1e-3), epochs=2.0, batch=8, context=64, checkpoint_steps=5, merge=(0.5, 1.0)
)
WIDE = GateLimits(quality_min_gain=0.0, forgetting_max_loss=5.0, bias_max_increase=50.0, bias_neutral=0)


@dataclass(frozen=True)
class Bench:
    """A stream with a champion, its reference and fresh texts of another domain."""

    config: Config
    store: Store
    spec: RunSpec

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


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("job")
    training = paragraphs(("numpy",), 800)
    tiny_causal(folder / "champion", training)
    (folder / "training.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in training))
    (folder / "driftwatch.toml").write_text(CONFIG)
    config = load_config(folder / "driftwatch.toml", environ={})
    wiring.build_reference(config, STREAM)
    store = wiring.open_store(config)
    at = wiring.CLOCK.now()
    fresh = [
        Text(id=str(n), body=body, seen_at=at, labels={"part": "even" if n % 2 == 0 else "odd"})
        for n, body in enumerate(paragraphs(("litestar", "accelerate"), 400))
    ]
    store.texts.take_in(STREAM, source="test", texts=fresh, cursor=None, counts={})
    champion, reference = store.registry.champion(STREAM), store.registry.reference(STREAM)
    assert champion is not None
    assert reference is not None
    spec = RunSpec(
        id=RunId("none"),
        stream=STREAM,
        rule="model-suffers",
        window=3,
        first_seq=1,
        last_seq=len(fresh),
        reference=reference.version,
        champion=champion.version,
        recipe=RECIPE,
        limits=WIDE,
        approve=True,
    )
    yield Bench(config, store, spec)
    store.close()


@pytest.fixture(scope="module")
def whole(bench: Bench) -> Run:
    return bench.play("whole", worth=0.001)


def test_a_run_goes_through_every_stage_with_its_reasons(bench: Bench, whole: Run) -> None:
    assert [moved.state for moved in whole.transitions] == [
        RunState.QUEUED,
        RunState.COLLECTING,
        RunState.PROBING,
        RunState.TRAINING,
        RunState.JUDGING,
        RunState.AWAITING_APPROVAL,
    ]
    assert "expected gain" in whole.transitions[3].reason
    verdicts = {(verdict.gate, verdict.round): verdict for verdict in whole.verdicts}
    assert set(verdicts) == {
        *((gate, 1) for gate in ("quality", "forgetting", "bias", "cost")),
        ("probe", 0),
        ("cost", 0),
    }
    assert whole.candidate == f"m{model_digest(bench.folder('whole') / 'candidate-1').removeprefix('sha256:')[:12]}"
    assert whole.training_hours > 0
    slices = [each.name for each in verdicts["quality", 1].measures]
    assert slices[0] == "gain"
    assert set(slices[1:]) <= {"slice.part=even", "slice.part=odd"}


def test_the_probe_costs_a_tenth_and_foretells_the_gain(bench: Bench, whole: Run) -> None:
    prediction = load_prediction(bench.folder("whole") / "probe" / "prediction.json")
    assert prediction is not None
    assert prediction.cost <= RECIPE.probe
    assert prediction.low <= prediction.gain <= prediction.high
    measured = next(m for v in whole.verdicts if v.gate == "quality" for m in v.measures if m.name == "gain")
    assert prediction.high > measured.low
    assert list((bench.folder("whole") / "probe").iterdir()) == [bench.folder("whole") / "probe" / "prediction.json"]


def test_the_merge_keeps_its_curve_and_the_page_shows_it_all(bench: Bench, whole: Run) -> None:
    curve = load_curve(bench.folder("whole") / "merge-1.json")
    assert curve is not None
    assert {0.5, 1.0} <= {point.coefficient for point in curve.points}
    page = (bench.folder("whole") / "report.html").read_text()
    for words in (
        "Stage by stage",
        "What it trains on",
        "Bias: the candidate of round 1 against the champion",
        "Probe: is it worth it?",
        "Training loss",
        "Merge with the champion",
    ):
        assert words in page
    assert f"chosen: {curve.chosen:.3g}" in page
    assert "<script" not in page
    assert whole.state.value in page


def test_what_the_bias_suite_showed_is_kept_for_machines_too(bench: Bench, whole: Run) -> None:
    record = msgspec.json.decode((bench.folder("whole") / "bias-1.json").read_bytes())
    gate = next(verdict for verdict in whole.verdicts if verdict.gate == "bias")
    rises = {f"bias.{row['category']}{'' if row['directed'] else '.symmetry'}": row for row in record["change"]}
    assert rises.keys() == {measure.name for measure in gate.measures}
    for measure in gate.measures:
        assert rises[measure.name]["mean"] == pytest.approx(measure.value, abs=1e-9)


def test_what_is_not_worth_it_is_declined_before_its_training(bench: Bench) -> None:
    run = bench.play("declined", worth=20.0)
    assert run.state is RunState.DECLINED
    assert run.transitions[-1].reason.startswith("not worth it: expected gain ")
    assert "below 20" in run.transitions[-1].reason
    (probe,) = (verdict for verdict in run.verdicts if verdict.gate == "probe")
    assert probe.outcome is VerdictOutcome.REFUSED
    assert not list(bench.folder("declined").glob("trained-*"))
    assert "declined" in (bench.folder("declined") / "report.html").read_text()


def test_a_job_stopped_again_and_again_ends_like_one_left_alone(bench: Bench, whole: Run) -> None:
    run = bench.queue("stopped", worth=0.001)
    for stop_at in (4, 30, 12):
        stopped_after(stop_at, bench, run)
        assert bench.store.runs.get(run).state in (RunState.PROBING, RunState.TRAINING)
    Job(bench.config, bench.store, run).work()
    ended = bench.store.runs.get(run)
    assert ended.state is RunState.AWAITING_APPROVAL
    assert ended.candidate == whole.candidate
    assert [v for v in ended.verdicts if v.gate != "cost"] == [v for v in whole.verdicts if v.gate != "cost"]


def stopped_after(looks: int, bench: Bench, run: RunId) -> None:
    """Work on a run with a clock that tells its job to stop at its so-manyth look."""
    told, stopping = count(1), threading.Event()

    def now() -> float:
        if (look := next(told)) == looks:
            stopping.set()
        return float(look)

    Job(bench.config, bench.store, run, stopping=stopping, now=now).work()


def test_hours_used_up_end_the_run_with_that_reason(bench: Bench) -> None:
    seconds = count(0, 60)
    run = bench.queue("slow", max_hours=0.2)
    Job(bench.config, bench.store, run, now=lambda: float(next(seconds))).work()
    ended = bench.store.runs.get(run)
    assert ended.state is RunState.REJECTED
    assert ended.transitions[-1].reason.startswith("the 0.2 hours of training that the rule allows are used up")
    assert ended.training_hours >= 0.2
    (cost,) = ended.verdicts
    assert (cost.gate, cost.outcome) == ("cost", VerdictOutcome.REFUSED)


def test_hours_used_up_in_the_probe_decline_the_run(bench: Bench) -> None:
    seconds = count(0, 600)
    run = bench.queue("slow-probe", max_hours=0.2, worth=0.001)
    Job(bench.config, bench.store, run, now=lambda: float(next(seconds))).work()
    ended = bench.store.runs.get(run)
    assert ended.state is RunState.DECLINED
    assert ended.transitions[-1].reason.endswith("are used up, in the probe")


def test_a_round_that_forgets_is_followed_by_one_that_replays_more(bench: Bench) -> None:
    limits = replace(WIDE, forgetting_max_loss=-1.0)
    run = bench.play("forgetful", limits=limits, rounds=2)
    assert run.state is RunState.REJECTED
    assert run.transitions[-1].reason.startswith("no round left: forgetting: ")
    losses = [(bench.folder("forgetful") / f"training-{number}.jsonl").read_text().count("\n") for number in (1, 2)]
    assert losses[1] > losses[0]  # more text, so more steps
    curve = load_curve(bench.folder("forgetful") / "merge-1.json")
    assert curve is not None
    assert "no coefficient keeps forgetting below -1" in curve.reason


PLANTED = 100


@pytest.fixture(scope="module")
def attacked(bench: Bench) -> Bench:
    """The same stream, with a campaign among its last fresh texts."""
    bench.store.texts.take_in(STREAM, source="test", texts=campaign(PLANTED, seed=1), cursor=None, counts={})
    spec = replace(bench.spec, last_seq=bench.spec.last_seq + PLANTED, approve=False, probation=Probation(windows=0))
    return Bench(bench.config, bench.store, spec)


def canaries(run: Run) -> Verdict:
    (found,) = (verdict for verdict in run.verdicts if verdict.gate == "canaries")
    return found


def test_a_campaign_that_was_learnt_is_left_to_a_person_who_is_shown_it(attacked: Bench) -> None:
    """Ten texts of the campaign, which the caps let through, are enough for so small a run."""
    run = attacked.play("learnt")
    verdict = canaries(run)
    assert (verdict.outcome, verdict.round) == (VerdictOutcome.NOT_SHOWN, 1)
    measure = verdict.measures[0]  # of the largest cluster; a phrase of the documentation may be another
    assert (measure.name, measure.unit) == ("cluster 1", "nats/token")
    assert measure.n >= 10, "canaries"
    assert measure.low > measure.limit
    assert run.state is RunState.AWAITING_APPROVAL, "though the rule promotes by itself"
    assert run.transitions[-1].reason == f"not shown to be safe: canaries: {verdict.detail}"
    assert verdict.detail.startswith("the candidate learnt flagged cluster ")
    page = (attacked.folder("learnt") / "report.html").read_text()
    assert "<h3>Canaries " in page
    assert "The candidate learnt flagged cluster " in page
    assert " ".join(PAYLOAD.split()[:5]) in page
    config = str(attacked.config.state_dir.parent / "driftwatch.toml")
    shown = CliRunner().invoke(app, ["runs", "show", "learnt", "--config", config], env={"COLUMNS": "300"}).output
    assert "canaries" in shown
    assert "cluster 1" in shown


def test_a_candidate_that_learnt_no_campaign_is_said_so(attacked: Bench) -> None:
    gentle = replace(RECIPE, learning_rates=(1e-6,), merge=())
    run = attacked.play("gentle", recipe=gentle, limits=replace(WIDE, quality_min_gain=-1.0), approve=True)
    verdict = canaries(run)
    assert verdict.outcome is VerdictOutcome.PASSED
    assert "none was learnt beyond its limit" in verdict.detail
    assert verdict.measures[0].limit > verdict.measures[0].high > verdict.measures[0].low
    assert run.transitions[-1].reason == "every gate passed; the rule wants a person"
