"""What a run is asked to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.run import RunId, RunSpec

if TYPE_CHECKING:
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.run import Recipe
    from driftwatch.policy.announcing import Words
    from driftwatch.policy.decide import RetrainRequest
    from driftwatch.store import Champion, ReferenceRow


def run_spec(
    request: RetrainRequest,
    *,
    run: RunId,
    onset: WindowResult,
    result: WindowResult,
    reference: ReferenceRow,
    champion: Champion,
    recipe: Recipe,
    words: Words,
) -> RunSpec:
    """Return what a run is asked to do.

    Args:
        request: by a rule, or by a person by a rule's settings.
        run: its id.
        onset: the window that its fresh texts begin with.
        result: the window that they end with.
        reference: in force.
        champion: that serves.
        recipe: its hyperparameters.
        words: of the rule, which the run's alerts bear.
    """
    return RunSpec(
        id=run,
        stream=result.stream,
        rule=request.rule,
        window=result.index,
        first_seq=onset.first_seq,
        last_seq=result.last_seq,
        reference=reference.version,
        champion=champion.version,
        recipe=recipe,
        limits=request.limits,
        rounds=request.rounds,
        approve=request.approve,
        worth=request.worth,
        max_hours=request.max_hours,
        probation=request.probation,
        labels={name: text for name, text in words.labels.items() if name != "severity"},
        annotations={name: text for name, text in words.annotations.items() if name != "summary"},
    )
