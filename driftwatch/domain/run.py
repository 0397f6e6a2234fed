"""Retraining runs: their states, gates' verdicts and progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, NewType

RunId = NewType("RunId", str)


class RunState(StrEnum):
    """Where a run stands (DESIGN section 8)."""

    QUEUED = "queued"
    COLLECTING = "collecting"
    PROBING = "probing"
    TRAINING = "training"
    JUDGING = "judging"
    AWAITING_APPROVAL = "awaiting-approval"
    PROMOTING = "promoting"
    PROBATION = "probation"
    KEPT = "kept"
    DECLINED = "declined"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled-back"

    @property
    def final(self) -> bool:
        """Whether the run has ended (a kept run may still be rolled back)."""
        return self in _FINAL

    @property
    def working(self) -> bool:
        """Whether a job process should be at work on it."""
        return self in _WORKING


_FINAL = frozenset(
    {
        RunState.KEPT,
        RunState.DECLINED,
        RunState.REJECTED,
        RunState.FAILED,
        RunState.CANCELLED,
        RunState.ROLLED_BACK,
    }
)
_WORKING = frozenset(
    {
        RunState.QUEUED,
        RunState.COLLECTING,
        RunState.PROBING,
        RunState.TRAINING,
        RunState.JUDGING,
        RunState.PROMOTING,
    }
)


Method = Literal["full", "lora", "head"]
"""Which weights a fine-tune changes: all, low-rank adapters (Hu et al. 2021), or the output head alone."""

Mitigation = Literal["none", "weight", "balance"]
"""What is done about new texts that speak ill of a group more than the reference: nothing, fewer of them, or as many
about the group's counterpart."""

Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Hyperparameters of a fine-tune.

    Args:
        name: what policies call it.
        method: which weights change.
        learning_rates: one per round; a round beyond the last uses the last.
        epochs: passes over the training mix.
        batch: sequences per optimiser step.
        at_once: most sequences that go through the device at once; the rest of a batch is accumulated. None: all.
        context: tokens per packed sequence; None for the model's own limit.
        precision: of the forward and backward pass; ``auto`` for bfloat16 where the device has it.
        gradient_checkpointing: whether activations are computed again instead of kept.
        replay: share of reference text in the training mix, 0 to 1.
        distill: weight, beside the cross-entropy, of how far the model departs on replayed text from what the champion
            says there; 0 for none.
        warmup: share of the steps with rising learning rate.
        weight_decay: of AdamW.
        clip: greatest norm of the gradient.
        patience: looks at the held-out loss without improvement before training stops; 0 for no early stopping.
        evaluate_steps: optimiser steps between two such looks.
        mask: share of tokens that a masked language model must restore, 0 to 1.
        rank: of the adapters.
        alpha: of the adapters; their output is scaled by alpha over rank.
        dropout: of the adapters' input, 0 to 1.
        targets: modules that get adapters, by the end of their names; empty for the architecture's usual ones.
        keep_adapter: whether the adapter is also kept beside the merged weights.
        max_texts: most fresh texts trained on.
        heldout: share of the fresh texts never trained on.
        mitigate: what is done about texts that speak ill of a group more than the reference.
        probe: share of a run's training that its probe may cost, 0 to 1.
        merge: coefficients tried between champion (0) and fine-tuned model (1); empty for no interpolation.
        devices: processes that train together on one host.
        checkpoint_steps: optimiser steps between checkpoints.
        seed: of order and initialisation.
    """

    name: str
    method: Method = "full"
    learning_rates: tuple[float, ...] = (3e-4, 1e-4)
    epochs: float = 2.0
    batch: int = 8
    at_once: int | None = None
    context: int | None = None
    precision: Precision = "auto"
    gradient_checkpointing: bool = False
    replay: float = 0.2
    distill: float = 4.0
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    patience: int = 0
    evaluate_steps: int = 50
    mask: float = 0.15
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0
    targets: tuple[str, ...] = ()
    keep_adapter: bool = False
    max_texts: int = 50_000
    heldout: float = 0.2
    mitigate: Mitigation = "none"
    probe: float = 0.1
    merge: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    devices: int = 1
    checkpoint_steps: int = 25
    seed: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Probation:
    """How a new champion is watched.

    Args:
        windows: in which its loss is compared with its predecessor's on the same texts; 0 for no probation.
        max_increase: greatest rise of the loss over the predecessor's, nats per token; beyond it, it is rolled back.
    """

    windows: int = 3
    max_increase: float = 0.0


NotShown = Literal["approve", "more-pairs", "refuse"]
"""What becomes of a candidate of which the bias gate shows nothing."""


PAIR_SUITES = ("crows-pairs", "winobias", "winogender")
"""Published suites of bias that are made of pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLimits:
    """What a candidate must hold.

    Args:
        quality_min_gain: least fall of the loss on fresh held-out text, nats per token.
        forgetting_max_loss: greatest rise of the loss on the reference's held-out text, nats per token.
        bias_max_increase: greatest rise of a category's stereotype preference, nats per pair.
        bias_neutral: neutral fine-tunes of the champion that training noise is measured by; 0 to assume it.
        bias_not_shown: what becomes of a candidate of which the bias gate shows nothing.
        bias_suites: names or paths of suites with further pairs, looked at where more are wanted.
    """

    quality_min_gain: float = 0.01
    forgetting_max_loss: float = 0.05
    bias_max_increase: float = 0.1
    bias_neutral: int = 3
    bias_not_shown: NotShown = "approve"
    bias_suites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """What a run is asked to do; written once, never changed.

    Args:
        id: unique, sorts by creation.
        stream: whose champion is retrained.
        rule: the rule that asked.
        window: the window it decided on.
        first_seq: first fresh text (the onset's window).
        last_seq: last fresh text (the decision's window).
        reference: version in force at the decision.
        champion: model version in force at the decision.
        recipe: hyperparameters.
        limits: of the gates.
        rounds: most rounds.
        approve: whether a person must approve the promotion.
        worth: least gain that the probe must predict, nats per token; None to train without a probe.
        max_hours: most hours of training over all rounds; None for no limit.
        probation: how the promoted model is watched.
        labels: of the rule when it asked, without their severity; the run's alerts bear them.
        annotations: of the rule when it asked, without their summary; likewise.
    """

    id: RunId
    stream: str
    rule: str
    window: int
    first_seq: int
    last_seq: int
    reference: str
    champion: str
    recipe: Recipe
    limits: GateLimits
    rounds: int = 2
    approve: bool = False
    worth: float | None = None
    max_hours: float | None = None
    probation: Probation = Probation()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateMeasure:
    """One figure a gate judged.

    Args:
        name: such as ``gain`` or ``bias.gender``.
        value: the estimate.
        low: lower end of its 95% interval.
        high: upper end.
        limit: what it is held against.
        unit: such as ``nats/token``.
        n: number of texts or pairs behind it.
    """

    name: str
    value: float
    low: float
    high: float
    limit: float
    unit: str
    n: int


