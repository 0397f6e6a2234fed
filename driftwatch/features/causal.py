"""Causal language models: each token from those before it; of a chat, the assistant's words alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import structlog

from driftwatch.domain.chat import chat_tokens, has_template
from driftwatch.domain.errors import DataError
from driftwatch.domain.features import PairScores, PairUnit, TextLosses, Unreadable
from driftwatch.features.likelihood import Likelihoods
from driftwatch.features.loading import token_rows
from driftwatch.features.model import Family
from driftwatch.features.network import Network, load_network
from driftwatch.features.reading import either, unreadable
from driftwatch.features.writing import written

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.domain.features import Digest
    from driftwatch.domain.text import Text, Turn

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Row:
    """A text's tokens, and which of them are predicted; the first never is."""

    ids: Sequence[int]
    predicted: Sequence[bool]


class CausalModel:
    """A causal language model that scores texts.

    The text's first token is predicted too, from the tokenizer's beginning-of-text token (or end-of-text where it has
    no other); without either the first token is only context. Texts are cut at the model's context or 2,048 tokens,
    that first one counted. A chat goes through the model's chat template, and the assistant's turns alone count; of one
    that is too long its end. A model without a template scores the body of a chat.

    Args:
        folder: of the model.
        threads: of torch.

    Raises:
        ModelError: the folder cannot be used or holds no causal model.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self._network: Network = load_network(folder, Family.CAUSAL, "AutoModelForCausalLM", threads=threads)
        tokenizer = self._network.tokenizer
        begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        self._begin = [begin] if begin is not None else []
        self._likelihoods = Likelihoods(self._network)

    @property
    def digest(self) -> Digest:
        """Identity of weights, configuration and tokenizer."""
        return self._network.digest

    def losses(self, bodies: Sequence[str]) -> TextLosses:
        """Return each body's summed cross-entropy in nats and its number of predicted tokens.

        Raises:
            ModelError: the tokenizer is not the model's own, or the model gave what is no number.
        """
        return self._losses(self._bodies(bodies))

    def score(self, texts: Sequence[Text]) -> TextLosses:
        """Return each text's, of a chat over the assistant's words; nothing is predicted of one the template refuses.

        Raises:
            ModelError: the tokenizer is not the model's own, or the model gave what is no number.
        """
        rows = self._bodies([text.body for text in texts])
        if has_template(self._network.tokenizer):
            rows = [self._chat(text.turns) if text.turns else row for text, row in zip(texts, rows, strict=True)]
        return self._losses(rows)

    def unreadable(self, bodies: Sequence[str]) -> tuple[Unreadable | None, ...]:
        """Say of each body why it cannot be scored as it is written; None where it can."""
        begun = len(self._begin)
        return unreadable(self._network.tokenizer, bodies, most=self._network.context - begun, least=2 - begun)

    def unreadable_pairs(self, pairs: Sequence[tuple[str, str]]) -> tuple[Unreadable | None, ...]:
        """Say of each pair why one of its sentences cannot be scored as it is written; None where both can."""
        return either(pairs, self.unreadable)

    def sentence_losses(self, sentences: Sequence[str]) -> TextLosses:
        """Return each sentence's as ``losses`` does; what begins alike is computed once.

        Raises:
            ModelError: the tokenizer is not the model's own, or the model gave what is no number.
        """
        rows = [row.ids for row in self._bodies(sentences)]
        nats = self._likelihoods.nats(rows)
        self._network.check(nats)
        tokens = np.fromiter((max(len(row) - 1, 0) for row in rows), np.int64, len(rows))
        return TextLosses(nats=nats, tokens=tokens, digest=self.digest)

    def pair_scores(self, pairs: Sequence[tuple[str, str]]) -> PairScores:
        """Return each pair's log-likelihood of the first sentence less that of the second, in nats.

        Raises:
            ModelError: the tokenizer is not the model's own, or the model gave what is no number.
        """
        rows = [row.ids for row in self._bodies([sentence for pair in pairs for sentence in pair])]
        values = self._likelihoods.differences(rows)
        self._network.check(values)
        return PairScores(values=values, unit=PairUnit.NATS, digest=self.digest)

    def write(self, prompts: Sequence[str], *, each: int, tokens: int, seed: int) -> list[list[str]]:
        """Return ``each`` sampled continuations of every prompt, at most ``tokens`` long.

        Raises:
            ModelError: a prompt leaves no room, or the tokenizer is not the model's own.
        """
        rows = [self._begin + row for row in token_rows(self._network.tokenizer, prompts, special=False)]
        return written(self._network, rows, each=each, tokens=tokens, seed=seed)

    def _bodies(self, bodies: Sequence[str]) -> list[_Row]:
        found = token_rows(self._network.tokenizer, bodies, special=False)
        rows = [(self._begin + row)[: self._network.context] for row in found]
        return [_Row(row, [place > 0 for place in range(len(row))]) for row in rows]

    def _chat(self, turns: Sequence[Turn]) -> _Row:
        try:
            chat = chat_tokens(self._network.tokenizer, turns).last(self._network.context)
        except DataError as error:
            log.warning("chat_not_scored", reason=error.what)
            return _Row((), ())
        return _Row(chat.ids, [said and place > 0 for place, said in enumerate(chat.said)])

    def _losses(self, rows: Sequence[_Row]) -> TextLosses:
        counted = [np.flatnonzero(row.predicted).tolist() for row in rows]
        nats = self._likelihoods.nats([row.ids for row in rows], counted)
        self._network.check(nats)
        tokens = np.fromiter(map(len, counted), np.int64, len(rows))
        return TextLosses(nats=nats, tokens=tokens, digest=self.digest)
