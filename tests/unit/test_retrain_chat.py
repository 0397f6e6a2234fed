"""Chats through a tokenizer's template: what the assistant said is learnt, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from families import CHATML, CONTEXT, gpt2

from driftwatch.domain.chat import chat_tokens
from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Text, Turn
from driftwatch.retrain.finetune.family import Family
from driftwatch.retrain.finetune.folder import load_config, load_tokenizer
from driftwatch.retrain.finetune.rows import rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase

AT = datetime(2026, 1, 1, tzinfo=UTC)
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
def test_only_the_assistants_words_are_learnt(
    template: str, champion: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    tokenizer.chat_template = template
    rows = rows_of(
        [Text(id="chat", body="", seen_at=AT, turns=CHAT)],
        family=Family.CAUSAL,
        tokenizer=tokenizer,
        config=load_config(champion),
        context=CONTEXT,
    )
    said = str(tokenizer.decode(rows.tokens[rows.learnt].tolist()))
    assert said.replace("\n", "") == "a change of the text<|endoftext|>retrain<|endoftext|>"
    assert str(tokenizer.decode(rows.tokens.tolist())).count("<|assistant|>") == 2


def test_without_a_template_a_chat_is_learnt_by_its_body(champion: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    texts = [Text(id="chat", body="a change of the text", seen_at=AT, turns=CHAT)]
    rows = rows_of(texts, family=Family.CAUSAL, tokenizer=tokenizer, config=load_config(champion), context=CONTEXT)
    assert "a change of the text" in str(tokenizer.decode(rows.tokens[rows.learnt].tolist()))
    assert not rows.left_out


def test_a_template_runs_in_a_sandbox(tokenizer: PreTrainedTokenizerBase) -> None:
    tokenizer.chat_template = "{{ ''.__class__.__mro__[1].__subclasses__() }}{{ messages.append(1) }}"
    with pytest.raises(DataError, match="refuses"):
        chat_tokens(tokenizer, CHAT)


def test_chats_and_plain_texts_become_rows_together(champion: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    tokenizer.chat_template = STRICT
    texts = [
        Text(id="plain", body="a change of the text", seen_at=AT),
        Text(id="chat", body="retrain", seen_at=AT, turns=CHAT[1:]),
        Text(id="refused", body="retrain", seen_at=AT, turns=CHAT),
        Text(id="no answer", body="and then", seen_at=AT, turns=CHAT[1:2]),
    ]
    rows = rows_of(texts, family=Family.CAUSAL, tokenizer=tokenizer, config=load_config(champion), context=CONTEXT)
    assert len(rows) == 2
    assert rows.left_out == {"refused by the chat template": 1, "nothing to learn": 1}
    plain = rows.tokens[: rows.bounds[1]]
    assert (plain[0], plain[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert rows.learnt[: rows.bounds[1]].tolist() == [False] + [True] * (len(plain) - 1)
