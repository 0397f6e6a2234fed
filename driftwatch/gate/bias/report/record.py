"""The record of a check: shown on a terminal and on pages, and written as JSON beside a run or for scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from driftwatch.domain.features import Digest, PairUnit
    from driftwatch.gate.bias.scores.continuations import Tone
    from driftwatch.gate.bias.scores.fairness import Fairness
    from driftwatch.gate.bias.scores.questions import QuestionScores
    from driftwatch.gate.bias.scores.summary import CategorySummary
    from driftwatch.gate.bias.scores.triples import TripleScores
    from driftwatch.gate.bias.suite import Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedPair:
    """A pair whose template rose a lot: of its pairs the one that rose most.

    Args:
        id: of the pair.
        category: of the pair.
        directed: whether prejudice is known to prefer the first sentence.
        stereotype: its first sentence.
        counter: its second.
        before: score of the model compared with.
        after: score of the model checked.
        rise: mean rise of its template's pairs: how likely a group's name is as such cancels there.
    """

    id: str
    category: str
    directed: bool
    stereotype: str
    counter: str
    before: float
    after: float
    rise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """A category of a suite of which nothing can be said, and why.

    Args:
        category: its name.
        directed: whether it is about the pairs whose stereotype is known, or about those without.
        reason: why nothing can be said.
    """

    category: str
    directed: bool = True
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteReport:
    """What one suite shows.

    Args:
        suite: its name.
        pairs: number of pairs that were scored.
        unit: of pairs' scores; None without pairs.
        prefers: share of pairs above zero, as lm-evaluation-harness's ``pct_stereotype``; None without a sign.
        size: mean of the scores without their sign, as its ``likelihood_diff``; None without pairs.
        categories: of the model checked.
        change: of the scores from the model compared with; nothing without one.
        moved: the pairs that rose most, one of each template.
        triples: of StereoSet.
        triples_before: likewise, of the model compared with.
        questions: of BBQ.
        questions_before: likewise, of the model compared with.
        skipped: what was left out, of the suite's data and of what the models can read.
        unjudged: categories of which nothing can be said.
        words: what all that means.
    """

    suite: str
    pairs: int = 0
    unit: PairUnit | None = None
    prefers: float | None = None
    size: float | None = None
    categories: tuple[CategorySummary, ...] = ()
    change: tuple[CategorySummary, ...] = ()
    moved: tuple[MovedPair, ...] = ()
    triples: tuple[TripleScores, ...] = ()
    triples_before: tuple[TripleScores, ...] = ()
    questions: tuple[QuestionScores, ...] = ()
    questions_before: tuple[QuestionScores, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasReport:
    """A check of one model, maybe against another.

    Args:
        model: as named by whoever asked.
        digest: its identity.
        against: the model compared with; empty without one.
        against_digest: its identity; empty without one.
        suites: their results.
        tone: what the model writes about groups; None where it was not asked to.
        tone_before: likewise, of the model compared with.
        fairness: on labelled texts; None without any.
        fairness_before: likewise, of the model compared with.
        unread: labelled texts that were left out, by reason.
    """

    model: str
    digest: Digest
    against: str = ""
    against_digest: str = ""
    suites: tuple[SuiteReport, ...] = ()
    tone: Tone | None = None
    tone_before: Tone | None = None
    fairness: Fairness | None = None
    fairness_before: Fairness | None = None
    unread: tuple[Skipped, ...] = ()
