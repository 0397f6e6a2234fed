"""Losses of many texts at once: what they share goes through the network once, and nobody reads his neighbours."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from chats import CHATML
from corpus import paragraphs
from models import CONTEXT, tiny_causal
from structlog.testing import capture_logs
from tiny_families import tiny_llama

from driftwatch.domain.chat import chat_tokens
from driftwatch.domain.text import Text, Turn
from driftwatch.features.causal import CausalModel

AT = datetime(2026, 1, 1, tzinfo=UTC)
BODIES = paragraphs(["numpy"], 50)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("scoring") / "llama", BODIES, steps=10)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_causal(tmp_path_factory.mktemp("scoring") / "gpt2", BODIES, vocab=600, width=32, steps=10)


def tokens_through(model: CausalModel, texts: list[Text]) -> int:
    """How many tokens went through the network for the texts' losses."""
    seen = []
    hook = model._network.model.get_input_embeddings().register_forward_hook(
        lambda _layer, given, _out: seen.append(given[0].numel())
    )
    model.score(texts)
    hook.remove()
    return sum(seen)


def chats(count: int) -> list[Text]:
    prompt = Turn(role="system", content=" ".join(BODIES[0].split()[:12]))
    return [
        Text(
            id=str(number),
            body="x",
            seen_at=AT,
            turns=(
                prompt,
                Turn(role="user", content=f"And {number}?"),
                Turn(role="assistant", content=f"{number} it is."),
            ),
        )
        for number in range(count)
    ]


def test_chats_under_one_prompt_read_it_once_and_lose_the_same(llama: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = shutil.copytree(llama, tmp_path / "llama")
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(str(folder))
    model, plain = CausalModel(folder), AutoModelForCausalLM.from_pretrained(str(folder))
    found = model.score(chats(30))
    for place, text in enumerate(chats(30)):
        chat = chat_tokens(tokenizer, text.turns).last(CONTEXT)
        with torch.inference_mode():
            logits = plain(input_ids=torch.tensor([list(chat.ids)])).logits[0].double()
        each = -logits.log_softmax(-1)[range(len(chat.ids) - 1), list(chat.ids[1:])]
        said = torch.tensor(chat.said[1:])
        assert found.tokens[place] == int(said.sum()) > 0
        assert found.nats[place] == pytest.approx(float(each[said].sum()), rel=1e-5)
    alone = sum(tokens_through(model, [text]) for text in chats(30))
    assert tokens_through(model, chats(30)) < 0.8 * alone


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_loss_is_the_same_in_any_company(kind: str, request: pytest.FixtureRequest) -> None:
    model = CausalModel(request.getfixturevalue(kind))
    together = model.losses(BODIES).nats
    turned = model.losses(BODIES[::-1]).nats[::-1]
    alone = np.array([model.losses([body]).nats[0] for body in BODIES])
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    np.testing.assert_allclose(together, turned, rtol=1e-5)


def test_a_text_that_comes_again_costs_nothing_more(gpt2: Path) -> None:
    model = CausalModel(gpt2)
    model.losses(BODIES)
    texts = [Text(id=str(n), body=body, seen_at=AT) for n, body in enumerate(BODIES[:10])]
    once = tokens_through(model, texts)
    assert once == tokens_through(model, texts * 3) > 0
    assert model.score(texts * 3).nats.reshape(3, -1).std(axis=0).max() == 0


def test_a_network_that_mixes_up_texts_is_found_out_and_scored_apart(
    gpt2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that takes a mask and heeds its own only."""
    from transformers import GPT2LMHeadModel

    right = CausalModel(gpt2).losses(BODIES).nats
    forward = GPT2LMHeadModel.forward

    def heedless(
        self: GPT2LMHeadModel,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor | None = None,
    ) -> object:
        own = attention_mask if attention_mask.ndim == 2 else torch.ones_like(input_ids)
        return forward(self, input_ids=input_ids, attention_mask=own, position_ids=position_ids)

    monkeypatch.setattr(GPT2LMHeadModel, "forward", heedless)
    with capture_logs() as said:
        found = CausalModel(gpt2).losses(BODIES).nats
    assert [line["event"] for line in said] == ["scored_apart"]
    np.testing.assert_allclose(found, right, rtol=1e-5)
