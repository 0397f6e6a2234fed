"""A stream in which short texts come again and again, word for word, and the reference of its log."""

from __future__ import annotations

from dataclasses import replace

import drift_samples as samples
import numpy as np
from drawn_samples import BUDGET, DIMS, VOCABULARY, drawn_tokens, part_of, reference_of, seqs_of

from driftwatch.domain.drift import Reference, ReferencePart, Window
from driftwatch.domain.features import Embeddings, Features, TextLosses
from driftwatch.domain.text import Text
from driftwatch.drift.evidence.known import short
from driftwatch.drift.features import concatenate, take

SIZE = 500
COMMON, SHARE, LOG = 400, 0.4, 5_000


class Talk:
    """Short texts said again and again, of a kind of their own, between texts that nobody says twice."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._kind = self._random.normal(size=DIMS)
        self._common = self._features(COMMON, self._kind, 0, 20)
        self._said = 0

    def _features(self, count: int, shift: np.ndarray, first: int, last: int) -> Features:
        values = (self._random.normal(size=(count, DIMS)) + shift).astype(np.float32)
        return Features(
            embeddings=Embeddings(
                values=values / np.linalg.norm(values, axis=1, keepdims=True), digest=samples.ENCODER
            ),
            tokens=drawn_tokens(self._random, count, first=first, last=last),
            losses=None,
        )

    def say(self, count: int, *, share: float = SHARE, shift: float = 0.0) -> tuple[list[str], Features]:
        """Return bodies and features of texts, a share of them common ones."""
        common = self._random.random(count) < share
        which = self._random.integers(COMMON, size=count)
        numbers = self._said + np.arange(count)
        self._said += count
        bodies = [
            f"thanks {each}" if said_often else f"text {number}"
            for each, said_often, number in zip(which, common, numbers, strict=True)
        ]
        drift = np.zeros(DIMS)
        drift[0] = shift
        both = concatenate([self._common, self._features(count, drift, 10, VOCABULARY)])
        return bodies, take(both, np.where(common, which, COMMON + np.arange(count)))

    def reference(self, count: int = LOG) -> Reference:
        """Return the reference of a log of so many texts, as it is built of any log: distinct texts."""
        bodies, features = self.say(count)
        rows = np.array(sorted({body: row for row, body in enumerate(bodies)}.values()))
        parts = [self.part(bodies, features, rows[start::4]) for start in range(4)]
        cal = ReferencePart(
            texts=tuple(text for part in parts[1:] for text in part.texts),
            features=concatenate([part.features for part in parts[1:]]),
        )
        return reference_of("talk", train=parts[0], cal=cal, heldout=self.part(bodies, features, rows[:0]))

    @staticmethod
    def part(bodies: list[str], features: Features, rows: np.ndarray) -> ReferencePart:
        """Return these rows as a part of a reference."""
        texts = [Text(id=str(row), body=body, seen_at=samples.NOON) for row, body in enumerate(bodies)]
        return part_of(texts, features, rows)

    def window(self, index: int, *, share: float = SHARE, shift: float = 0.0, size: int = SIZE) -> Window:
        """Return the next texts as a window."""
        bodies, features = self.say(size, share=share, shift=shift)
        return Window(
            stream="talk",
            index=index,
            texts=samples.texts(bodies),
            features=features,
            seqs=seqs_of(index, size),
            arl_texts=BUDGET,
        )


def sampled(reference: Reference, share: float) -> Reference:
    """Return the reference with so much of its texts chosen, the others' bodies kept as hashes alone."""
    random = np.random.default_rng(0)
    parts, gone = [], []
    for part in (reference.train, reference.cal):
        chosen = random.random(len(part.texts)) < share
        gone += [text.body for text, kept in zip(part.texts, chosen, strict=True) if not kept]
        rows = np.flatnonzero(chosen)
        parts.append(part_of(part.texts, part.features, rows))
    return replace(reference, train=parts[0], cal=parts[1], others=np.unique(short(gone)))


def read(part: ReferencePart, *, seed: int, worse: float = 0.0) -> ReferencePart:
    """Return texts with losses: short texts cost more a token, far ones (first embedding axis) so much more."""
    common = np.array([text.body.startswith("thanks") for text in part.texts], dtype=bool)
    tokens = np.where(common, 3, 20)
    far = part.features.embeddings.values[:, 0] > 0.8
    each = np.where(common, 3.6, 3.0) + worse * far + 0.5 * np.random.default_rng(seed).normal(size=len(common))
    losses = TextLosses(nats=each * tokens, tokens=tokens.astype(np.int64), digest=samples.MODEL)
    return replace(part, features=replace(part.features, losses=losses))
