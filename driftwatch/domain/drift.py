"""Reference, window, and what a detector says about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from driftwatch.domain.features import Digest, Features
from driftwatch.domain.text import Text


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferencePart:
    """Some texts of a reference with their features, row by row."""

    texts: tuple[Text, ...]
    features: Features


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """Frozen, versioned features of what the champion learned.

    Args:
        stream: the stream it belongs to.
        version: ``r`` and the first 12 digits of its manifest's hash.
        created_at: when it was built; not part of the hash.
        seed: of sampling and split.
        encoder: digest of the encoder of all its embeddings.
        tokenizer: digest of the tokenizer of all its token counts.
        champion: digest of the model of all its losses; None without a model.
        train: 25% of the texts; whatever is *chosen* is chosen on these.
        cal: 75% of the texts; whatever is *estimated* is estimated on these.
        heldout: texts of the same kind the champion never trained on (may be empty);
            the loss baseline comes from these where there are at least 100, else from ``cal``.
        memory: older texts that the champion should still know (from references before a rebase, may be empty):
            replayed and judged for forgetting, never part of what production is compared with.
    """

    stream: str
    version: str
    created_at: datetime
    seed: int
    encoder: Digest
    tokenizer: Digest
    champion: Digest | None
    train: ReferencePart
    cal: ReferencePart
    heldout: ReferencePart
    memory: tuple[Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """The texts assessed in one step.

    Args:
        stream: whose texts these are.
        index: 0 for the stream's first window, then 1, 2, …
        texts: n texts in store order.
        features: of the same n texts.
    """

    stream: str
    index: int
    texts: tuple[Text, ...]
    features: Features


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number that policies, metrics and people see under the same name.

    Args:
        name: a policy variable, such as ``embedding.mmd2``.
        value: in the unit the name documents; never NaN.
        low: lower end of its 95% interval, where there is one.
        high: upper end of its 95% interval.
        null_low: lower end of where it lies without drift (its null band), where known.
        null_high: upper end of its null band.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    null_low: float | None = None
    null_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WordShift:
    """A word whose share of texts moved.

    Args:
        word: lower-cased.
        share: of the window's distinct texts that hold it, 0 to 1.
        reference_share: of the reference's texts that hold it.
        z: signed standard score of the difference.
    """

    word: str
    share: float
    reference_share: float
    z: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftResult:
    """What one monitor says about one window."""

    detector: str
    measures: tuple[Measure, ...]
    words: tuple[WordShift, ...] = ()


class Outcome(StrEnum):
    """How an assessment ended."""

    ASSESSED = "assessed"
    TOO_LITTLE_DATA = "too-little-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowResult:
    """Everything measured on one window; the same texts and seed give the same result to the bit.

    Args:
        stream: whose window.
        index: the window's number in its stream.
        first_seq: store order of its first text.
        last_seq: store order of its last text.
        texts: number of texts.
        distinct: number of distinct bodies.
        first_seen_at: earliest ``seen_at``.
        last_seen_at: latest ``seen_at``.
        reference: version it was compared with.
        champion: version of the model that scored it; None without a model.
        outcome: whether it could be assessed.
        measures: of all detectors, names unique.
        words: that moved most, risen first.
        exemplars: a few redacted bodies least like the reference.
    """

    stream: str
    index: int
    first_seq: int
    last_seq: int
    texts: int
    distinct: int
    first_seen_at: datetime
    last_seen_at: datetime
    reference: str
    champion: str | None
    outcome: Outcome
    measures: tuple[Measure, ...]
    words: tuple[WordShift, ...]
    exemplars: tuple[str, ...] = ()

    def value(self, name: str) -> float | None:
        """Return the measure's value, or None where it was not measured."""
        return next((m.value for m in self.measures if m.name == name), None)
