"""Neutral fine-tunes of a run: trained once for a champion, kept as scores, stopped and taken up again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
import run_child
from corpus import paragraphs
from job_bench import STREAM, Bench, make_bench

from driftwatch.domain.run import GateLimits, Recipe, Run, RunId, RunState, Verdict
from driftwatch.job import Job

RECIPE = Recipe(name="quick", learning_rates=(2e-3,), epochs=1.0, batch=8, context=64, checkpoint_steps=5, merge=())
LIMITS = GateLimits(quality_min_gain=-5.0, forgetting_max_loss=5.0, bias_max_increase=50.0, bias_neutral=2)


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = make_bench(
        tmp_path_factory.mktemp("neutral"),
        training=700,
        sample=600,
        fresh=paragraphs(("litestar",), 250),
        recipe=RECIPE,
        limits=LIMITS,
        vocab=1_000,
        steps=20,
    )
    yield made
    made.store.close()


def bias(run: Run) -> Verdict:
    (found,) = (verdict for verdict in run.verdicts if verdict.gate == "bias")
    return found


@pytest.fixture(scope="module")
def first(stream: Bench) -> Run:
    """A run left alone; beside its champion's there is what was kept of a champion whose model is gone."""
    gone = stream.config.state_dir / "neutral" / STREAM / "mgone"
    gone.mkdir(parents=True)
    (gone / "x-1.json").write_text("{}")
    return stream.play("first")


def test_they_are_trained_for_a_champion_and_their_scores_alone_are_kept(stream: Bench, first: Run) -> None:
    assert first.state is RunState.AWAITING_APPROVAL, first.transitions[-1].reason
    assert "training noise from 2 neutral fine-tunes" in bias(first).detail
    assert len(stream.kept) == 2
    assert {file.parent.name for file in stream.kept} == {stream.spec.champion}, "the other champion's are gone"
    beside = [verdict for verdict in first.verdicts if (verdict.gate, verdict.round) == ("cost", 0)]
    assert beside[0].measures[0].value > 0, "their hours count"
    assert not list((stream.config.state_dir / "runs" / "first").glob("neutral-*")), "their models are gone"


def test_a_later_run_of_the_same_champion_knows_them(stream: Bench, first: Run) -> None:
    written = [file.stat().st_mtime_ns for file in stream.kept]
    second = stream.play("second")
    assert [file.stat().st_mtime_ns for file in stream.kept] == written
    assert bias(second) == bias(first)


def test_a_job_stopped_amid_them_ends_like_one_left_alone(stream: Bench, first: Run) -> None:
    shutil.rmtree(stream.config.state_dir / "neutral")
    run = stream.queue("stopped")
    for stop_at, kept in (("neutral fine-tune 1 of 2", 0), ("neutral fine-tune 2 of 2", 1)):
        stopped_while(stop_at, stream, run)
        present = stream.store.runs.get(run)
        assert present.state is RunState.JUDGING
        assert "bias" not in {verdict.gate for verdict in present.verdicts}
        assert len(stream.kept) == kept
    Job(stream.config, stream.store, run).work()
    assert bias(stream.store.runs.get(run)) == bias(first)


def test_a_job_killed_amid_one_goes_on_and_ends_like_one_left_alone(stream: Bench, first: Run) -> None:
    shutil.rmtree(stream.config.state_dir / "neutral")
    run, stage = stream.queue("killed"), "neutral fine-tune 2 of 2"
    killed_at = worked_in_a_process(stream, run, kill=(stage, RECIPE.checkpoint_steps + 2))
    assert killed_at > RECIPE.checkpoint_steps, "a checkpoint lies there"
    present = stream.store.runs.get(run)
    assert present.state is RunState.JUDGING
    assert "bias" not in {verdict.gate for verdict in present.verdicts}
    assert len(stream.kept) == 1, "what is half trained is not kept"
    first_step = worked_in_a_process(stream, run, told_of=stage)
    assert first_step > 1, "it goes on from its checkpoint"
    assert bias(stream.store.runs.get(run)) == bias(first)
    assert len(stream.kept) == 2
    assert not list((stream.config.state_dir / "runs" / run).glob("*neutral-*")), "nothing of the training is left"


def worked_in_a_process(
    bench: Bench, run: RunId, *, kill: tuple[str, int] | None = None, told_of: str | None = None
) -> int:
    """Work on a run in a process of its own.

    Args:
        bench: of the run.
        run: which.
        kill: kill it with signal 9 as soon as it tells of this stage and so many steps or more.
        told_of: the stage of which the first step is wanted, where it is not killed.

    Returns:
        The step at which it was killed, or the first that it told of a stage.
    """
    program = [sys.executable, run_child.__file__, str(bench.config.state_dir.parent / "driftwatch.toml"), run]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    wanted, least = kill or (told_of, 1)
    found: list[int] = []
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if not line.startswith(run_child.TOLD):
                continue
            done, stage = line.removeprefix(run_child.TOLD).rstrip().split(" ", 1)
            if stage == wanted and int(done) >= least:
                found.append(int(done))
                if kill is not None:
                    child.send_signal(signal.SIGKILL)
                    break
    assert child.returncode == (-signal.SIGKILL if kill is not None else 0)
    return found[0]


def stopped_while(stage: str, bench: Bench, run: RunId) -> None:
    """Work on a run until it tells that stage."""
    stopping, moments = threading.Event(), count()

    def now() -> float:
        progress = bench.store.runs.get(run).progress
        if progress is not None and progress.stage == stage:
            stopping.set()
        return float(next(moments))

    Job(bench.config, bench.store, run, stopping=stopping, now=now).work()


def test_hours_used_up_leave_the_noise_assumed(stream: Bench) -> None:
    shutil.rmtree(stream.config.state_dir / "neutral")
    run = stream.queue("slow", max_hours=0.5)
    seconds = count(0, 20)

    def now() -> float:
        progress = stream.store.runs.get(run).progress
        late = progress is not None and progress.stage.startswith("neutral")
        return float(next(seconds)) + (10_000 if late else 0)

    Job(stream.config, stream.store, run, now=now).work()
    ended = stream.store.runs.get(run)
    assert "training noise assumed" in bias(ended).detail
    assert not stream.kept
    assert ended.state is RunState.AWAITING_APPROVAL


def test_a_candidate_that_is_refused_anyway_costs_none(stream: Bench) -> None:
    run = stream.play("refused", limits=replace(LIMITS, quality_min_gain=50.0), rounds=1)
    assert run.state is RunState.REJECTED
    assert not stream.kept
    assert "training noise assumed" in bias(run).detail
