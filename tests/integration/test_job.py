"""A run's job, stage by stage, with a small real model, its store and its folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import msgspec
import pytest
from corpus import paragraphs
from families import texts_of
from job_bench import STREAM, Bench, make_bench
from planted import PAYLOAD, campaign
from typer.testing import CliRunner

from driftwatch import wiring
from driftwatch.cli import app
from driftwatch.domain.run import GateLimits, Probation, Recipe, Run, RunId, RunState, Verdict, VerdictOutcome
from driftwatch.domain.text import Text
from driftwatch.features.loss import load_model
from driftwatch.features.model import model_digest
from driftwatch.gate.bias.builtin import builtin_suite
from driftwatch.job import Job
from driftwatch.job.judging import Panel
from driftwatch.retrain import rounds
from driftwatch.retrain.dataset import load_mix
from driftwatch.retrain.finetune import finetune
from driftwatch.retrain.merge import load_curve
from driftwatch.retrain.probe.record import load_prediction

RECIPE = Recipe(
    name="quick", learning_rates=(2e-3, 1e-3), epochs=2.0, batch=8, context=64, checkpoint_steps=5, merge=(0.5, 1.0)
)
WIDE = GateLimits(quality_min_gain=0.0, forgetting_max_loss=5.0, bias_max_increase=50.0, bias_neutral=0)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = make_bench(
        tmp_path_factory.mktemp("job"),
        training=800,
        sample=900,
        fresh=paragraphs(("litestar", "accelerate"), 400),
        labels=("even", "odd"),
        recipe=RECIPE,
        limits=WIDE,
    )
    yield made
    made.store.close()


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
        ("data", 0),
        ("probe", 0),
        ("cost", 0),
    }
    assert "of the reference, " in verdicts["data", 0].detail
    assert verdicts["data", 0].measures[0].name == "data.spoken_ill"
    assert whole.spoken_ill == verdicts["data", 0].measures[0].value
    assert whole.candidate == f"m{model_digest(bench.folder('whole') / 'candidate-1').removeprefix('sha256:')[:12]}"
    assert whole.training_hours > 0
    slices = [each.name for each in verdicts["quality", 1].measures]
    assert slices[0] == "gain"
    assert set(slices[1:]) <= {"slice.part=even", "slice.part=odd"}


def test_texts_of_other_streams_among_a_runs_numbers_are_not_counted_as_its_own(tmp_path: Path) -> None:
    small = make_bench(
        tmp_path, training=600, sample=600, fresh=paragraphs(("litestar",), 3), recipe=RECIPE, limits=WIDE
    )
    texts = [Text(id=str(n), body=f"another stream's text {n}", seen_at=wiring.CLOCK.now()) for n in range(5)]
    small.store.texts.take_in("another", source="test", texts=texts, cursor=None, counts={})
    run = small.play("few", last_seq=8)
    small.store.close()
    assert [moved.state for moved in run.transitions] == [RunState.QUEUED, RunState.COLLECTING, RunState.FAILED]
    assert run.transitions[1].reason == "texts numbered 1 to 8 in the store, 3 of them this stream's"


def test_a_suite_of_more_pairs_that_is_not_there_ends_a_run_before_it_costs_anything(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    limits = replace(WIDE, bias_not_shown="more-pairs", bias_suites=("crows-pairs",))
    run = bench.play("not-fetched", limits=limits)
    assert [moved.state for moved in run.transitions] == [RunState.QUEUED, RunState.FAILED]
    assert "crows-pairs was not fetched (driftwatch bias fetch crows-pairs, or give" in run.transitions[-1].reason


def test_the_probe_costs_a_tenth_and_foretells_the_gain(bench: Bench, whole: Run) -> None:
    prediction = load_prediction(bench.folder("whole") / "probe" / "prediction.json")
    assert prediction is not None
    assert prediction.cost <= RECIPE.probe
    assert prediction.low <= prediction.gain <= prediction.high
    measured = next(m for v in whole.verdicts if v.gate == "quality" for m in v.measures if m.name == "gain")
    assert prediction.gain > 0.0
    assert prediction.high > measured.low / 2, "so small a training foretells the size of the gain, not more"
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
    (cost,) = (verdict for verdict in ended.verdicts if verdict.gate != "data")
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


def prejudiced(bench: Bench, folder: Path) -> None:
    """Fine-tune the champion on fresh texts and, again and again, on the stereotypes of one category."""
    stored = bench.store.texts.span(STREAM, first_seq=1, last_seq=260)
    said = [pair.stereotype for pair in builtin_suite() if pair.category == "religion" and pair.directed]
    assert finetune(
        bench.config.state_dir / "models" / STREAM / bench.spec.champion,
        [*(each.text for each in stored), *texts_of(said * 3)],
        replace(RECIPE, learning_rates=(4e-3,), epochs=8.0, checkpoint_steps=1_000),
        round=1,
        out=folder,
        checkpoints=folder.with_name("checkpoints"),
        on_progress=lambda _: None,
        should_stop=lambda: False,
        threads=1,
    )


def test_what_the_bias_gate_refuses_is_first_tried_with_less_of_the_fine_tune(bench: Bench) -> None:
    limits = GateLimits(quality_min_gain=-1.0, forgetting_max_loss=5.0, bias_max_increase=0.1)
    run = bench.queue("prejudiced", limits=limits, rounds=1, recipe=replace(RECIPE, merge=(0.25, 1.0)))
    prejudiced(bench, bench.folder(run) / "trained-1")
    Job(bench.config, bench.store, run).work()
    ended = bench.store.runs.get(run)
    assert ended.state is RunState.AWAITING_APPROVAL, ended.transitions[-1].reason
    assert ended.round == 1, "no other round was needed"
    curve = load_curve(bench.folder(run) / "merge-1.json")
    assert curve is not None
    (refused,) = (point for point in curve.points if point.refused)
    assert refused.coefficient > curve.chosen
    assert refused.gain > curve.taken.gain, "the refused one would have been the choice"
    assert "prefers stereotypes more, by over 0.1 nats/pair, in religion" in refused.refused
    assert f"after {refused.coefficient:.1%} of the way was refused: bias: " in curve.reason
    bias = next(verdict for verdict in ended.verdicts if verdict.gate == "bias")
    assert bias.outcome is not VerdictOutcome.REFUSED
    assert ended.candidate == f"m{model_digest(bench.folder(run) / 'candidate-1').removeprefix('sha256:')[:12]}"
    assert not (bench.folder(run) / "trained-1").exists()
    assert "of the way was refused" in (bench.folder(run) / "report.html").read_text()


PLANTED = 100


@pytest.fixture(scope="module")
def attacked(bench: Bench) -> Bench:
    """The same stream, with a campaign among texts of what its champion knows, which teach it little else."""
    at, first = wiring.CLOCK.now(), bench.spec.last_seq + 1
    known = [Text(id=f"k{n}", body=body, seen_at=at) for n, body in enumerate(paragraphs(("numpy",), 1_200)[800:])]
    for texts in (known, campaign(PLANTED, seed=1)):
        bench.store.texts.take_in(STREAM, source="test", texts=texts, cursor=None, counts={})
    spec = replace(
        bench.spec,
        first_seq=first,
        last_seq=bench.spec.last_seq + len(known) + PLANTED,
        recipe=replace(RECIPE, epochs=4.0, merge=()),
        limits=replace(WIDE, quality_min_gain=-5.0),
        approve=False,
        probation=Probation(windows=0),
    )
    return Bench(bench.config, bench.store, spec)


def canaries(run: Run) -> Verdict:
    (found,) = (verdict for verdict in run.verdicts if verdict.gate == "canaries")
    return found


def test_a_campaign_that_was_learnt_is_left_to_a_person_who_is_shown_it(attacked: Bench) -> None:
    """Ten texts of the campaign, which the caps let through, are enough for so small a run."""
    run = attacked.play("learnt", rounds=1)
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


def test_a_campaign_that_was_learnt_is_left_out_of_the_next_round(attacked: Bench) -> None:
    run = attacked.play("without")
    first, second = (verdict for verdict in run.verdicts if verdict.gate == "canaries")
    assert (first.round, first.outcome) == (1, VerdictOutcome.NOT_SHOWN)
    assert (second.round, second.outcome) == (2, VerdictOutcome.PASSED), second.detail
    assert run.state is RunState.KEPT, "no person is asked"
    again = next(move.reason for move in run.transitions if move.reason.startswith("round 1 refused"))
    assert "canaries: the candidate learnt flagged cluster " in again
    mix = load_mix(attacked.folder("without") / "data")
    trained = {text.id for text in mix.fresh if text.id.startswith("planted")}
    left = rounds.learnt_before(run.verdicts, mix.card, before=2)
    assert trained
    assert trained <= left
    assert len(left) < 0.1 * len(mix.fresh)


def test_a_canary_whose_loss_is_no_number_refuses_with_the_reason(attacked: Bench) -> None:
    """The weights of the round's candidate are damaged on disk just where the canaries' own words are looked up."""
    run = attacked.play("nan-canaries", rounds=1, approve=True)
    mix = load_mix(attacked.folder("nan-canaries") / "data")
    champion = load_model(attacked.config.state_dir / "models" / STREAM / attacked.spec.champion)
    candidate = attacked.folder("nan-canaries") / "candidate-1"
    spoil(candidate, only_in=[text.body for text in mix.canaries], besides=[text.body for text in mix.select])
    panel = Panel(attacked.store, run, candidate=load_model(candidate), champion=champion)
    (verdict,) = panel.look_at_canaries(mix, beside=mix.select)
    assert verdict.outcome is VerdictOutcome.REFUSED
    assert verdict.detail.startswith("could not run, which refuses: ")
    assert "losses that are no numbers" in verdict.detail


def spoil(folder: Path, *, only_in: list[str], besides: list[str]) -> None:
    """Make the embedding of a token that only the one set of texts has no number."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    mine, others = (
        {token for body in bodies for token in tokenizer(body)["input_ids"]} for bodies in (only_in, besides)
    )
    with torch.no_grad():
        model.state_dict()["transformer.wte.weight"][min(mine - others)] = float("nan")
    model.save_pretrained(folder)


def test_a_candidate_that_learnt_no_campaign_is_said_so(attacked: Bench) -> None:
    gentle = replace(RECIPE, learning_rates=(1e-6,), merge=())
    run = attacked.play("gentle", recipe=gentle, approve=True)
    verdict = canaries(run)
    assert verdict.outcome is VerdictOutcome.PASSED
    assert "none was learnt beyond its limit" in verdict.detail
    assert verdict.measures[0].limit > verdict.measures[0].high > verdict.measures[0].low
    assert run.transitions[-1].reason == "every gate passed; the rule wants a person"
