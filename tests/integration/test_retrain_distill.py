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
from driftwatch.retrain.finetune.distill import Champion, Distilling
from driftwatch.retrain.finetune.examples import IGNORED, KEPT, Packed, collate
from driftwatch.retrain.finetune.family import Family, family_of
from driftwatch.retrain.finetune.folder import load_config, load_tokenizer, load_trainable
from driftwatch.retrain.finetune.held import held_nats
from driftwatch.retrain.finetune.layout import lay_out
from driftwatch.retrain.finetune.method import made_trainable
from driftwatch.retrain.finetune.objective import nats_of, predicted_at
from driftwatch.retrain.finetune.rows import Rows, beside, rows_of
from driftwatch.retrain.folders import file_hashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from transformers import PreTrainedModel

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


def texts_for(family: str, bodies: Sequence[str]) -> list[Text]:
    if family != "classifier":
        return texts_of(bodies)
    return texts_of([f"{CLASSES[n % 2]} {body}" for n, body in enumerate(bodies)], targets=CLASSES)


def losses(folder: Path, texts: Sequence[Text]) -> npt.NDArray[np.float64]:
    return load_model(folder).score(tuple(texts)).nats


@pytest.mark.parametrize(("family", "method"), [("gpt2", "full"), ("bert", "full"), ("gpt2", "lora")])
def test_with_the_same_texts_the_model_stays_nearer_to_the_champion(
    family: str, method: str, champions: dict[str, Path], tmp_path: Path
) -> None:
    champion = champions[family]
    new, old, unseen = texts_of(NEW), texts_of(OLD[:15]), texts_of(OLD[15:])
    recipe = replace(RECIPE, method=method, epochs=6.0 if method == "lora" else 3.0)  # type: ignore[arg-type]
    moved = {}
    for weight in (0.0, 10.0):
        out = tmp_path / f"out {weight}"
        assert tune(champion, new, old, out, replace(recipe, distill=weight))
        moved[weight] = float(np.abs(losses(out, unseen) - losses(champion, unseen)).mean())
        assert losses(out, new).mean() < losses(champion, new).mean(), "something is learnt all the same"
    print(f"{family} {method}: nats a text moved {moved[0.0]:.3f} without, {moved[10.0]:.3f} with distillation")
    assert moved[10.0] < 0.8 * moved[0.0]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_stopped_it_goes_on_to_the_same_bits(method: str, champions: dict[str, Path], tmp_path: Path) -> None:
    recipe = replace(RECIPE, method=method, keep_adapter=False)  # type: ignore[arg-type]
    new, old = texts_for("gpt2", NEW), texts_for("gpt2", OLD[:15])
    assert tune(champions["gpt2"], new, old, tmp_path / "whole", recipe)
    assert not tune(champions["gpt2"], new, old, tmp_path / "out", recipe, stop_at=5)
    assert tune(champions["gpt2"], new, old, tmp_path / "out", recipe)
    assert file_hashes(tmp_path / "out") == file_hashes(tmp_path / "whole")


@pytest.mark.parametrize("family", ["gpt2", "bert", "classifier"])
def test_the_loss_is_cross_entropy_and_what_kept_rows_depart_in_whole_or_in_parts(
    family: str, champions: dict[str, Path]
) -> None:
    import torch

    folder, weight = champions[family], 3.0
    of = family_of(load_config(folder), folder)
    fresh, replayed = (rows_for(folder, texts_for(family, bodies)) for bodies in (NEW[:6], OLD[:6]))
    model = load_trainable(folder).train(mode=False)
    tokenizer, examples = load_tokenizer(folder), beside(fresh, replayed, kept=True)
    laid = lay_out(examples, family=of, config=model.config, tokenizer=tokenizer, recipe=RECIPE, packed=False)
    rows = [laid.at(number, draw=number) for number in range(len(laid.lengths))]
    assert 0 < sum(each.kept for each in rows) < len(rows)
    loss = Distilling(of, weight, Champion(folder, model, RECIPE))
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(1.2)
        count = sum(int((np.atleast_1d(each.labels) != IGNORED).sum()) for each in rows)
        found = []
        for size in (len(rows), 3):
            parts = [collate(rows[at : at + size], filler=0) for at in range(0, len(rows), size)]
            found.append(sum(float(_told(loss, model, part, torch.tensor(count))) for part in parts))
        expected = 0.0
        champion = load_trainable(folder).train(mode=False)
        for each in rows:
            batch = collate([each], filler=0)
            batch.pop(KEPT, None)
            labels = batch.pop("labels")
            logits = model(**batch).logits
            expected += float(nats_of(logits, labels, family=of)[0])
            if each.kept:
                ours, theirs = (one.double().log_softmax(-1) for one in (logits, champion(**batch).logits))
                learnt = predicted_at(labels, family=of) != IGNORED
                expected += weight * float(((theirs.exp() * (theirs - ours)).sum(-1) * learnt).sum())
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    assert found[0] == pytest.approx(expected / count, rel=1e-4)


