"""Chats through a tokenizer's template: what the assistant said is learnt, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from families import CHATML, CONTEXT, gpt2

from driftwatch.domain.errors import RunError
from driftwatch.domain.text import Text, Turn
from driftwatch.retrain.finetune.chat import ChatRefusedError, chat_row
from driftwatch.retrain.finetune.family import Family
from driftwatch.retrain.finetune.folder import load_config, load_tokenizer
from driftwatch.retrain.finetune.rows import rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase

CHAT = (
    Turn(role="system", content="be brief"),
    Turn(role="user", content="what is drift"),
    Turn(role="assistant", content="a change of the text"),
    Turn(role="user", content="and then"),
    Turn(role="assistant", content="retrain"),
)
MARKED = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' }}{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|endoftext|>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|endoftext|>' }}{% endif %}{% endfor %}"
)
FORGETFUL = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' }}"
    "{% if message['role'] != 'assistant' or loop.last %}{{ message['content'] }}{% endif %}"
    "{{ '<|endoftext|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
STRICT = (
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ raise_exception('no system turns') }}"
    "{% endif %}{{ message['content'] + '<|endoftext|>' }}{% endfor %}"
)


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = [turn.content for turn in CHAT] * 5
    return gpt2(tmp_path_factory.mktemp("chat"), words)


@pytest.fixture
def tokenizer(champion: Path) -> PreTrainedTokenizerBase:
    return load_tokenizer(champion)


@pytest.mark.parametrize("template", [CHATML, MARKED])
def test_only_the_assistants_words_are_learnt(template: str, tokenizer: PreTrainedTokenizerBase) -> None:
    tokenizer.chat_template = template
    tokens, learnt = chat_row(tokenizer, CHAT)
    said = str(tokenizer.decode([token for token, learn in zip(tokens, learnt, strict=True) if learn]))
    assert said.replace("\n", "") == "a change of the text<|endoftext|>retrain<|endoftext|>"
    assert tokenizer.decode(tokens).count("<|assistant|>") == 2


def test_an_assistant_may_begin(tokenizer: PreTrainedTokenizerBase) -> None:
    tokenizer.chat_template = CHATML
    tokens, learnt = chat_row(tokenizer, CHAT[2:4])
    said = str(tokenizer.decode([token for token, learn in zip(tokens, learnt, strict=True) if learn]))
    assert said.strip() == "a change of the text<|endoftext|>"


def test_a_template_that_renders_earlier_turns_anew_is_refused(tokenizer: PreTrainedTokenizerBase) -> None:
    tokenizer.chat_template = FORGETFUL
    with pytest.raises(RunError, match=r"what a turn adds to a chat cannot be told.*\{% generation %\}"):
        chat_row(tokenizer, CHAT)


def test_no_template_and_broken_ones_are_told(tokenizer: PreTrainedTokenizerBase) -> None:
    with pytest.raises(RunError, match="has no single chat template"):
        chat_row(tokenizer, CHAT)
    tokenizer.chat_template = "{% for %}"
    with pytest.raises(RunError, match="the chat template cannot be read"):
        chat_row(tokenizer, CHAT)


def test_a_template_runs_in_a_sandbox(tokenizer: PreTrainedTokenizerBase) -> None:
    tokenizer.chat_template = "{{ ''.__class__.__mro__[1].__subclasses__() }}{{ messages.append(1) }}"
    with pytest.raises(ChatRefusedError):
        chat_row(tokenizer, CHAT)


def test_chats_and_plain_texts_become_rows_together(champion: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    tokenizer.chat_template = STRICT
    texts = [
        Text(id="plain", body="a change of the text", seen_at=at),
        Text(id="chat", body="retrain", seen_at=at, turns=CHAT[1:]),
        Text(id="refused", body="retrain", seen_at=at, turns=CHAT),
        Text(id="no answer", body="and then", seen_at=at, turns=CHAT[1:2]),
    ]
    rows = rows_of(texts, family=Family.CAUSAL, tokenizer=tokenizer, config=load_config(champion), context=CONTEXT)
    assert len(rows) == 2
    assert rows.left_out == {"refused by the chat template": 1, "nothing to learn": 1}
    plain = rows.tokens[: rows.bounds[1]]
    assert (plain[0], plain[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert rows.learnt[: rows.bounds[1]].tolist() == [False] + [True] * (len(plain) - 1)
