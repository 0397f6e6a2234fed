"""The page of a run: everything it says is there, escaped, and read off the run's folder as far as that can be read."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
from page_tree import Tree
from run_samples import ODD, curve, declined, prediction, waiting

from driftwatch.domain.features import LossUnit
from driftwatch.domain.run import RunState
from driftwatch.retrain.merge import save_curve
from driftwatch.retrain.probe.record import RECORD, save_prediction
from driftwatch.retrain.report import BIAS_PAGE, CARD_PAGE, PAGE, Trail, TrainedStep, read_trail, run_page, write_report


def test_a_whole_run_is_told_from_state_to_state() -> None:
    page = Tree(run_page(*waiting()))
    for words in (
        "Stage by stage",
        "card",
        "Probe: is it worth it?",
        "Round 1 of 2",
        "Training loss",
        "chosen: 0.58",
        "most allowed",
        "not-shown",
        "2 slices, the worst first",
        "1.5 h",
        "of 6 h allowed",
        "Could not run, which refuses: no texts.",
    ):
        assert words in page.text, words
    judged = page.text[page.text.index("Judgement") :]
    assert judged.index("Quality") < judged.index("Forgetting") < judged.index("Bias ")
    assert ("href", "/streams/support/windows/12") in page.attributes


def test_what_users_wrote_is_escaped_and_shown() -> None:
    page = Tree(run_page(*waiting()))
    assert ODD in page.text
    assert not {"script", "b>"} & set(page.tags)
    assert "<b>&" not in run_page(*waiting())


def test_a_declined_run_shows_its_probe_and_no_more() -> None:
    page = Tree(run_page(*declined()))
    assert "Not worth it: expected gain +0.0050" in page.text
    assert "Judgement" not in page.text
    assert "Round 1" not in page.text


def test_every_figure_is_in_the_unit_of_the_models_loss() -> None:
    run, trail = waiting()
    unit, assumed = LossUnit.LABELLED_TEXT, curve()
    points = tuple(replace(point, unit=unit) for point in assumed.points)
    verdicts = tuple(
        replace(each, measures=tuple(replace(m, unit=m.unit.replace("nats/token", unit)) for m in each.measures))
        for each in run.verdicts
    )
    shown = replace(
        trail, prediction=replace(prediction(0.3, 0.1), unit=unit), curves={1: replace(assumed, points=points)}
    )
    moves = tuple(replace(moved, reason="on") for moved in run.transitions)
    page = run_page(replace(run, transitions=moves, verdicts=verdicts), shown)
    assert "nats/token" not in page
    assert "nats per token" not in page
    assert page.count(unit) > 5


def test_a_probe_without_a_word_is_said_so() -> None:
    run, _ = declined()
    quiet = replace(prediction(0.0, 0.0), note="few texts")
    assert "The probe foretells nothing (few texts)" in Tree(run_page(run, Trail(prediction=quiet))).text


def test_a_run_that_has_just_begun_has_a_page() -> None:
    run, _ = waiting()
    assert RunState.AWAITING_APPROVAL.value in run_page(run, Trail())


def test_records_are_read_as_far_as_they_can_be(tmp_path: Path) -> None:
    assert read_trail(tmp_path) == Trail()
    save_prediction(prediction(0.3, 0.1), tmp_path / "probe" / RECORD)
    save_curve(curve(), tmp_path / "merge-1.json")
    (tmp_path / "merge-2.json").write_text("{")
    steps = [TrainedStep(step=1, loss=3.0), TrainedStep(step=2, loss=2.5), TrainedStep(step=2, loss=2.0)]
    lines = b"\n".join(msgspec.json.encode(step) for step in steps)
    (tmp_path / "training-1.jsonl").write_bytes(lines + b'\n{"step": 3, "lo')
    (tmp_path / CARD_PAGE).write_text("<section>card</section>")
    (tmp_path / BIAS_PAGE).write_text("<section>bias</section>")
    trail = read_trail(tmp_path)
    assert trail.prediction == prediction(0.3, 0.1)
    assert trail.losses == {1: (steps[0], steps[2])}
    assert trail.curves == {1: curve()}
    assert trail.card == "<section>card</section>"
    assert trail.bias == "<section>bias</section>"
    assert "<section>bias</section>" in run_page(waiting()[0], trail)


def test_the_page_is_written_whole(tmp_path: Path) -> None:
    run, trail = waiting()
    write_report(run, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [PAGE]
    assert (tmp_path / PAGE).read_text() == run_page(run, Trail())
    assert trail != Trail()


def test_the_daemon_can_show_it_without_anything_heavy() -> None:
    heavy = "import sys, driftwatch.retrain.report; print([n for n in ('numpy', 'torch', 'scipy') if n in sys.modules])"
    told = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
