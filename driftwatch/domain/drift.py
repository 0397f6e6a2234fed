"""Reference, window, and what a detector says about them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from driftwatch.domain.features import Digest, Features, LossUnit
from driftwatch.domain.text import Text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferencePart:
    """Some texts of a reference with their features, row by row."""

    texts: tuple[Text, ...]
    features: Features


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Reference:
    """Frozen, versioned features of what the champion learned.

    Args:
        stream: the stream it belongs to.
        version: ``r`` and the first 12 digits of its manifest's hash.
        created_at: when it was built; not part of the hash.
        seed: of sampling and split.
        encoder: digest of the encoder that read all texts: the static one where there are two tiers.
        tokenizer: digest of the tokenizer of all its token counts.
        champion: digest of the model of all its losses; None without a model.
        train: 25% of the texts; whatever is *chosen* is chosen on these.
        cal: 75% of the texts; whatever is *estimated* is estimated on these.
        heldout: texts of the same kind the champion never trained on (may be empty);
            the loss baseline comes from these where there are at least 100, else from ``cal``.
        memory: older texts that the champion should still know (from references before a rebase, may be empty):
            replayed and judged for forgetting, never part of what production is compared with.
        others: uint32 [m], ascending, 32 bits of the hash of every other body that the champion learned, for what it
            knows word for word is no news; None where there is none.
        tier: digest of the transformer tier's encoder, which read all its texts too; None where there is one encoder.
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
    others: npt.NDArray[np.uint32] | None = None
    tier: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Window:
    """The texts assessed in one step.

    Args:
        stream: whose texts these are.
        index: 0 for the stream's first window, then 1, 2, …
        texts: n texts in store order.
        features: of the same n texts.
        seqs: places of the same n texts in the store; empty where they come from elsewhere.
        arl_texts: the false-alarm budget: at least this many texts on average between two false alarms.
    """

    stream: str
    index: int
    texts: tuple[Text, ...]
    features: Features
    seqs: tuple[int, ...] = ()
    arl_texts: float = 1e6


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


class Change(StrEnum):
    """What became of a cluster or slice of the traffic."""

    NEW = "new"
    GROWN = "grown"
    SHRUNK = "shrunk"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterShift:
    """A cluster of texts that take up another share of the traffic than of the reference.

    Args:
        change: new (the reference hardly holds it), grown or shrunk.
        keywords: that set its texts apart, strongest first.
        share: of the distinct texts looked at, 0 to 1.
        low: lower end of the share's 95% interval.
        high: upper end of it.
        reference_share: of the reference's texts.
        texts: number of distinct texts in it.
        exemplars: redacted bodies nearest to its centre.
        loss: the champion's mean loss there, in the unit of the window's losses; None without a model.
    """

    change: Change
    keywords: tuple[str, ...]
    share: float
    low: float
    high: float
    reference_share: float
    texts: int
    exemplars: tuple[str, ...] = ()
    loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceShift:
    """A slice (texts with one value of one label) that carries the drift.

    Args:
        label: name of the label.
        value: of the label.
        texts: number of distinct texts in the slice.
        share: of the distinct texts looked at, 0 to 1.
        log10_e: log10 of the e-value against "this slice looks like the reference".
        new_share: at least this share of the slice is not explained by the reference.
    """

    label: str
    value: str
    texts: int
    share: float
    log10_e: float
    new_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """When the drift is estimated to have begun.

    Args:
        seq: store order of the first text thought to be of the new kind.
        seen_at: its time.
        texts: from it to the end of the window, that many.
    """

    seq: int
    seen_at: datetime
    texts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEvidence:
    """One channel "does the text fall into this set?" that carries evidence.

    Args:
        bank: it belongs to: ``directions``, ``twins``, ``tokens``, ``witness``, ``loss`` or ``length``.
        name: of the set, such as ``novelty > q 0.98`` or a token.
        share: of the texts since the onset that fall into it, 0 to 1.
        reference_share: of the reference's texts, its upper bound.
        log10_e: log10 of what it adds to its half's Shiryaev–Roberts statistic, which is no e-value.
    """

    bank: str
    name: str
    share: float
    reference_share: float
    log10_e: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftMap:
    """Texts on a plane, close where alike, for the incident page.

    Args:
        reference: x and y of some reference texts, each within 0 to 1.
        window: x and y of some of the window's texts.
        clusters: for each of the window's points the place of its cluster in ``WindowResult.clusters``; -1 for none.
    """

    reference: tuple[tuple[float, float], ...]
    window: tuple[tuple[float, float], ...]
    clusters: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftResult:
    """What one monitor says about one window."""

    detector: str
    measures: tuple[Measure, ...]
    words: tuple[WordShift, ...] = ()
    onset: Onset | None = None
    channels: tuple[ChannelEvidence, ...] = ()


