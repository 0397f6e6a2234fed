"""Sequence classifiers: how likely a text's right class is to them, and whether they give it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.errors import ModelError
from driftwatch.domain.features import ClassShares, LossUnit, PairScores, PairUnit, TextLosses, Unreadable
from driftwatch.features.answers import packed_or_padded
from driftwatch.features.loading import token_rows
from driftwatch.features.model import Family
from driftwatch.features.network import load_network
from driftwatch.features.packed.heads import choosing_head
from driftwatch.features.reading import either, unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch
    from transformers import PretrainedConfig

    from driftwatch.domain.features import Digest
    from driftwatch.domain.text import Text

_ONE_CLASS = (None, "single_label_classification")


class ClassifierModel:
    """A classifier of texts into one of several classes.

    A text of a known class counts as one predicted token: its loss is the cross-entropy of that class, in nats per
    labelled text. Of a text without a class, or of a class that the model does not have, nothing is predicted.

    Args:
        folder: of the model.
        threads: of torch.

    Raises:
        ModelError: the folder cannot be used, or holds no classifier into one of several classes.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self._network = load_network(folder, Family.CLASSIFIER, "AutoModelForSequenceClassification", threads=threads)
        config = self._network.model.config
        if config.problem_type not in _ONE_CLASS or (config.num_labels or 0) < 2:  # noqa: PLR2004 - a choice takes two
            raise ModelError(
                f"this classifier does not choose one of several classes ({config.problem_type or 'regression'})",
                where=str(folder),
                cure="only single-label classification is known here",
            )
        self._classes = class_numbers(config)
        named = {int(number): str(name) for number, name in (config.id2label or {}).items()}
        self._names = tuple(named.get(number, str(number)) for number in range(int(config.num_labels or 0)))
        self._longest = min(self._network.context, self._network.tokenizer.model_max_length)
        padding = config.get_text_config().pad_token_id is not None
        self._answers = packed_or_padded(self._network, choosing_head, together=padding)

    @property
    def digest(self) -> Digest:
        """Identity of weights, configuration and tokenizer."""
        return self._network.digest

    def losses(self, bodies: Sequence[str]) -> TextLosses:
        """Return that nothing is predicted: a body alone says nothing of its class."""
        return self._scored(bodies, [None] * len(bodies))

    def score(self, texts: Sequence[Text]) -> TextLosses:
        """Return the cross-entropy of each text's class, and whether the model gives that class.

        Raises:
            ModelError: the tokenizer is not the model's own, or the model gave what is no number.
        """
        classes = [self._classes.get(text.target) if text.target is not None else None for text in texts]
        return self._scored([text.body for text in texts], classes)

    def unreadable(self, bodies: Sequence[str]) -> tuple[Unreadable | None, ...]:
        """Say of each body why it cannot be scored as it is written; None where it can."""
        tokenizer = self._network.tokenizer
        return unreadable(tokenizer, bodies, most=self._longest - tokenizer.num_special_tokens_to_add())

    def unreadable_pairs(self, pairs: Sequence[tuple[str, str]]) -> tuple[Unreadable | None, ...]:
        """Say of each pair why one of its sentences cannot be scored as it is written; None where both can."""
        return either(pairs, self.unreadable)

    def class_shares(self, bodies: Sequence[str]) -> ClassShares:
        """Return the probability of every class for each body.

        Raises:
            ModelError: the tokenizer is not the model's own, a body has no token, or the model gave what is no number.
        """
        rows = token_rows(self._network.tokenizer, bodies, special=True, longest=self._longest)
        if any(not row for row in rows):
            raise ModelError("a text has no token to be put into a class by", cure="leave empty texts out")
        shares = np.zeros((len(rows), len(self._names)), np.float64)
        for batch in self._answers.batches(rows):
            logits = self._logits([rows[place] for place in batch])
            shares[batch] = logits.double().softmax(-1).cpu().numpy()
        self._network.check(shares)
        return ClassShares(values=shares, names=self._names, digest=self.digest)

    def pair_scores(self, pairs: Sequence[tuple[str, str]]) -> PairScores:
        """Return how much of the probability moves to other classes from one sentence to the other, and what flips.

        The total variation distance between the two sentences' classes: half the sum of absolute differences.

        Raises:
            ModelError: the tokenizer is not the model's own, or the model gave what is no number.
        """
        shares = self.class_shares([sentence for pair in pairs for sentence in pair]).values
        first, second = shares[0::2], shares[1::2]
        return PairScores(
            values=np.abs(first - second).sum(axis=1) / 2,
            unit=PairUnit.SHARE,
            digest=self.digest,
            flipped=first.argmax(axis=1) != second.argmax(axis=1),
        )

    def _scored(self, bodies: Sequence[str], classes: Sequence[int | None]) -> TextLosses:
        nats, correct = np.zeros(len(bodies), np.float64), np.zeros(len(bodies), np.bool_)
        known = [place for place, each in enumerate(classes) if each is not None]
        rows = token_rows(
            self._network.tokenizer, [bodies[place] for place in known], special=True, longest=self._longest
        )
        for batch in self._answers.batches(rows):
            places = [known[number] for number in batch]
            wanted = [number for place in places if (number := classes[place]) is not None]
            nats[places], correct[places] = self._given([rows[number] for number in batch], wanted)
        self._network.check(nats)
        tokens = np.zeros(len(bodies), np.int64)
        tokens[[place for place, row in zip(known, rows, strict=True) if row]] = 1
        return TextLosses(nats=nats, tokens=tokens, digest=self.digest, unit=LossUnit.LABELLED_TEXT, correct=correct)

    def _given(self, rows: Sequence[Sequence[int]], wanted: Sequence[int]) -> tuple[list[float], list[bool]]:
        import torch
        from torch.nn.functional import cross_entropy

        logits = self._logits(rows)
        classes = torch.tensor(wanted, device=logits.device)
        nats = cross_entropy(logits.double(), classes, reduction="none")
        return nats.tolist(), (logits.argmax(-1) == classes).tolist()

    def _logits(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return the classes' logits, [rows, classes]."""
        import torch

        return torch.cat(list(self._answers.logits(rows, [(0,)] * len(rows))))


def class_numbers(config: PretrainedConfig) -> dict[str, int]:
    """Return the number of each class by its name, and by that number's digits where no class is named so."""
    by_name = {str(name): int(number) for number, name in (config.id2label or {}).items()}
    return {str(number): number for number in by_name.values()} | by_name
