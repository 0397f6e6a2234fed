"""What a rule's labels and annotations say of a window: its figures in their places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.domain.decision import RuleState
    from driftwatch.domain.drift import WindowResult
    from driftwatch.policy.ruleset import Rule
    from driftwatch.policy.variables import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The labels and annotations of one alert; figures and names only, never a text as it came in."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def announce(rule: Rule, *, result: WindowResult, state: RuleState, values: Mapping[str, Value]) -> Words:
    """Return what a rule says of a window.

    Args:
        rule: that acts.
        result: of the window.
        state: of the rule after it.
        values: of the variables.
    """
    since_window = result.index if state.since_window is None else state.since_window
    known: dict[str, Value] = {
        **values,
        "stream": result.stream,
        "rule": rule.name,
        "window": result.index,
        "model": result.champion or "none",
        "reference": result.reference,
        "since": f"{state.since_at or result.last_seen_at:%Y-%m-%d %H:%M:%S} UTC",
        "windows": result.index - since_window + 1,
    }
    return Words(
        labels={name: template.render(known) for name, template in rule.labels.items()},
        annotations={name: template.render(known) for name, template in rule.annotations.items()},
    )
