"""Distillation: on replayed texts the model stays like the champion, in every family and method."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from corpus import paragraphs
from families import CONTEXT, bert, gpt2, texts_of

from driftwatch.domain.run import Recipe
from driftwatch.features.loss import load_model
from driftwatch.retrain.finetune import finetune
from driftwatch.retrain.finetune.distill import Champion, divergence
from driftwatch.retrain.finetune.examples import KEPT, Packed, collate
from driftwatch.retrain.finetune.family import Family, family_of
from driftwatch.retrain.finetune.folder import load_config, load_tokenizer, load_trainable
from driftwatch.retrain.finetune.method import made_trainable
from driftwatch.retrain.finetune.rows import Rows, beside, rows_of
from driftwatch.retrain.folders import file_hashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.text import Text

CLASSES = ("ham", "spam")
RECIPE = Recipe(
    name="tiny", learning_rates=(1e-2,), epochs=3.0, batch=8, context=32, checkpoint_steps=4, precision="float32"
)
OLD = paragraphs(["json", "email", "http", "logging"], 60)
NEW = paragraphs(["unittest", "typing", "pathlib"], 60)


@pytest.fixture(scope="module")
def champions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Champions that know the old texts."""
    folder = tmp_path_factory.mktemp("champions")
    made = {
        "gpt2": gpt2(folder / "blank gpt2", [*OLD, *NEW]),
        "bert": bert(folder / "blank bert", [*OLD, *NEW]),
        "classifier": bert(folder / "blank classifier", [*OLD, *NEW], classes=CLASSES),
    }
    known = {}
    for family, blank in made.items():
        known[family] = folder / family
        assert tune(blank, texts_for(family, OLD), (), folder / family, replace(RECIPE, epochs=6.0))
    return known


def tune(
    champion: Path,
    texts: Sequence[Text],
    replay: Sequence[Text],
    out: Path,
    recipe: Recipe = RECIPE,
    *,
    stop_at: int = 10_000,
) -> bool:
    steps = iter(range(1, 10_001))
    return finetune(
        champion,
        texts,
        recipe,
        round=1,
        out=out,
        checkpoints=out.with_name(f"checkpoints {out.name}"),
        on_progress=lambda _: None,
        should_stop=lambda: next(steps) >= stop_at,
        threads=1,
        replay=replay,
    )


def texts_for(family: str, bodies: Sequence[str], *, turned: bool = False) -> list[Text]:
    if family != "classifier":
        return texts_of(bodies)
    classes = CLASSES[::-1] if turned else CLASSES
    return texts_of([f"{CLASSES[n % 2]} {body}" for n, body in enumerate(bodies)], targets=classes)


def losses(folder: Path, texts: Sequence[Text]) -> npt.NDArray[np.float64]:
    return load_model(folder).score(tuple(texts)).nats


@pytest.mark.parametrize(
    ("family", "method"), [("gpt2", "full"), ("bert", "full"), ("classifier", "full"), ("gpt2", "lora")]
)
def test_with_the_same_texts_the_model_stays_nearer_to_the_champion(
    family: str, method: str, champions: dict[str, Path], tmp_path: Path
) -> None:
    champion = champions[family]
    old = texts_for(family, OLD[:15], turned=True)  # a classifier is told what the champion knows better
    new, unseen = texts_for(family, NEW), texts_for(family, OLD[15:])
    rate = {"lora": 3e-2, "full": 2e-3 if family == "classifier" else 1e-2}[method]
    recipe = replace(RECIPE, method=method, learning_rates=(rate,))  # type: ignore[arg-type]
    moved = {}
    for weight in (0.0, 30.0):
        out = tmp_path / f"out {weight}"
        assert tune(champion, new, old, out, replace(recipe, distill=weight))
        moved[weight] = float(np.abs(losses(out, unseen) - losses(champion, unseen)).mean())
        if family != "classifier":  # which has learnt it already
            assert losses(out, new).mean() < losses(champion, new).mean(), "something is learnt all the same"
    print(f"{family} {method}: nats a text moved {moved[0.0]:.3f} without, {moved[30.0]:.3f} with distillation")
    assert moved[30.0] < 0.8 * moved[0.0]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_stopped_it_goes_on_to_the_same_bits(method: str, champions: dict[str, Path], tmp_path: Path) -> None:
    recipe = replace(RECIPE, method=method, keep_adapter=False)  # type: ignore[arg-type]
    new, old = texts_for("gpt2", NEW), texts_for("gpt2", OLD[:15])
    assert tune(champions["gpt2"], new, old, tmp_path / "whole", recipe)
    assert not tune(champions["gpt2"], new, old, tmp_path / "out", recipe, stop_at=5)
    assert tune(champions["gpt2"], new, old, tmp_path / "out", recipe)
    assert file_hashes(tmp_path / "out") == file_hashes(tmp_path / "whole")


