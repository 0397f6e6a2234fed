"""Every family that is fine-tuned, on small real models: what goes through them, and what comes of it."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from corpus import paragraphs
from families import CONTEXT, VOCABULARY, bert, gpt2, llama, texts_of

from driftwatch.domain.errors import DataError, RunError
from driftwatch.domain.run import Progress, Recipe
from driftwatch.features.loss import load_model
from driftwatch.retrain.finetune import finetune
from driftwatch.retrain.finetune.examples import IGNORED, Masking, Packed, collate
from driftwatch.retrain.finetune.family import Family, family_of
from driftwatch.retrain.finetune.folder import Start, load_config, load_tokenizer, load_trainable
from driftwatch.retrain.finetune.layout import keeps_apart
from driftwatch.retrain.finetune.rows import Rows, rows_of
from driftwatch.retrain.finetune.training import on_one_device
from driftwatch.retrain.folders import file_hashes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftwatch.domain.text import Text

CLASSES = ("ham", "spam")
RECIPE = Recipe(
    name="tiny", learning_rates=(1e-2,), epochs=3.0, batch=4, context=32, checkpoint_steps=4, precision="float32"
)
BODIES = paragraphs(["json", "email", "http", "logging"], 40)


@pytest.fixture(scope="module")
def champions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("champions")
    return {
        "gpt2": gpt2(folder / "gpt2", BODIES),
        "llama": llama(folder / "llama", BODIES),
        "bert": bert(folder / "bert", BODIES),
        "classifier": bert(folder / "classifier", BODIES, classes=CLASSES),
    }


def tune(
    champion: Path,
    texts: Sequence[Text],
    folder: Path,
    recipe: Recipe = RECIPE,
    *,
    seen: Callable[[Progress], None] = lambda _: None,
    stop_at: int = 10_000,
) -> bool:
    steps = iter(range(1, 10_001))
    return finetune(
        champion,
        texts,
        recipe,
        round=1,
        out=folder / "out",
        checkpoints=folder / "checkpoints",
        on_progress=seen,
        should_stop=lambda: next(steps) >= stop_at,
        threads=1,
        select=texts[:10],
    )


def texts_for(family: str) -> list[Text]:
    if family != "classifier":
        return texts_of(BODIES)
    return texts_of([f"{CLASSES[n % 2]} {body}" for n, body in enumerate(BODIES)], targets=CLASSES)


def rows_for(champion: Path, texts: Sequence[Text]) -> Rows:
    config = load_config(champion)
    return rows_of(
        texts,
        family=family_of(config, champion),
        tokenizer=load_tokenizer(champion),
        config=config,
        context=CONTEXT,
    )


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_packed_text_has_the_loss_that_it_has_alone(family: str, champions: dict[str, Path]) -> None:
    import torch
    from torch.nn.functional import cross_entropy

    short = [body for body in BODIES if len(body) < 100]
    rows = rows_for(champions[family], texts_of(short))
    packed = Packed(rows, context=CONTEXT, filler=0)
    assert len(packed.lengths) < len(rows) / 1.5, "several texts lie in a row"
    model = load_trainable(champions[family]).train(mode=False)
    nats: dict[tuple[int, ...], float] = {}
    for number in range(len(packed.lengths)):
        batch = collate([packed.at(number, draw=0)], filler=0)
        folded = batch.pop("labels")
        with torch.no_grad():
            logits = model(**batch).logits
        for row, labels in enumerate(folded):
            losses = cross_entropy(logits[row, :-1], labels[1:], ignore_index=IGNORED, reduction="none")
            starts = [at for at, position in enumerate(batch["position_ids"][row].tolist()) if position == 0]
            for start, stop in pairwise([*starts, len(labels)]):
                learnt = tuple(labels[start + 1 : stop].tolist())
                nats[learnt[:-1]] = float(losses[start : stop - 2].double().sum())  # the end of a text is not scored
    alone = load_model(champions[family]).losses(short)
    tokens = [load_tokenizer(champions[family])(body, add_special_tokens=False)["input_ids"] for body in short]
    kept = [place for place, each in enumerate(tokens) if len(each) + 2 <= CONTEXT]
    assert len(kept) > 10
    for place in kept:
        assert nats[tuple(tokens[place])] == pytest.approx(alone.nats[place], rel=1e-5)


def test_short_texts_lie_in_narrow_rows(champions: dict[str, Path]) -> None:
    rows = rows_for(champions["gpt2"], texts_of(BODIES))
    packed = Packed(rows, context=256, filler=0)
    narrow = int(np.argmin(packed.widths))
    examples = [packed.at(number, draw=0) for number in (0, narrow)]
    assert packed.widths[narrow] < packed.widths[0] <= 256
    alone, both = collate(examples[1:], filler=0), collate(examples, filler=0)
    assert alone["input_ids"].shape == (256 // packed.widths[narrow], packed.widths[narrow])
    assert both["input_ids"].shape == (2 * 256 // packed.widths[0], packed.widths[0])
    assert (alone["position_ids"][:, 0] == 0).all()
    assert both["labels"].flatten()[256:].equal(alone["labels"].flatten())


def test_whether_a_model_keeps_packed_texts_apart_is_asked_of_itself(champions: dict[str, Path]) -> None:
    for family in ("gpt2", "llama"):
        model = load_trainable(champions[family])
        assert keeps_apart(model)
        model.config.use_cache = True  # with a cache, transformers takes the row for one text
        assert not keeps_apart(model)


def test_the_model_that_was_asked_is_the_one_that_is_trained(champions: dict[str, Path]) -> None:
    start = Start(champions["gpt2"])
    asked = start.look()
    assert start.look() is asked
    assert start.take() is asked
    assert start.take() is not asked, "a later attempt begins from the folder again"


def test_a_model_that_cannot_be_packed_is_fed_text_by_text(tmp_path: Path) -> None:
    import torch
    from transformers import BloomConfig, BloomForCausalLM

    champion = gpt2(tmp_path / "bloom", BODIES)
    torch.manual_seed(0)
    config = BloomConfig(vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0)
    BloomForCausalLM(config).save_pretrained(str(champion))
    assert not keeps_apart(load_trainable(champion))
    told: list[Progress] = []
    assert tune(champion, texts_of(BODIES), tmp_path, seen=told.append)
    assert told[-1].figures["loss"] < told[0].figures["loss"] - 0.2


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert", "classifier"])
@pytest.mark.parametrize("method", ["full", "lora", "head"])
def test_every_family_learns_with_every_method(
    family: str, method: str, champions: dict[str, Path], tmp_path: Path
) -> None:
    champion, told = champions[family], list[Progress]()
    rate = 3e-3 if method == "full" else 3e-2
    recipe = replace(RECIPE, method=method, learning_rates=(rate,), epochs=4.0)  # type: ignore[arg-type]
    assert tune(champion, texts_for(family), tmp_path, recipe, seen=told.append)
    losses = [now.figures["loss"] for now in told]
    if (family, method) != ("classifier", "head"):  # an untrained body tells the classes hardly apart
        assert np.mean(losses[-5:]) < np.mean(losses[:5])
    before, after = file_hashes(champion), file_hashes(tmp_path / "out")
    assert {name for name in before if before[name] != after.get(name)} == {"model.safetensors"}
    old, new = (load_trainable(folder).state_dict() for folder in (champion, tmp_path / "out"))
    changed = {name for name in old if not old[name].equal(new[name])}
    if method == "full":
        assert len(changed) >= 0.9 * len(old)
    elif method == "lora":
        assert changed
        assert all("attn" in name or "attention" in name or "classifier" in name for name in changed)
    else:
        heads = ("lm_head", "wte", "cls.", "classifier", "word_embeddings")
        assert changed
        assert all(any(head in name for head in heads) for name in changed)


@pytest.mark.parametrize("family", ["llama", "bert", "classifier"])
@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_stopped_training_goes_on_to_the_same_bits(
    family: str, method: str, champions: dict[str, Path], tmp_path: Path
) -> None:
    recipe = replace(RECIPE, method=method, epochs=1.0)  # type: ignore[arg-type]
    assert tune(champions[family], texts_for(family), tmp_path / "whole", recipe)
    for stop in (3, 2):
        assert not tune(champions[family], texts_for(family), tmp_path / "parts", recipe, stop_at=stop)
    assert tune(champions[family], texts_for(family), tmp_path / "parts", recipe)
    assert file_hashes(tmp_path / "parts" / "out") == file_hashes(tmp_path / "whole" / "out")


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert", "classifier"])
def test_a_step_is_the_same_however_it_goes_through_the_device(family: str, tmp_path: Path) -> None:
    made: dict[str, Callable[[Path], Path]] = {
        "gpt2": lambda folder: gpt2(folder, BODIES),
        "llama": lambda folder: llama(folder, BODIES),
        "bert": lambda folder: bert(folder, BODIES),
        "classifier": lambda folder: bert(folder, BODIES, classes=CLASSES),
    }
    champion = made[family](tmp_path / "champion")
    config = json.loads((champion / "config.json").read_text())
    config |= {name: 0.0 for name in config if "dropout" in name or "pdrop" in name}  # parts draw other dropout
    (champion / "config.json").write_text(json.dumps(config))
    recipe = replace(RECIPE, epochs=0.5, learning_rates=(1e-4,))
    variants = {
        "whole": recipe,
        "parts": replace(recipe, at_once=1),
        "again": replace(recipe, gradient_checkpointing=True),
    }
    weights = {}
    for name, each in variants.items():
        assert tune(champion, texts_for(family), tmp_path / name, each)
        weights[name] = load_trainable(tmp_path / name / "out").state_dict()
    start = load_trainable(champion).state_dict()
    for name, whole in weights["whole"].items():
        moved = (whole - start[name]).abs().max()
        for other in ("parts", "again"):
            assert (whole - weights[other][name]).abs().max() <= 0.02 * moved + 1e-6, (name, other)


def test_one_process_trains_on_one_gpu_however_many_the_host_has(tmp_path: Path) -> None:
    from transformers import TrainingArguments

    arguments = TrainingArguments(output_dir=str(tmp_path), per_device_train_batch_size=8, use_cpu=True)
    assert arguments.device.type == "cpu"
    arguments._n_gpu = 4  # what transformers counts on a host of four
    assert arguments.train_batch_size == 32
    assert on_one_device(arguments).train_batch_size == 8


def test_a_kept_adapter_gives_the_champion_the_candidates_logits(champions: dict[str, Path], tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    recipe = replace(RECIPE, method="lora", keep_adapter=True, rank=4, learning_rates=(3e-2,))
    assert tune(champions["llama"], texts_for("llama"), tmp_path, recipe)
    adapter = tmp_path / "out" / "adapter"
    assert sorted(path.name for path in adapter.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    settings = json.loads((adapter / "adapter_config.json").read_text())
    assert (settings["r"], settings["base_model_name_or_path"]) == (4, "llama")
    assert str(tmp_path) not in json.dumps(settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by an old name
        adapted = PeftModel.from_pretrained(load_trainable(champions["llama"]), str(adapter)).train(mode=False)
    merged = load_trainable(tmp_path / "out").train(mode=False)
    ids = torch.arange(20)[None] + 100
    with torch.no_grad():
        one, other, before = (
            model(input_ids=ids).logits
            for model in (adapted, merged, load_trainable(champions["llama"]).train(mode=False))
        )
    assert torch.allclose(one, other, atol=1e-4)
    assert not torch.allclose(other, before, atol=1e-2)


def test_targets_that_no_module_has_are_refused(champions: dict[str, Path], tmp_path: Path) -> None:
    recipe = replace(RECIPE, method="lora", targets=("w_query",))
    with pytest.raises(RunError, match="adapters cannot be put into this model"):
        tune(champions["gpt2"], texts_for("gpt2"), tmp_path, recipe)


def test_masks_are_a_function_of_the_draw() -> None:
    masking = Masking(share=0.15, token=4, vocabulary=1_000, seed=7)
    ids = np.arange(5, 10_005, dtype=np.int64)
    maskable = ids % 10 != 0
    hidden, labels = masking.hide(ids, maskable, 3)
    again, other = masking.hide(ids, maskable, 3)[0], masking.hide(ids, maskable, 4)[0]
    assert (hidden == again).all()
    assert (hidden != other).any()
    chosen = labels != IGNORED
    assert (labels[chosen] == ids[chosen]).all()
    assert not chosen[~maskable].any()
    assert chosen.sum() / maskable.sum() == pytest.approx(0.15, abs=0.015)
    assert (hidden[chosen] == 4).mean() == pytest.approx(0.8, abs=0.04)
    assert (hidden[chosen] == ids[chosen]).mean() == pytest.approx(0.1, abs=0.03)
    assert (hidden[~chosen] == ids[~chosen]).all()
    short, said = masking.hide(np.array([5, 6, 7]), np.array([False, True, False]), 0)
    assert said.tolist() == [IGNORED, 6, IGNORED], "something is always asked"
    assert len(short) == 3


def test_long_texts_of_masked_models_give_several_rows(champions: dict[str, Path]) -> None:
    rows = rows_for(champions["bert"], texts_of([" ".join(BODIES[:5])]))
    assert len(rows) > 2
    assert rows.lengths.max() <= CONTEXT
    tokenizer = load_tokenizer(champions["bert"])
    for start in rows.bounds[:-1]:
        assert rows.tokens[start] == tokenizer.cls_token_id
        assert not rows.learnt[start]


def test_classes_come_from_the_targets(champions: dict[str, Path], tmp_path: Path) -> None:
    texts = [*texts_of(BODIES[:4], targets=CLASSES), *texts_of(["nobody said what this is"])]
    rows = rows_for(champions["classifier"], texts)
    assert rows.classes.tolist() == [0, 1, 0, 1]
    assert rows.left_out["without a target"] == 1
    strange = texts_of(BODIES[:2], targets=("ham", "eggs"))
    with pytest.raises(DataError, match=r'text 1: the classifier knows no class "eggs" \(.*ham, spam') as caught:
        tune(champions["classifier"], strange, tmp_path)
    assert not caught.value.retryable
    with pytest.raises(RunError, match=r"no text to train on \(1 without a target\)"):
        tune(champions["classifier"], texts[-1:], tmp_path)


def test_a_family_that_is_not_known_is_told() -> None:
    from transformers import BertConfig

    from driftwatch.domain.errors import ModelError

    config = BertConfig(architectures=["BertForTokenClassification"])
    with pytest.raises(ModelError, match="BertForTokenClassification cannot be fine-tuned"):
        family_of(config, Path("champion"))
    assert family_of(BertConfig(architectures=["GPT2LMHeadModel"]), Path("c")) is Family.CAUSAL
