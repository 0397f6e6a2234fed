"""What a probation's windows come to: roll back as soon as the new model is worse for sure, keep it after the last.

Every window is a look, and a bad look would roll back; so the level is split evenly over the looks (Bonferroni): the
chance that a model no worse than the limit is ever rolled back stays below 2.5% for the whole probation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.analysis import Rival
from driftwatch.domain.run import PROBATION, GateMeasure, Progress, RunState, Verdict, VerdictOutcome
from driftwatch.store import Watched

if TYPE_CHECKING:
    from driftwatch.domain.analysis import Comparison
    from driftwatch.domain.run import Probation, Run

LEVEL = 0.05
"""Of all looks of a probation together, both sides counted."""


def confidence(probation: Probation) -> float:
    """Return the confidence of the interval of one look.

    Examples:
        >>> from driftwatch.domain.run import Probation
        >>> round(confidence(Probation(windows=5)), 3)
        0.99
    """
    return 1 - LEVEL / probation.windows


def under_way(run: Run) -> bool:
    """Whether further windows are to be compared for the run."""
    return run.state is RunState.PROBATION and outcome(run) is None


def judge(comparison: Comparison, probation: Probation, *, round: int) -> Verdict:  # noqa: A002 - the glossary's word
    """Return what the probation says after a window; ``not-shown`` while it goes on."""
    done = f"window {comparison.windows} of {probation.windows}"
    last = comparison.windows >= probation.windows
    if comparison.increase is None or comparison.low is None or comparison.high is None:
        word = VerdictOutcome.PASSED if last else VerdictOutcome.NOT_SHOWN
        said = f"{done}: not compared with the model before: {comparison.trouble}"
        return Verdict(gate=PROBATION, round=round, outcome=word, detail=said + ("; kept all the same" if last else ""))
    measure = GateMeasure(
        name="increase",
        value=comparison.increase,
        low=comparison.low,
        high=comparison.high,
        limit=probation.max_increase,
        unit=comparison.unit,
        n=comparison.texts,
    )
    figures = (
        f"{done}: loss {comparison.increase:+.4f} {comparison.unit} against the model before "
        f"({comparison.low:+.4f} to {comparison.high:+.4f}), limit {probation.max_increase:+.4f}"
        + (f"; this window was not compared: {comparison.trouble}" if comparison.trouble else "")
    )
    if comparison.low > probation.max_increase:
        word, said = VerdictOutcome.REFUSED, f"worse for sure in {figures}"
    elif last:
        word, said = VerdictOutcome.PASSED, f"not worse for sure in {figures}"
    else:
        word, said = VerdictOutcome.NOT_SHOWN, figures
    return Verdict(gate=PROBATION, round=round, outcome=word, detail=said, measures=(measure,))


def rival(run: Run, path: str | None, *, alone: bool) -> Rival:
    """Return the predecessor that the next window is compared with.

    Args:
        run: in probation.
        path: the predecessor's folder; None where the ledger has none.
        alone: whether the serving model must be scored alone, because the worker died on these texts with both.
    """
    trouble = f"the ledger does not know model {run.spec.champion}" if path is None else None
    if alone:
        path, trouble = None, "the analysis worker died on these texts again and again with both models loaded"
    return Rival(run=run.spec.id, path=path, confidence=confidence(run.spec.probation), trouble=trouble)


def word(run: Run, comparison: Comparison | None) -> Watched | None:
    """Return what a window says of a run in probation; its consequence is drawn from the store, after a crash too."""
    if comparison is None:
        return None
    probation = run.spec.probation
    done = min(comparison.windows, probation.windows)
    return Watched(
        run=run.spec.id,
        verdict=judge(comparison, probation, round=run.round),
        progress=Progress(stage=PROBATION, done=done, total=probation.windows),
    )


def outcome(run: Run) -> Verdict | None:
    """Return the verdict that ends the run's probation; None while there is none."""
    return next(
        (each for each in run.verdicts if each.gate == PROBATION and each.outcome is not VerdictOutcome.NOT_SHOWN), None
    )
