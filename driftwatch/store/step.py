"""Everything one assessment step changes, for one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.domain.alert import Alert
    from driftwatch.domain.decision import Decision, RuleState
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.run import Progress, RunId, RunSpec, Verdict
    from driftwatch.store.basis import Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A window's word on a run in probation.

    Args:
        run: which.
        verdict: takes the place of the one before.
        progress: windows done of those asked for.
    """

    run: RunId
    verdict: Verdict
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a window came to.

    Args:
        result: the window's.
        states: of the monitors after it, by detector.
        decisions: one per rule.
        rule_states: what the rules remember from now on.
        alerts: to be delivered.
        resolved: keys of alerts that are over.
        receivers: of the alerts.
        runs: asked for; a decision to retrain is linked to the run of its rule.
        watched: what the window says of a run in probation.
        basis: what the decisions rest on besides the window; None where nothing was decided.
    """

    result: WindowResult
    states: Mapping[str, bytes]
    decisions: tuple[Decision, ...] = ()
    rule_states: tuple[RuleState, ...] = ()
    alerts: tuple[Alert, ...] = ()
    resolved: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    runs: tuple[RunSpec, ...] = ()
    watched: Watched | None = None
    basis: Basis | None = None
