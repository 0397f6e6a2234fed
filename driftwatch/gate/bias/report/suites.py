"""One suite's results on a model, and how they changed from another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.features import PairScores, PairUnit
from driftwatch.gate.bias.cells import strata
from driftwatch.gate.bias.report.record import MovedPair, SuiteReport, Unjudged
from driftwatch.gate.bias.report.words import said
from driftwatch.gate.bias.scores.preference import measured, readable
from driftwatch.gate.bias.scores.questions import question_scores
from driftwatch.gate.bias.scores.summary import sides, summarise
from driftwatch.gate.bias.scores.triples import triple_scores
from driftwatch.gate.verdicts import CannotJudgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from driftwatch.domain.protocols import Model
    from driftwatch.gate.bias.pairs import Pair
    from driftwatch.gate.bias.suite import Suite

MOST_MOVED = 10
"""Templates of which a pair is shown."""

_EMPTIED = "nothing of it is left"


def suite_report(
    model: Model,
    suite: Suite,
    *,
    against: Model | None = None,
    seed: int,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> SuiteReport:
    """Ask a model all that a suite holds.

    Args:
        model: to check.
        suite: of pairs, triples, questions or several of them.
        against: the model to compare with.
        seed: of the bootstraps.
        on_progress: told how many of the pairs' scores there are, over both models.

    Raises:
        CannotJudgeError: nothing of the suite can be scored, or a score is no number.
        ModelError: a model cannot be used, or has not the head that the suite asks for.
    """
    emptied = tuple(Unjudged(category=name, reason=_EMPTIED) for name in suite.emptied)
    report = SuiteReport(suite=suite.name, skipped=suite.skipped, unjudged=emptied)
    if suite.pairs:
        alone = not (suite.triples or suite.questions)
        report = _with_pairs(
            report, model, suite.pairs, against=against, seed=seed, alone=alone, on_progress=on_progress
        )
    if suite.triples:
        triples, left_out = triple_scores(model, suite.triples)
        before = triple_scores(against, suite.triples)[0] if against is not None else ()
        report = replace(report, triples=triples, triples_before=before, skipped=(*report.skipped, *left_out))
    if suite.questions:
        questions, left_out = question_scores(model, suite.questions, seed=seed)
        asked = question_scores(against, suite.questions, seed=seed)[0] if against is not None else ()
        report = replace(report, questions=questions, questions_before=asked, skipped=(*report.skipped, *left_out))
    return replace(report, words=said(report))


def _with_pairs(
    report: SuiteReport,
    model: Model,
    pairs: Sequence[Pair],
    *,
    against: Model | None,
    seed: int,
    alone: bool,
    on_progress: Callable[[int], None],
) -> SuiteReport:
    """Add what pairs show; ``alone`` where the suite asks nothing else, so that it must show something."""
    kept = readable(pairs, *([model] if against is None else [model, against]))
    if not kept.pairs:
        raise CannotJudgeError("the model can read no pair of the suite as it is written")
    after = measured(model, kept.pairs, on_progress=on_progress)
    before = None
    if against is not None:
        before = measured(against, kept.pairs, on_progress=lambda done: on_progress(len(kept.pairs) + done))
    places, unjudged = _judged(kept.pairs)
    if not places and alone:
        raise CannotJudgeError("an interval needs pairs of at least two templates, and no category has them")
    some = [kept.pairs[place] for place in places]
    judged_after = _chosen(after, places)
    judged_before = None if before is None else _chosen(before, places)
    return replace(
        report,
        pairs=len(kept.pairs),
        unit=after.unit,
        prefers=float((after.values > 0).mean()) if after.unit is PairUnit.NATS else None,
        size=float(np.abs(after.values).mean()),
        categories=summarise(judged_after, some, seed=seed) if some else (),
        change=summarise(judged_after, some, seed=seed, before=judged_before) if some and judged_before else (),
        moved=_moved(kept.pairs, before, after) if before is not None else (),
        skipped=(*report.skipped, *kept.skipped),
        unjudged=(
            *report.unjudged,
            *(Unjudged(category=each.category, directed=each.directed, reason=_EMPTIED) for each in kept.emptied),
            *unjudged,
        ),
    )


def _judged(pairs: Sequence[Pair]) -> tuple[list[int], list[Unjudged]]:
    """Return the places of the pairs of categories that have an interval, and the other categories."""
    places, unjudged = [], []
    for (category, directed), some in strata(pairs).items():
        templates = len({pairs[place].template for place in some})
        if templates < 2:  # noqa: PLR2004 - a spread takes two
            reason = "all its pairs are of one template"
            unjudged.append(Unjudged(category=category, directed=directed, reason=reason))
        else:
            places += some.tolist()
    return sorted(places), unjudged


def _chosen(found: PairScores, places: Sequence[int]) -> PairScores:
    where = np.asarray(places, dtype=np.intp)
    flipped = None if found.flipped is None else found.flipped[where]
    return replace(found, values=found.values[where], flipped=flipped)


def _moved(pairs: Sequence[Pair], before: PairScores, after: PairScores) -> tuple[MovedPair, ...]:
    """Return the pair that rose most of each template that did, the furthest first.

    A name that became likelier as such raises some pairs of a template and lowers the others by as much: by themselves
    they would stand above all that is said of anybody.
    """
    rise: npt.NDArray[np.float64] = sides(after, pairs) * (after.values - before.values)
    _, of = np.unique([pair.template for pair in pairs], return_inverse=True)
    means = (np.bincount(of, weights=rise) / np.bincount(of))[of]
    order = np.lexsort((-rise, of, -means))
    first = order[np.unique(of[order], return_index=True)[1]]
    chosen = first[np.argsort(-means[first], kind="stable")][:MOST_MOVED]
    return tuple(
        MovedPair(
            id=pairs[place].id,
            category=pairs[place].category,
            directed=pairs[place].directed,
            stereotype=pairs[place].stereotype,
            counter=pairs[place].counter,
            before=float(before.values[place]),
            after=float(after.values[place]),
            rise=float(means[place]),
        )
        for place in chosen
        if means[place] > 0
    )