class DriftState(StrEnum):
    """Has the text drifted, and does the model suffer? The four combinations of the two answers."""

    STABLE = "stable"
    BENIGN_DRIFT = "benign-drift"
    HARMFUL_DRIFT = "harmful-drift"
    SILENT_DECAY = "silent-decay"

    @property
    def drifted(self) -> bool:
        """Whether an alarm is in force."""
        return self in (DriftState.BENIGN_DRIFT, DriftState.HARMFUL_DRIFT)

    @property
    def words(self) -> str:
        """Name for people, such as "harmful drift"."""
        return self.value.replace("-", " ")

    @property
    def meaning(self) -> str:
        """What it says, in one clause without a stop."""
        match self:
            case DriftState.STABLE:
                return "nothing changed beyond chance"
            case DriftState.BENIGN_DRIFT:
                return "the text has changed, and the model copes with it"
            case DriftState.HARMFUL_DRIFT:
                return "the text has changed, and the model suffers from it"
            case DriftState.SILENT_DECAY:
                return "the text looks as it did, but the model does worse on it"


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
        state: whether the text has drifted and whether the model suffers; None where too little was measured.
        onset: estimated begin of the drift whose alarm is in force.
        channels: that carry the evidence, strongest first.
        clusters: new, grown and shrunk, strongest first.
        slices: that carry the drift, strongest first.
        map: of the texts, where an alarm was raised in this window.
        loss_unit: of the losses among the measures and of the clusters.
        arl_texts: the false-alarm budget that it was bet against; None where an earlier version measured it.
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
    state: DriftState | None = None
    onset: Onset | None = None
    channels: tuple[ChannelEvidence, ...] = ()
    clusters: tuple[ClusterShift, ...] = ()
    slices: tuple[SliceShift, ...] = ()
    map: DriftMap | None = None
    loss_unit: LossUnit = LossUnit.TOKEN
    arl_texts: float | None = None

    def value(self, name: str) -> float | None:
        """Return the measure's value, or None where it was not measured."""
        return next((m.value for m in self.measures if m.name == name), None)

    @property
    def state_words(self) -> str | None:
        """The state's name for people, such as "harmful drift"; None without a state."""
        if self.unscored_drift:
            return "drift, no model scored"
        return self.state.words if self.state is not None else None

    @property
    def state_meaning(self) -> str | None:
        """What the state says, in one clause without a stop; None without a state."""
        if self.unscored_drift:
            return "the text has changed; no model is scored, so whether one suffers is not known"
        return self.state.meaning if self.state is not None else None

    @property
    def state_told(self) -> str | None:
        """The state's name and what it says, such as "harmful drift: the text has changed, …"; None without a state."""
        if self.state is None:
            return None
        return f"{'drift' if self.unscored_drift else self.state.words}: {self.state_meaning}"

    @property
    def unscored_drift(self) -> bool:
        """Whether drift is called benign by name only: no model is scored, so nobody knows whether one copes."""
        increase = self.value("loss.increase")
        return self.state is DriftState.BENIGN_DRIFT and (increase is None or not math.isfinite(increase))

    @property
    def alarmed(self) -> bool:
        """Whether an alarm is in force at the window's end."""
        return bool(self.value("drift.alarm"))