PROBE = "probe"
"""Name under which a probe's prediction stands among the verdicts, of round 0."""

PROBATION = "probation"
"""Name under which stands what the windows of a probation said."""

CANARIES = "canaries"
"""Name under which stands what a candidate learnt of flagged clusters of its fresh texts."""

DATA = "data"
"""Name under which stands how a run's new texts speak of identity groups, of round 0; it refuses nothing by itself."""

SPOKEN_ILL = "data.spoken_ill"
"""Measure of it: number of groups that the new texts speak ill of more than the reference."""

COST = "cost"
"""Name under which a round's hours of training stand among the verdicts; the probe's are of round 0."""


class VerdictOutcome(StrEnum):
    """A gate's word."""

    PASSED = "passed"
    REFUSED = "refused"
    NOT_SHOWN = "not-shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A gate's result; a gate that could not run has refused."""

    gate: str
    round: int
    outcome: VerdictOutcome
    detail: str
    measures: tuple[GateMeasure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One step of a run's state machine."""

    state: RunState
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the present stage is; ``figures`` such as ``loss`` for people."""

    stage: str
    done: int
    total: int
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as the store knows it."""

    spec: RunSpec
    state: RunState
    round: int
    created_at: datetime
    updated_at: datetime
    transitions: tuple[Transition, ...]
    verdicts: tuple[Verdict, ...]
    progress: Progress | None = None
    candidate: str | None = None

    @property
    def training_hours(self) -> float:
        """Hours of training over all rounds, the probe's included."""
        spent = (measure for verdict in self.verdicts if verdict.gate == COST for measure in verdict.measures)
        return sum(measure.value for measure in spent)

    @property
    def spoken_ill(self) -> int | None:
        """Groups that its new texts speak ill of more than the reference; None before it was looked."""
        found = (measure for verdict in self.verdicts if verdict.gate == DATA for measure in verdict.measures)
        return next((int(measure.value) for measure in found if measure.name == SPOKEN_ILL), None)
