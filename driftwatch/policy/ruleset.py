"""The rules in force, as values: read from files, bound to streams, ready to decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta  # noqa: TC003 pydantic reads the fields' types
from typing import TYPE_CHECKING

from driftwatch.domain.run import Probation
from driftwatch.domain.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.domain.decision import Action
    from driftwatch.domain.run import GateLimits, Recipe
    from driftwatch.policy.expressions import Expression
    from driftwatch.policy.limits import Limits
    from driftwatch.policy.templates import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """How long a condition must hold before its rule acts: a number of windows or a duration."""

    windows: int = 1
    duration: timedelta | None = None

    def __str__(self) -> str:
        """Return it as written in a policy."""
        if self.duration is not None:
            return format_duration(self.duration)
        return f"{self.windows} window" + ("" if self.windows == 1 else "s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """What a rule asks of its runs.

    Args:
        recipe: name of the hyperparameters.
        fresh_texts: texts since the onset that a run needs.
        limits: of the gates.
        rounds: most rounds.
        approve: whether a person must approve the promotion.
        worth: least gain that a probe must predict, nats per token; None for runs without a probe.
        max_hours: most hours of training in a run; None for no limit.
        probation: how the promoted model is watched.
    """

    recipe: str
    fresh_texts: int
    limits: GateLimits
    rounds: int
    approve: bool
    worth: float | None = None
    max_hours: float | None = None
    probation: Probation = Probation()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule in force.

    Args:
        name: unique among the rules of a stream.
        when: its condition.
        hold: how long the condition must hold.
        clear: how long it must be false, or what must be true, before a streak in force ends; None for at once.
        action: what it does when it acts.
        limits: of its actions.
        retraining: what to retrain with; None for a rule that does something else.
        unless: names of rules that have precedence while they are in force.
        priority: of two rules that would ask for a run on the same window, the one with the higher gets it.
        labels: of its alerts; ``severity`` is always there.
        annotations: of its alerts.
        fingerprint: of the rule's text; another text begins a new streak.
    """

    name: str
    when: Expression
    hold: Hold
    action: Action
    limits: Limits
    retraining: Retraining | None
    labels: Mapping[str, Template]
    annotations: Mapping[str, Template]
    fingerprint: str
    clear: Hold | Expression | None = None
    unless: tuple[str, ...] = ()
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All rules in force, by stream.

    Args:
        hash: of everything that the rules say.
        rules: of each stream, in the order they are written.
        recipes: that rules may name, loaded with them; the same reload exchanges both.
        files: text of each file that the rules were read from, by name, in their order.
        places: where each rule is written, ``file:line:column`` by stream and name.
    """

    hash: str
    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict, compare=False)
    places: Mapping[tuple[str, str], str] = field(default_factory=dict, compare=False)

    def of(self, stream: str) -> tuple[Rule, ...]:
        """Return a stream's rules; none for a stream without."""
        return self.rules.get(stream, ())

    def rule(self, stream: str, name: str) -> Rule | None:
        """Return one rule of a stream."""
        return next((rule for rule in self.of(stream) if rule.name == name), None)