def _told(
    loss: Distilling, model: PreTrainedModel, batch: dict[str, torch.Tensor], count: torch.Tensor
) -> torch.Tensor:
    loss.ask(batch)
    labels = batch.pop("labels")
    return loss(model(**batch), labels, num_items_in_batch=count)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_in_bfloat16_and_with_activations_computed_again_it_comes_to_much_the_same(
    method: str, champions: dict[str, Path], tmp_path: Path
) -> None:
    new, old, unseen = texts_of(NEW), texts_of(OLD[:15]), texts_of(OLD[15:])
    whole = replace(RECIPE, method=method, distill=30.0)  # type: ignore[arg-type]
    variants = {
        "whole": whole,
        "half": replace(whole, precision="bfloat16"),
        "again": replace(whole, gradient_checkpointing=True),
        "plain": replace(whole, distill=0.0),
    }
    found = {}
    for name, recipe in variants.items():
        assert tune(champions["gpt2"], new, old, tmp_path / name, recipe)
        found[name] = float(losses(tmp_path / name, unseen).mean())
    far = abs(found["plain"] - found["whole"])
    assert abs(found["half"] - found["whole"]) < 0.5 * far
    assert abs(found["again"] - found["whole"]) < 0.1 * far


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
        starts = np.flatnonzero((each.positions == 0) & (np.roll(each.labels, -1) >= 0))
        begun = {tuple(each.ids[at + 1 : at + 9]) for at in starts}
        if each.kept:
            assert begun & known
        else:
            assert not begun & known
    assert sum(packed.lengths) == sum(len(rows_tokens(each, n)) for each in (fresh, replayed) for n in range(len(each)))
    batch = collate([kept[0], examples[0]], filler=0)
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


@pytest.mark.parametrize("shape", [(4, 3, 5), (4, 5)])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_loss_and_gradient_are_those_of_cross_entropy_and_divergence(shape: tuple[int, ...], precision: str) -> None:
    import torch
    from torch.nn.functional import cross_entropy, kl_div

    draws = torch.Generator().manual_seed(1)
    kind = getattr(torch, precision)
    logits = torch.randn(shape, generator=draws).to(kind).requires_grad_()
    labels = torch.randint(5, shape[:-1], generator=draws)
    labels[labels == 0] = IGNORED
    kept = slice(2, None)
    champion = torch.randn((2, *shape[1:]), generator=draws).to(kind)
    expected = cross_entropy(logits.float().flatten(0, -2), labels.flatten(), ignore_index=IGNORED, reduction="sum")
    told, theirs = (each.float().log_softmax(-1) for each in (logits[kept], champion))
    departed = kl_div(told, theirs, reduction="none", log_target=True).sum(-1) * labels[kept].ne(IGNORED)
    expected = (expected + 3.0 * departed.sum()) / 7
    found = held_nats(logits, labels, champion=champion, weight=3.0) / 7
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    ours, autograds = (torch.autograd.grad(each, logits)[0] for each in (found, expected))
    assert ours.dtype == autograds.dtype == kind
    assert torch.allclose(ours, autograds, atol=1e-6 if precision == "float32" else 1e-2)


def rows_for(champion: Path, texts: Sequence[Text]) -> Rows:
    config, tokenizer = load_config(champion), load_tokenizer(champion)
    return rows_of(texts, family=family_of(config, champion), tokenizer=tokenizer, config=config, context=CONTEXT)


def rows_tokens(rows: Rows, number: int) -> list[int]:
    return [int(token) for token in rows.tokens[rows.bounds[number] : rows.bounds[number + 1]]]
