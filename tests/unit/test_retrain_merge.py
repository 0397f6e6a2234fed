"""The merge: which coefficient is chosen, and what its weights are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwatch.domain.errors import ModelError, RunError
from driftwatch.retrain.merge import MergePoint, interpolate, load_curve, lower, save_curve, search
from driftwatch.retrain.merge.search import CLOSER_LOOKS, FINEST

GRID = (0.25, 0.5, 0.75, 1.0)


def lineage(
    gain: Callable[[float], float], loss: Callable[[float], float], *, width: float = 0.0
) -> Callable[[float], MergePoint]:
    """A model whose gain and loss are known for every coefficient, with intervals of one width."""

    def measure(x: float) -> MergePoint:
        return MergePoint(
            coefficient=x,
            gain=gain(x),
            gain_low=gain(x) - width,
            gain_high=gain(x) + width,
            loss=loss(x),
            loss_low=loss(x) - width,
            loss_high=loss(x) + width,
        )

    return measure


def test_without_forgetting_the_best_gain_is_taken() -> None:
    curve = search(lineage(lambda x: x, lambda _: 0.0), GRID, min_gain=0.0, max_loss=0.1)
    assert curve.chosen == 1.0
    assert len(curve.points) == 4


def test_the_limit_of_forgetting_is_closed_in_on() -> None:
    curve = search(lineage(lambda x: x, lambda x: x**2), GRID, min_gain=0.0, max_loss=0.4)
    assert 0.4**0.5 - 0.02 < curve.chosen <= 0.4**0.5
    assert curve.taken.bound <= 0.4
    assert "the best gain that keeps forgetting below 0.4" in curve.reason


def test_a_limit_below_the_whole_grid_is_closed_in_on_too() -> None:
    curve = search(lineage(lambda x: x, lambda x: 4 * x), GRID, min_gain=0.0, max_loss=0.5)
    assert curve.chosen == pytest.approx(0.125, abs=0.01)


def test_a_peak_of_the_gain_between_coefficients_is_found() -> None:
    curve = search(lineage(lambda x: 1 - (x - 0.6) ** 2, lambda _: 0.0), GRID, min_gain=0.0, max_loss=0.1)
    assert curve.chosen == pytest.approx(0.6, abs=FINEST)


def test_forgetting_keeps_twice_its_half_width_below_the_limit() -> None:
    curve = search(lineage(lambda x: x, lambda x: x, width=0.1), GRID, min_gain=0.0, max_loss=0.5)
    assert curve.chosen == pytest.approx(0.3, abs=0.03)
    assert curve.taken.loss + 2 * 0.1 <= 0.5


def test_where_nothing_is_allowed_the_least_forgetful_is_judged() -> None:
    curve = search(lineage(lambda x: x, lambda x: x), GRID, min_gain=0.0, max_loss=-1.0)
    assert curve.chosen == 0.25
    assert "no coefficient keeps forgetting below -1" in curve.reason


def test_a_refused_coefficient_leads_down_to_the_best_that_is_not() -> None:
    curve = search(lineage(lambda x: x, lambda _: 0.0), GRID, min_gain=0.3, max_loss=0.1)
    lowered = lower(curve, "bias: too much")
    assert lowered is not None
    assert lowered.chosen == 0.75
    assert [point.refused for point in lowered.points] == ["", "", "", "bias: too much"]
    assert "after 100.0% of the way was refused: bias: too much" in lowered.reason
    again = lower(lowered, "bias: still")
    assert again is not None
    assert again.chosen == 0.5
    assert "after 75.0%, 100.0% of the way was refused: bias: still" in again.reason
    assert lower(again, "bias: yet") is None, "a quarter of the way gains too little"


def test_lowering_keeps_to_the_limit_of_forgetting() -> None:
    curve = search(lineage(lambda x: x, lambda x: 0.05 if x != 0.75 else 0.5), GRID, min_gain=0.0, max_loss=0.1)
    lowered = lower(curve, "bias")
    assert lowered is not None
    assert lowered.chosen < 0.75


def test_a_coefficient_that_sacrifices_a_slice_is_not_taken() -> None:
    plain = lineage(lambda x: x, lambda _: 0.0)

    def measure(x: float) -> MergePoint:
        point = plain(x)
        return point if x <= 0.6 else replace(point, sacrificed=("lang=fr",))

    curve = search(measure, GRID, min_gain=0.0, max_loss=0.1)
    assert 0.5 <= curve.chosen <= 0.6


@given(
    st.lists(st.floats(0.05, 1.0), min_size=1, max_size=6),
    st.floats(-0.5, 1.0),
    st.floats(0.0, 2.0),
    st.floats(-1.0, 1.0),
)
def test_what_is_chosen_was_measured_and_nothing_allowed_was_better(
    grid: list[float], limit: float, steep: float, bend: float
) -> None:
    curve = search(lineage(lambda x: x + bend * x**2, lambda x: steep * x), grid, min_gain=0.0, max_loss=limit)
    allowed = [point for point in curve.points if point.bound <= limit]
    assert len(curve.points) <= len(set(grid)) + CLOSER_LOOKS
    assert curve.taken in curve.points
    assert not allowed or curve.taken.gain == max(point.gain for point in allowed)


def test_a_curve_is_kept_and_read(tmp_path: Path) -> None:
    curve = search(lineage(lambda x: x, lambda x: x**2), GRID, min_gain=0.0, max_loss=0.4)
    assert load_curve(tmp_path / "merge.json") is None
    save_curve(curve, tmp_path / "merge.json")
    assert load_curve(tmp_path / "merge.json") == curve
    (tmp_path / "merge.json").write_text('{"points": [')
    with pytest.raises(RunError, match="cannot be read"):
        load_curve(tmp_path / "merge.json")


def model(folder: Path, *, scale: float, prefix: str = "") -> Path:
    """A folder with weights of several kinds, in two files."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    whole = torch.arange(6, dtype=torch.float32).reshape(2, 3) * scale
    save_file(
        {f"{prefix}a.weight": whole, f"{prefix}b.weight": whole.to(torch.bfloat16) + 1, "mask": torch.ones(2) > 0},
        folder / "model-1.safetensors",
        metadata={"format": "pt"},
    )
    save_file({f"{prefix}c.weight": whole.t().contiguous()}, folder / "model-2.safetensors")
    (folder / "config.json").write_text("{}")
    return folder


