"""Texts as rows of tokens, with what of each row is learnt."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.chat import chat_tokens, has_template
from driftwatch.domain.errors import DataError, RunError
from driftwatch.retrain.finetune.family import Family

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from driftwatch.domain.text import Text

_TOKENISED_AT_ONCE = 1_000
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of tokens, one after the other.

    Args:
        tokens: int32 [total], all rows' ids.
        learnt: bool [total]: tokens to be predicted (causal) or that may be masked (masked).
        bounds: int64 [rows + 1], where each row begins and ends.
        classes: int64 [rows], what a classifier should say; empty for language models.
        kept: bool [rows], those on which the model should stay as it is.
        left_out: texts that gave no row, by reason.
    """

    tokens: npt.NDArray[np.int32]
    learnt: npt.NDArray[np.bool_]
    bounds: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]
    kept: npt.NDArray[np.bool_]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each row, int64 [rows]."""
        return np.diff(self.bounds)

    def digest(self) -> str:
        """Return the identity of everything in the rows."""
        total = hashlib.sha256()
        for part in (self.tokens, self.learnt, self.bounds, self.classes, self.kept):
            total.update(repr(part.shape).encode())
            total.update(part.tobytes())
        return total.hexdigest()


def beside(fresh: Rows, replayed: Rows, *, kept: bool) -> Rows:
    """Return both as one.

    Args:
        fresh: first.
        replayed: after them.
        kept: whether the model should stay as it is on the replayed ones.
    """
    return Rows(
        tokens=np.concatenate((fresh.tokens, replayed.tokens)),
        learnt=np.concatenate((fresh.learnt, replayed.learnt)),
        bounds=np.concatenate((fresh.bounds, fresh.bounds[-1] + replayed.bounds[1:])),
        classes=np.concatenate((fresh.classes, replayed.classes)),
        kept=np.concatenate((fresh.kept, np.full(len(replayed), kept))),
        left_out=Counter(fresh.left_out) + Counter(replayed.left_out),
    )


def rows_of(
    texts: Sequence[Text],
    *,
    family: Family,
    tokenizer: PreTrainedTokenizerBase,
    config: PretrainedConfig,
    context: int,
) -> Rows:
    """Return the texts as the family's rows.

    Args:
        texts: to train on, or to look at.
        family: what the model was trained to do.
        tokenizer: the champion's.
        config: the champion's; says what classes a classifier knows.
        context: most tokens that the model takes at once; longer rows of a causal model stay whole, to be cut later.

    Raises:
        DataError: a text names a class that the classifier does not know.
    """
    collected = _Collected()
    if family is Family.CAUSAL:
        _add_causal(collected, texts, tokenizer)
    elif family is Family.MASKED:
        _add_masked(collected, texts, tokenizer, context)
    else:
        _add_classified(collected, texts, tokenizer, config, context)
    return collected.rows()


class _Collected:
    """Rows on their way."""

    def __init__(self) -> None:
        self._tokens: list[npt.NDArray[np.int32]] = []
        self._learnt: list[npt.NDArray[np.bool_]] = []
        self._classes: list[int] = []
        self.left_out: Counter[str] = Counter()

    def add(self, tokens: Sequence[int], learnt: Sequence[bool], *, label: int | None = None) -> None:
        if not tokens or (label is None and not any(learnt)):
            self.left_out["nothing to learn"] += 1
            return
        self._tokens.append(np.asarray(tokens, dtype=np.int32))
        self._learnt.append(np.asarray(learnt, dtype=np.bool_))
        if label is not None:
            self._classes.append(label)

    def rows(self) -> Rows:
        lengths = np.array([0, *(len(row) for row in self._tokens)], dtype=np.int64)
        return Rows(
            tokens=np.concatenate(self._tokens) if self._tokens else np.empty(0, np.int32),
            learnt=np.concatenate(self._learnt) if self._learnt else np.empty(0, np.bool_),
            bounds=np.cumsum(lengths),
            classes=np.array(self._classes, dtype=np.int64),
            kept=np.zeros(len(self._tokens), dtype=np.bool_),
            left_out=dict(self.left_out),
        )


def _add_causal(collected: _Collected, texts: Sequence[Text], tokenizer: PreTrainedTokenizerBase) -> None:
    """Add each text between the tokens that begin and end one; the first is only context, as when texts are scored.

    A model without a chat template learns a chat's body, as it is scored by it.
    """
    end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
    begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    before, after = ([] if begin is None else [begin]), ([] if end is None else [end])
    chats = has_template(tokenizer)
    plain = [text for text in texts if not (text.turns and chats)]
    for tokens in _tokenised(tokenizer, [text.body for text in plain]):
        row = [*before, *tokens, *after] if tokens else []
        collected.add(row, [place > 0 for place in range(len(row))])
    for text in texts:
        if text.turns and chats:
            _add_chat(collected, text, tokenizer)


def _add_chat(collected: _Collected, text: Text, tokenizer: PreTrainedTokenizerBase) -> None:
    try:
        chat = chat_tokens(tokenizer, text.turns)
    except DataError:
        collected.left_out["refused by the chat template"] += 1
    else:
        collected.add(chat.ids, [place > 0 and said for place, said in enumerate(chat.said)])


def _tokenised(tokenizer: PreTrainedTokenizerBase, bodies: Sequence[str]) -> Iterator[list[int]]:
    for start in range(0, len(bodies), _TOKENISED_AT_ONCE):
        batch = list(bodies[start : start + _TOKENISED_AT_ONCE])
        yield from tokenizer(batch, add_special_tokens=False, verbose=False)["input_ids"]


def _add_masked(collected: _Collected, texts: Sequence[Text], tokenizer: PreTrainedTokenizerBase, context: int) -> None:
    """Add each text between its special tokens, which are never masked; a long text gives several rows."""
    if tokenizer.mask_token_id is None:
        raise RunError("the tokenizer of a masked language model has no mask token", where=str(tokenizer.name_or_path))
    for start in range(0, len(texts), _TOKENISED_AT_ONCE):
        cut = tokenizer(
            [text.body for text in texts[start : start + _TOKENISED_AT_ONCE]],
            truncation=True,
            max_length=context,
            return_overflowing_tokens=tokenizer.is_fast,
            return_special_tokens_mask=True,
            verbose=False,
        )
        for tokens, special in zip(cut["input_ids"], cut["special_tokens_mask"], strict=True):
            collected.add(tokens, [not each for each in special])


def _add_classified(
    collected: _Collected,
    texts: Sequence[Text],
    tokenizer: PreTrainedTokenizerBase,
    config: PretrainedConfig,
    context: int,
) -> None:
    """Add each text that says its class; longer ones are cut, as where the classifier serves."""
    told = [text for text in texts if text.target is not None]
    collected.left_out["without a target"] = len(texts) - len(told)
    known = {str(name): int(number) for name, number in (config.label2id or {}).items()}
    for start in range(0, len(told), _TOKENISED_AT_ONCE):
        batch = told[start : start + _TOKENISED_AT_ONCE]
        cut = tokenizer([text.body for text in batch], truncation=True, max_length=context, verbose=False)["input_ids"]
        for text, tokens in zip(batch, cut, strict=True):
            collected.add(tokens, [False] * len(tokens), label=_class(text, known))


def _class(text: Text, known: Mapping[str, int]) -> int:
    number = known.get(str(text.target))
    if number is None:
        named = ", ".join(list(known)[:_MOST_NAMED]) + (", …" if len(known) > _MOST_NAMED else "")
        raise DataError(
            f'the classifier knows no class "{text.target}"',
            where=f"text {text.id}",
            cure=f"its config.json knows {named}; correct the record's label, or train a classifier with that class",
        )
    return number
