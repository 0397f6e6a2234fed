"""The champion's loss: what a plain forward pass gives, whoever else is in the batch; and all features at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from corpus import paragraphs
from models import CONTEXT, tiny_causal

from driftwatch.domain.errors import ModelError
from driftwatch.features.batches import in_order
from driftwatch.features.loss import load_model


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [*paragraphs(["numpy"], 60), "", "a", "word " * 500, "\x00", "😀"]


@pytest.fixture(scope="module")
def folder(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_causal(tmp_path_factory.mktemp("loss") / "model", texts[:60], vocab=600, steps=30)


def test_losses_are_those_of_a_plain_forward_pass(folder: Path, texts: list[str]) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(str(folder)), AutoModelForCausalLM.from_pretrained(str(folder))
    found = load_model(folder).losses(texts)
    for row, text in enumerate(texts):
        ids = [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]][:CONTEXT]
        assert found.tokens[row] == len(ids) - 1
        if len(ids) > 1:
            with torch.inference_mode():
                mean = model(input_ids=torch.tensor([ids]), labels=torch.tensor([ids])).loss.item()
            assert found.nats[row] == pytest.approx(mean * (len(ids) - 1), rel=1e-4)


def test_a_text_does_not_depend_on_its_neighbours(folder: Path, texts: list[str]) -> None:
    model = load_model(folder)
    together = model.losses(texts)
    for row in (0, 1, 50, len(texts) - 1):
        assert model.losses([texts[row]]).nats[0] == pytest.approx(together.nats[row], abs=1e-4)
    backward = model.losses(texts[::-1])
    assert np.allclose(
        backward.nats[::-1] / np.maximum(together.tokens, 1), together.nats / np.maximum(together.tokens, 1), atol=1e-4
    )


def test_shapes_types_and_texts_without_tokens(folder: Path, texts: list[str]) -> None:
    model = load_model(folder)
    found = model.losses(texts)
    assert found.nats.dtype == np.float64
    assert found.tokens.dtype == np.int64
    assert found.digest == model.digest
    empty = texts.index("")
    assert (found.nats[empty], found.tokens[empty]) == (0, 0)
    assert found.tokens.max() == CONTEXT - 1
    none = model.losses([])
    assert (none.nats.shape, none.tokens.shape) == ((0,), (0,))


def test_without_a_beginning_the_first_token_is_only_context(folder: Path, tmp_path: Path) -> None:
    bare = Path(shutil.copytree(folder, tmp_path / "bare"))
    file = bare / "tokenizer_config.json"
    kept = {
        name: value for name, value in json.loads(file.read_text()).items() if name not in {"bos_token", "eos_token"}
    }
    file.write_text(json.dumps(kept))
    (bare / "special_tokens_map.json").unlink(missing_ok=True)
    text = ["one two three"]
    assert load_model(bare).losses(text).tokens[0] == load_model(folder).losses(text).tokens[0] - 1


def test_a_model_knows_what_it_was_trained_on(folder: Path, texts: list[str]) -> None:
    found = load_model(folder).losses([*texts[:20], "zq xj kv wq " * 10])
    each = found.nats / found.tokens
    assert each[-1] > each[:-1].mean() + 0.5


def test_losses_that_are_no_numbers_are_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = Path(shutil.copytree(folder, tmp_path / "broken"))
    tensors = load_file(broken / "model.safetensors")
    tensors["transformer.ln_f.weight"].fill_(float("nan"))
    save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="no numbers"):
        load_model(broken).losses(["some text"])


def test_pieces_in_order_join_to_the_whole() -> None:
    bodies = [str(number) for number in range(2_500)]
    assert [body for some in in_order(bodies) for body in some] == bodies
