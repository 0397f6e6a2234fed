"""What carries the evidence of an alarm, and since when."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import ChannelEvidence, Onset
from driftwatch.domain.features import Embeddings, Features, TextLosses, TokenCounts
from driftwatch.drift.evidence.onset import change_point
from driftwatch.drift.evidence.recent import joined

if TYPE_CHECKING:
    from driftwatch.domain.drift import Reference, Window
    from driftwatch.drift.evidence.fixed import Fixed
    from driftwatch.drift.evidence.recent import Chunk, Recent
    from driftwatch.drift.evidence.witnesses import Leader, Witnesses

Hits = npt.NDArray[np.bool_]
MOST = 5
_COMMON = 0.8
_WORDS = re.compile(r"\w+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Leaders:
    """Finds the channels that lead, and the texts since which they do."""

    def __init__(self, reference: Reference, fixed: Fixed, witnesses: Witnesses) -> None:
        self._reference = reference
        self._fixed = fixed
        self._witnesses = witnesses

    def explain(
        self, window: Window, recent: Recent, witness: Leader | None
    ) -> tuple[Onset, tuple[ChannelEvidence, ...]]:
        """Return the onset by the strongest channel, and the strongest channels with their shares since then.

        The onset's texts are the recent ones alone: copies, and what the reference knows, are not among them.

        Args:
            window: in which the alarm was raised.
            recent: texts up to and including the window's.
            witness: that raised it; None where the fixed banks did.
        """
        texts = joined(list(recent))
        order = np.argsort(texts.seqs, kind="stable")
        found = self._channels(window, texts, recent, witness)
        _, _, hits, rate = found[0]
        first = order[change_point(hits[order], min(max(rate, 1e-6), 1 - 1e-6))]
        since = texts.seqs >= texts.seqs[first]
        channels = tuple(
            ChannelEvidence(
                bank=bank,
                name=name,
                share=float(hits[since].mean()),
                reference_share=rate,
                log10_e=evidence,
            )
            for (bank, evidence), name, hits, rate in found
        )
        seq = int(texts.seqs[first])
        seen_at = _EPOCH + timedelta(microseconds=int(texts.times[first]))
        return Onset(seq=seq, seen_at=seen_at, texts=int(since.sum())), channels

    def _channels(
        self, window: Window, texts: Chunk, recent: Recent, witness: Leader | None
    ) -> list[tuple[tuple[str, float], str, Hits, float]]:
        """Return bank and evidence, name, hits among the recent texts and null rate of the strongest channels."""
        found = []
        features = self._features(texts)
        for strength, bank, place in self._fixed.strongest()[:MOST]:
            evidence = float(np.log10(max(strength, 1e-300)))
            name, hits, rate = self._fixed.channel(bank, place, features)
            if bank == "tokens":
                name = _word(window, place, len(self._fixed.token_bounds)) or name
            found.append(((bank, evidence), name, hits, rate))
        if witness is not None:
            found.insert(0, self._witness(texts, recent, witness))
        return found[:MOST]

    def _witness(self, texts: Chunk, recent: Recent, witness: Leader) -> tuple[tuple[str, float], str, Hits, float]:
        level = int(witness.values.mean(1).argmax())
        scores = self._witnesses.recent_scores(texts, recent, witness)
        edge = np.quantile(witness.calibration, 1 - witness.levels[level])
        evidence = float(np.log10(max(witness.values.mean(), 1e-300)))
        name = f"{witness.name}, top {witness.levels[level]:.3g}"
        return ("witness", evidence), name, scores > edge, witness.levels[level]

    def _features(self, texts: Chunk) -> Features:
        """Return the recent texts' features as far as they are kept: every token once, losses per token."""
        reference = self._reference.cal.features
        ones = np.ones(len(texts), dtype=np.int64)
        counts = np.ones(len(texts.ids), dtype=np.int32)
        sizes = np.diff(texts.indptr)
        # A text's length in tokens is kept beside its set of tokens: the first token stands for all repeats.
        firsts = texts.indptr[:-1][sizes > 0]
        counts[firsts] += (texts.scalars[sizes > 0, 0] - sizes[sizes > 0]).astype(np.int32)
        return Features(
            embeddings=Embeddings(values=texts.values.astype(np.float32), digest=reference.embeddings.digest),
            tokens=TokenCounts(
                indptr=texts.indptr,
                ids=texts.ids,
                counts=counts,
                vocabulary=reference.tokens.vocabulary,
                digest=reference.tokens.digest,
            ),
            losses=None
            if reference.losses is None
            else TextLosses(nats=texts.scalars[:, 1].astype(np.float64), tokens=ones, digest=reference.losses.digest),
        )


def _word(window: Window, place: int, buckets: int) -> str | None:
    """Return the word that texts with a token have in common and the others lack, where there is one."""
    tokens = window.features.tokens
    rows = np.repeat(np.arange(len(window.texts)), np.diff(tokens.indptr))
    holding = set(rows[tokens.ids % buckets == place].tolist())
    here: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for row, text in enumerate(window.texts):
        (here if row in holding else there).update(set(_WORDS.findall(text.body.lower())))
    others = max(len(window.texts) - len(holding), 1)
    best = max(here, key=lambda word: (here[word] / len(holding) - there[word] / others, word), default=None)
    if best is None or here[best] / len(holding) < _COMMON:
        return None
    return f"word “{best}”"