def test_parts_of_a_batch_give_the_weights_of_the_whole(champions: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file

    new, old = texts_for("bert", NEW), texts_for("bert", OLD[:15])
    gentle = replace(RECIPE, epochs=1.0, learning_rates=(1e-3,), seed=3)
    quiet = _without_dropout(champions["bert"], tmp_path / "quiet")
    found = []
    for at_once in (8, 2):
        out = tmp_path / f"out {at_once}"
        assert tune(quiet, new, old, out, replace(gentle, at_once=at_once))
        found.append(load_file(out / "model.safetensors"))
    for name, weights in found[0].items():
        assert np.allclose(weights, found[1][name], atol=1e-4), name


def test_a_weight_of_nothing_is_training_on_both_alike(champions: dict[str, Path], tmp_path: Path) -> None:
    new, old, recipe = texts_for("gpt2", NEW), texts_for("gpt2", OLD[:15]), replace(RECIPE, distill=0.0, epochs=1.0)
    assert tune(champions["gpt2"], new, old, tmp_path / "replayed", recipe)
    assert tune(champions["gpt2"], [*new, *old], (), tmp_path / "together", recipe)
    assert file_hashes(tmp_path / "replayed") == file_hashes(tmp_path / "together")


def test_what_is_replayed_lies_in_sequences_of_its_own(champions: dict[str, Path]) -> None:
    fresh, replayed = (
        rows_for(champions["gpt2"], texts_of(each for each in bodies if len(each) < 90)) for bodies in (NEW, OLD)
    )
    packed = Packed(beside(fresh, replayed, kept=True), context=CONTEXT, filler=0)
    examples = [packed.at(number, draw=0) for number in range(len(packed.lengths))]
    kept = [each for each in examples if each.kept]
    assert 0 < len(kept) < len(examples)
    known = {tuple(rows_tokens(replayed, number)[1:9]) for number in range(len(replayed))}
    for each in examples:
        starts = np.flatnonzero((each.positions == 0) & (np.roll(each.labels, -1) >= 0))  # type: ignore[operator]
        begun = {tuple(each.ids[at + 1 : at + 9]) for at in starts}
        if each.kept:
            assert begun & known
        else:
            assert not begun & known
    assert sum(packed.lengths) == sum(len(rows_tokens(each, n)) for each in (fresh, replayed) for n in range(len(each)))
    batch = collate([examples[0], kept[0]], filler=0)
    assert batch[KEPT].tolist() == [row >= len(batch[KEPT]) / 2 for row in range(len(batch[KEPT]))]
    assert KEPT not in collate(examples[:1], filler=0)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_champion_is_asked_as_it_was(method: str, champions: dict[str, Path]) -> None:
    import torch

    recipe = replace(RECIPE, method=method)  # type: ignore[arg-type]
    model = made_trainable(load_trainable(champions["gpt2"]), recipe, family=Family.CAUSAL)
    champion = Champion(champions["gpt2"], model, recipe)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.add_(0.1)
    model.train()
    ids = torch.arange(20)[None]
    before = torch.get_rng_state()
    asked = champion.logits({"input_ids": ids})
    assert torch.equal(before, torch.get_rng_state()), "no dropout is drawn"
    assert model.training
    with torch.no_grad():
        assert torch.allclose(asked, load_trainable(champions["gpt2"]).train(mode=False)(input_ids=ids).logits)
        assert not torch.allclose(asked, model(input_ids=ids).logits)


def test_the_divergence_is_that_of_kullback_and_leibler() -> None:
    import torch

    logits, champion = torch.randn(2, 3, 5), torch.randn(2, 3, 5)
    learnt = torch.tensor([[True, False, True], [False, False, True]])
    ours, theirs = (each.double().softmax(-1) for each in (logits, champion))
    expected = (theirs * (theirs / ours).log()).sum(-1)[learnt].sum()
    assert float(divergence(logits, champion, learnt)) == pytest.approx(float(expected), rel=1e-4)
    assert float(divergence(champion, champion, learnt)) == pytest.approx(0.0, abs=1e-6)


def rows_for(champion: Path, texts: Sequence[Text]) -> Rows:
    config, tokenizer = load_config(champion), load_tokenizer(champion)
    return rows_of(texts, family=family_of(config, champion), tokenizer=tokenizer, config=config, context=CONTEXT)


def rows_tokens(rows: Rows, number: int) -> list[int]:
    return rows.tokens[rows.bounds[number] : rows.bounds[number + 1]].tolist()


def _without_dropout(champion: Path, folder: Path) -> Path:
    model = load_trainable(champion)
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
        setattr(model.config, name, 0.0)
    model.save_pretrained(folder)
    load_tokenizer(champion).save_pretrained(folder)
    return folder