def test_weights_between_two_models(tmp_path: Path) -> None:
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file

    champion = model(tmp_path / "old", scale=1.0)
    candidate = model(tmp_path / "new", scale=3.0)
    (candidate / "adapter").mkdir()
    (candidate / "adapter" / "adapter_config.json").write_text('{"lora_alpha": 16, "r": 8}')
    interpolate(champion, candidate, 0.25, tmp_path / "out")
    found = load_file(tmp_path / "out" / "model-1.safetensors")
    base = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    assert torch.allclose(found["a.weight"], base * 1.5)
    assert found["b.weight"].dtype is torch.bfloat16
    assert torch.allclose(found["b.weight"].float(), base * 1.5 + 1, rtol=0.01)
    assert torch.equal(load_file(tmp_path / "out" / "model-2.safetensors")["c.weight"], base.t() * 1.5)
    with safe_open(tmp_path / "out" / "model-1.safetensors", framework="pt") as weights:
        assert weights.metadata() == {"format": "pt"}
    assert (tmp_path / "out" / "config.json").read_text() == "{}"
    assert json.loads((tmp_path / "out" / "adapter" / "adapter_config.json").read_text()) == {"lora_alpha": 4.0, "r": 8}


def test_exact_weights_are_not_rounded_to_the_candidates_precision(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    champion, candidate = model(tmp_path / "old", scale=1.0), model(tmp_path / "new", scale=3.0)
    interpolate(champion, candidate, 0.001, tmp_path / "out", exact=True)
    found = load_file(tmp_path / "out" / "model-1.safetensors")
    assert {name: each.dtype for name, each in found.items()} == {
        "a.weight": torch.float32,
        "b.weight": torch.float32,
        "mask": torch.bool,
    }
    base = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    assert torch.allclose(found["b.weight"], base * 1.002 + 1)
    assert torch.equal(found["mask"], torch.ones(2) > 0)


def test_all_of_the_way_is_the_candidate_itself(tmp_path: Path) -> None:
    champion, candidate = model(tmp_path / "old", scale=1.0), model(tmp_path / "new", scale=3.0)
    interpolate(champion, candidate, 1.0, tmp_path / "out")
    for file in ("model-1.safetensors", "model-2.safetensors"):
        assert (tmp_path / "out" / file).read_bytes() == (candidate / file).read_bytes()


def test_a_champion_saved_without_its_head_is_matched_by_the_ends_of_names(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    champion, candidate = model(tmp_path / "old", scale=1.0), model(tmp_path / "new", scale=3.0, prefix="transformer.")
    interpolate(champion, candidate, 0.5, tmp_path / "out")
    found = load_file(tmp_path / "out" / "model-1.safetensors")["transformer.a.weight"]
    assert torch.allclose(found, torch.arange(6, dtype=torch.float32).reshape(2, 3) * 2)


def test_models_of_two_kinds_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    champion, candidate = tmp_path / "old", model(tmp_path / "new", scale=3.0)
    import torch

    champion.mkdir()
    save_file({"a.weight": torch.ones(5)}, champion / "model.safetensors")
    with pytest.raises(ModelError, match=r"no weights like the candidate's a\.weight"):
        interpolate(champion, candidate, 0.5, tmp_path / "out")
    assert not (tmp_path / "out").exists()
