"""Retraining runs: their states, gates' verdicts and progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Hyperparameters of a fine-tune.

    Args:
        name: what policies call it.
        learning_rates: one per round; a round beyond the last uses the last.
        epochs: passes over the training mix.
        batch: sequences per optimiser step.
        context: tokens per packed sequence; None for the model's own limit.
        replay: share of reference text in the training mix, 0 to 1.
        warmup: share of the steps with rising learning rate.
        weight_decay: of AdamW.
        max_texts: most fresh texts trained on.
        heldout: share of the fresh texts never trained on.
        checkpoint_steps: optimiser steps between checkpoints.
        seed: of order and initialisation.
    """

    name: str
    learning_rates: tuple[float, ...] = (3e-4, 1e-4)
    epochs: float = 2.0
    batch: int = 8
    context: int | None = None
    replay: float = 0.2
    warmup: float = 0.1
    weight_decay: float = 0.01
    max_texts: int = 50_000
    heldout: float = 0.2
    checkpoint_steps: int = 25
    seed: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLimits:
    """What a candidate must hold.

    Args:
        quality_min_gain: least fall of the loss on fresh held-out text, nats per token.
        forgetting_max_loss: greatest rise of the loss on the reference's held-out text, nats per token.
        bias_max_increase: greatest rise of a category's stereotype preference, nats per pair.
    """

    quality_min_gain: float = 0.01
    forgetting_max_loss: float = 0.05
    bias_max_increase: float = 0.1


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
