"""Rounds, hours and records of a run: what the next round does otherwise, and what is counted and kept."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random

import pytest
from mixes import mixed, text

from driftwatch.domain.errors import RunError
from driftwatch.domain.run import Recipe, Verdict, VerdictOutcome
from driftwatch.domain.text import Text
from driftwatch.job.judging import judgement, selection
from driftwatch.job.meter import SAVE_EVERY_SECONDS, Meter
from driftwatch.retrain.recipe import learning_rate
from driftwatch.retrain.rounds import forgot, replayed_texts, setting

RECIPE = Recipe(name="r", learning_rates=(4e-4, 2e-4), replay=0.2)


def texts(kind: str, number: int) -> list[Text]:
    letters, rng = "abcdefghijklmnopqrstuvwxyz", Random(kind)
    bodies = (" ".join("".join(rng.choices(letters, k=6)) for _ in range(8)) for _ in range(number))
    return [text(n, body, kind=kind) for n, body in enumerate(bodies)]


def test_a_round_that_forgot_nothing_has_the_recipes_setting() -> None:
    assert setting(RECIPE, round=2, forgot=0) is RECIPE


@pytest.mark.parametrize(
    ("round_", "forgotten", "rate", "replay"),
    [(2, 1, 2e-4, 0.4), (3, 1, 1e-4, 0.4), (3, 2, 1e-4, 0.5), (4, 3, 5e-5, 0.5)],
)
def test_rounds_that_forgot_replay_more_and_then_learn_slower(
    round_: int, forgotten: int, rate: float, replay: float
) -> None:
    found = setting(RECIPE, round=round_, forgot=forgotten)
    assert learning_rate(found, round=round_) == pytest.approx(rate)
    assert found.replay == pytest.approx(replay)


def test_a_recipe_that_replays_more_than_half_goes_on_so() -> None:
    assert setting(replace(RECIPE, replay=0.6), round=2, forgot=1).replay == 0.6


def test_only_earlier_rounds_that_did_not_hold_their_forgetting_count() -> None:
    def verdict(gate: str, number: int, outcome: VerdictOutcome) -> Verdict:
        return Verdict(gate=gate, round=number, outcome=outcome, detail="")

    said = [
        verdict("forgetting", 1, VerdictOutcome.REFUSED),
        verdict("forgetting", 2, VerdictOutcome.PASSED),
        verdict("quality", 2, VerdictOutcome.REFUSED),
        verdict("forgetting", 3, VerdictOutcome.NOT_SHOWN),
    ]
    assert [forgot(said, before=number) for number in (1, 2, 3, 4)] == [0, 1, 1, 2]


def test_more_replay_repeats_the_replayed_texts(tmp_path: Path) -> None:
    mix = mixed(texts("fresh", 400), texts("old", 1_000), RECIPE, tmp_path / "mix", seed=1)
    more = replayed_texts(mix, replay=0.5, usual=0.2)
    assert len(more) == len(mix.fresh)
    assert {text.id for text in more} == {text.id for text in mix.replay}
    assert replayed_texts(mix, replay=0.2, usual=0.2) is mix.replay


def test_what_is_chosen_by_and_what_is_judged_by_are_disjoint(tmp_path: Path) -> None:
    mix = mixed(texts("fresh", 400), texts("old", 2_000), RECIPE, tmp_path / "mix", seed=1)
    chosen, judged = selection(mix), judgement(mix)
    sides = [{text.id for text in side.reference} for side in (chosen, judged)]
    assert sides[0] | sides[1] == {text.id for text in mix.remembered}
    assert not sides[0] & sides[1]
    assert min(len(chosen.reference), len(judged.reference)) > 0.35 * len(mix.remembered)
    assert (chosen.fresh, judged.fresh) == (tuple(mix.select), tuple(mix.judge))


def test_a_group_is_on_one_side(tmp_path: Path) -> None:
    mix = mixed(texts("fresh", 400), texts("old", 2_000), RECIPE, tmp_path / "mix", seed=1)
    grouped = replace(mix, remembered=tuple(replace(t, group=f"g{n % 9}") for n, t in enumerate(mix.remembered)))
    sides = [{text.group for text in side.reference} for side in (selection(grouped), judgement(grouped))]
    assert not sides[0] & sides[1]


def test_hours_add_up_over_processes(tmp_path: Path) -> None:
    seconds = count(0, 1_800)
    first = Meter(tmp_path / "hours.json", now=lambda: next(seconds))
    with first.measuring(1):
        first.tick()
    again = Meter(tmp_path / "hours.json", now=lambda: next(seconds))
    with again.measuring(2):
        pass
    assert (again.of_round(1), again.of_round(2), again.hours) == (1.0, 0.5, 1.5)


def test_a_kill_loses_little_of_the_count(tmp_path: Path) -> None:
    now = 0.0
    meter = Meter(tmp_path / "hours.json", now=lambda: now)
    measuring = meter.measuring(1)
    measuring.__enter__()
    for _ in range(10):
        now += SAVE_EVERY_SECONDS
        meter.tick()
    assert Meter(tmp_path / "hours.json").hours * 3_600 == pytest.approx(10 * SAVE_EVERY_SECONDS)


def test_a_damaged_count_is_told(tmp_path: Path) -> None:
    (tmp_path / "hours.json").write_text("{")
    with pytest.raises(RunError, match="hours cannot be read"):
        Meter(tmp_path / "hours.json")
