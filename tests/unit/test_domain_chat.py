"""Which tokens of a chat the assistant said, through templates of several kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chats import CHATML, INSTRUCT, LAST_ONLY, MARKED, REASONING

from driftwatch.domain.chat import chat_tokens, has_template
from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerFast


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    special = ["<|im_start|>", "<|im_end|>", "</s>"]
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(["user assistant hello there how are you"] * 5, vocab_size=300, special_tokens=special)
    fast = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, eos_token="</s>")  # type: ignore[no-untyped-call]
    fast.add_special_tokens({"additional_special_tokens": special[:2]})
    return fast


def said(tokenizer: PreTrainedTokenizerFast, template: str, turns: Sequence[Turn]) -> tuple[str, str]:
    """Return the whole chat and what of it counts, both decoded from the tokens."""
    tokenizer.chat_template = template
    found = chat_tokens(tokenizer, turns)
    kept = [token for token, counts in zip(found.ids, found.said, strict=True) if counts]
    return str(tokenizer.decode(list(found.ids))), str(tokenizer.decode(kept))


def turns(*words: str) -> tuple[Turn, ...]:
    return tuple(Turn(role=("user", "assistant")[place % 2], content=each) for place, each in enumerate(words))


CHAT = turns("hello", "how are you", "hello there", "hello")


@pytest.mark.parametrize(
    ("template", "counted"),
    [
        (CHATML, "how are you<|im_end|>hello<|im_end|>"),
        (INSTRUCT, " how are you</s> hello</s>"),
        (REASONING, "how are you<|im_end|>hello<|im_end|>"),
        (MARKED, "how are youhello"),
        (LAST_ONLY, " how are you hello</s>"),
    ],
    ids=["chatml", "instruct", "reasoning", "marked", "last-only"],
)
def test_the_replies_and_what_ends_them_count(tokenizer: PreTrainedTokenizerFast, template: str, counted: str) -> None:
    whole, found = said(tokenizer, template, CHAT)
    assert found == counted
    assert "hello there" in whole


def test_reasoning_that_the_template_leaves_out_is_no_trouble(tokenizer: PreTrainedTokenizerFast) -> None:
    chat = turns("hello", "<think>are you</think>\n\nhow are you", "there", "<think>you</think>\n\nhello")
    whole, found = said(tokenizer, REASONING, chat)
    assert whole.count("<think>") == 1
    assert found == "how are you<|im_end|><think>you</think>\n\nhello<|im_end|>"


def test_words_of_a_role_are_not_taken_for_the_reply(tokenizer: PreTrainedTokenizerFast) -> None:
    for reply in ("a", "assistant", "s", "\n", "é😀"):
        assert said(tokenizer, CHATML, turns("a", reply))[1] == f"{reply}<|im_end|>"


def test_an_empty_reply_is_its_end_alone(tokenizer: PreTrainedTokenizerFast) -> None:
    assert said(tokenizer, CHATML, turns("hello", ""))[1] == "<|im_end|>"


def test_a_chat_without_a_reply_has_nothing_to_learn(tokenizer: PreTrainedTokenizerFast) -> None:
    tokenizer.chat_template = CHATML
    assert not any(chat_tokens(tokenizer, turns("hello")).said)


def test_the_end_of_a_long_chat_is_kept(tokenizer: PreTrainedTokenizerFast) -> None:
    tokenizer.chat_template = CHATML
    found = chat_tokens(tokenizer, CHAT)
    last = found.last(5)
    assert (last.ids, last.said) == (found.ids[-5:], found.said[-5:])
    assert found.last(10_000) == found


def test_a_chat_that_the_template_refuses_is_an_error(tokenizer: PreTrainedTokenizerFast) -> None:
    tokenizer.chat_template = INSTRUCT
    with pytest.raises(DataError, match=r"refuses a chat \(system, user\): only user and assistant speak here"):
        chat_tokens(tokenizer, [Turn(role="system", content="be kind"), Turn(role="user", content="hello")])


def test_a_template_that_repeats_replies_is_an_error(tokenizer: PreTrainedTokenizerFast) -> None:
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }} {{ m.content }}{% endfor %}"
    with pytest.raises(DataError, match="repeats a reply"):
        chat_tokens(tokenizer, CHAT)


def test_a_turn_that_the_template_leaves_out_says_nothing(tokenizer: PreTrainedTokenizerFast) -> None:
    keep_last = "{% for m in messages %}{% if loop.last %}{{ m.content }}{% endif %}{% endfor %}"
    assert said(tokenizer, keep_last, CHAT) == ("hello", "hello")


def test_whether_a_model_takes_chats(tokenizer: PreTrainedTokenizerFast) -> None:
    tokenizer.chat_template = CHATML
    assert has_template(tokenizer)
    tokenizer.chat_template = None
    assert not has_template(tokenizer)
