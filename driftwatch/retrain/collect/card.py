"""The data card: what came in for a run, what was left out and why, and by which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from driftwatch.retrain.fairness.result import DataCheck, Mitigated

WHOLE_CHARACTERS = "characters"
"""Unit of the length of texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One group, source or label value among the fresh texts.

    Args:
        name: of it; a group is named by a digest, for its own name may be a person's.
        came: texts that came in.
        used: of those, texts trained on or held out.
    """

    name: str
    came: int
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A robust limit on one figure of a text: the median and so many times the median deviation from it.

    Args:
        name: ``length``, ``characters``, ``loss``; or ``closeness``, of the clusters by meaning.
        unit: of the limits.
        low: least figure that is usual; None for no such limit.
        high: greatest figure that is usual.
        beyond: texts beyond them.
        trimmed: whether these were left out; otherwise they were too many to be outliers.
    """

    name: str
    unit: str
    low: float | None
    high: float
    beyond: int
    trimmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Most texts from one place; None for no limit."""

    group: int
    source: int | None
    cluster: int


class Sign(StrEnum):
    """What makes a new cluster of texts that mean much the same look coordinated."""

    FEW_GROUPS = "few groups"
    BURST = "burst"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """A cluster that would have given more texts than a cluster may.

    Args:
        kind: ``alike`` for texts that overlap, ``phrase`` for texts that share a run of words new to the stream,
            ``meaning`` for texts that say much the same, new to the stream and by its signs coordinated.
        texts: distinct texts of it that came in.
        used: of those, trained on; none of a flagged cluster is held out for judging.
        canaries: of those, held out to see whether the cluster was learnt all the same.
        groups: they came from; a text without one counts as its own.
        sources: they came from.
        phrase: the shared words, shortened; empty for a cluster of texts that are alike.
        exemplars: beginnings of a few texts left out, without personal data as far as the check finds it.
        signs: of coordination, for a cluster by meaning.
        trained: ids of the texts trained on, so that a later round can do without them.
    """

    kind: Literal["alike", "phrase", "meaning"]
    texts: int
    used: int
    canaries: int
    groups: int
    sources: int
    phrase: str = ""
    exemplars: tuple[str, ...] = ()
    signs: tuple[Sign, ...] = ()
    trained: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCard:
    """How many texts went where, and why.

    Args:
        seed: of every choice made.
        fresh: fresh texts looked at.
        left_out: fresh texts left out, by reason (see :class:`~driftwatch.retrain.collect.fate.Fate`).
        train: fresh texts trained on.
        select: fresh texts for choosing between rounds.
        judge: fresh texts for the final word.
        groups: distinct groups among the fresh texts used; a text without one counts as its own.
        group_cap: most texts of one group.
        reference: replayable texts offered.
        replay: of those, trained on again.
        replay_wanted: how many the recipe asks for.
        remembered: of those, held out for judging what is forgotten.
        canaries: texts of flagged clusters held out.
        since: when the first fresh text was seen; None without texts.
        until: when the last one was.
        caps: in force.
        limits: on single texts, in force.
        largest_groups: those with most texts.
        sources: every source, up to the first hundred.
        labels: ``name=value`` of the texts' labels and targets, those with most texts.
        clusters: flagged, largest first.
        identity: how the texts used speak of identity groups, against the reference; None where nobody asked.
        mitigated: what was done about groups that are spoken ill of more than before.
        counterfactual: copies of training texts about another group, trained on beside.
        notes: what a person should know, such as a check that was not made.
    """

    seed: int
    fresh: int
    left_out: Mapping[str, int]
    train: int
    select: int
    judge: int
    groups: int
    group_cap: int
    reference: int
    replay: int
    replay_wanted: int
    remembered: int
    canaries: int = 0
    since: datetime | None = None
    until: datetime | None = None
    caps: Caps | None = None
    limits: tuple[Limit, ...] = ()
    largest_groups: tuple[Share, ...] = ()
    sources: tuple[Share, ...] = ()
    labels: tuple[Share, ...] = ()
    clusters: tuple[Flagged, ...] = ()
    identity: DataCheck | None = None
    mitigated: tuple[Mitigated, ...] = ()
    counterfactual: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def used(self) -> int:
        """Fresh texts trained on or held out."""
        return self.train + self.select + self.judge
