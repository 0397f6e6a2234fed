"""What the store knows beside a window when it is decided on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from driftwatch.domain.feedback import accuracy
from driftwatch.policy.decide import Facts
from driftwatch.policy.variables import LONGEST_PERIOD

if TYPE_CHECKING:
    from datetime import datetime

    from driftwatch.domain.analysis import Analysis
    from driftwatch.domain.drift import WindowResult
    from driftwatch.store import Champion, ReferenceRow, Store


def with_feedback(store: Store, analysis: Analysis) -> WindowResult:
    """Return the result with how often the model was right, as far as feedback tells by now."""
    result = analysis.result
    said = store.feedback.between(result.stream, first_seq=result.first_seq, last_seq=result.last_seq)
    told = [replace(each, correct=analysis.right.get(each.text)) if each.score is None else each for each in said]
    return replace(result, measures=(*result.measures, *accuracy(told)))


def facts_of(
    store: Store, result: WindowResult, *, reference: ReferenceRow, champion: Champion | None, now: datetime
) -> Facts:
    """Return what rules are told of the stream, its runs and its models.

    Args:
        store: that knows it.
        result: of the window.
        reference: in force.
        champion: that serves.
        now: the moment of the decision.
    """
    stream = result.stream

    def fresh_texts(since_window: int) -> int:
        before = (store.windows.result(stream, index) for index in range(since_window, result.index))
        return result.texts + sum(window.texts for window in before if window is not None)

    return Facts(
        fresh_texts=fresh_texts,
        runs=store.runs.facts(stream, since=now - LONGEST_PERIOD),
        elsewhere=store.runs.elsewhere(stream),
        champion_at=champion.at if champion else None,
        reference_at=reference.created_at,
        paused=store.pauses.in_force(now, stream=stream),
        spoken_ill=store.runs.spoken_ill(stream),
    )
