"""From a validated rule to one that can decide: its condition, clearing, templates and limits."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeAlias

from driftwatch.domain.decision import Action
from driftwatch.domain.run import GateLimits, Probation
from driftwatch.policy.calendar import Calendar
from driftwatch.policy.expressions import Expression, compile_expression
from driftwatch.policy.forms import AnyRule, RetrainLimits, RetrainRule
from driftwatch.policy.limits import Limits
from driftwatch.policy.mistakes import ExpressionError
from driftwatch.policy.ruleset import Retraining, Rule
from driftwatch.policy.templates import Template, compile_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.policy.mistakes import Mistake
    from driftwatch.policy.ruleset import Hold
    from driftwatch.policy.source import Source

ValuePath: TypeAlias = "tuple[str | int, ...]"
"""Where a value lies in a file."""


def rule_of(source: Source, index: int, model: AnyRule, mistakes: list[Mistake]) -> Rule | None:
    """Return the rule that a model says, or None where its condition cannot be read; what is wrong is added.

    Args:
        source: the file it stands in.
        index: of the rule in the file.
        model: as validated.
        mistakes: found so far.
    """
    path = ("rules", index)
    when = _condition(source, (*path, "when"), model.when, mistakes)
    clear = _clear(source, (*path, "clear"), model.clear, mistakes)
    labels = _templates(source, (*path, "labels"), model.labels, mistakes)
    annotations = _templates(source, (*path, "annotations"), model.annotations, mistakes)
    severity = model.labels.get("severity", "ticket")
    if severity not in ("info", "ticket", "page"):
        place = source.place((*path, "labels", "severity"))
        mistakes.append(source.mistake(f'no severity is called "{severity}"', place, cure="write info, ticket or page"))
    if when is None:
        return None
    return Rule(
        name=model.name,
        when=when,
        hold=model.hold,
        clear=clear,
        action=Action(model.do),
        limits=_limits(model),
        retraining=_retraining(model) if isinstance(model, RetrainRule) else None,
        unless=tuple(dict.fromkeys(model.unless)),
        priority=model.priority if isinstance(model, RetrainRule) else 0,
        labels={**labels, "severity": compile_template(severity)},
        annotations=annotations,
        fingerprint=digest(_said(model)),
    )


def _said(model: AnyRule) -> dict[str, object]:
    """Return what a rule says; fields that came later and say nothing are left out, so that its streak goes on."""
    said: dict[str, object] = model.model_dump(mode="json", by_alias=True)
    limits = model.limits.model_dump(mode="json")
    kept = {name: value for name, value in limits.items() if value or name == "cooldown"}
    return {name: value for name, value in said.items() if value or name not in _LATER} | {"limits": kept}


_LATER = frozenset({"clear", "unless", "priority"})


def _limits(model: AnyRule) -> Limits:
    limits = model.limits
    calendar = Calendar(hours=limits.hours, blackout=limits.blackout)
    if not isinstance(limits, RetrainLimits):
        return Limits(cooldown=limits.cooldown, calendar=calendar)
    return Limits(
        cooldown=limits.cooldown,
        runs=limits.runs,
        gpu_hours=limits.gpu_hours,
        calendar=calendar,
        concurrency=limits.concurrency,
    )


def _clear(
    source: Source, path: ValuePath, value: Hold | str | None, mistakes: list[Mistake]
) -> Hold | Expression | None:
    return _condition(source, path, value, mistakes) if isinstance(value, str) else value


def _templates(
    source: Source, path: ValuePath, texts: Mapping[str, str], mistakes: list[Mistake]
) -> dict[str, Template]:
    made = {}
    for name, text in texts.items():
        try:
            made[name] = compile_template(text)
        except ExpressionError as error:
            place = source.inside((*path, name), line=error.line, column=error.column)
            mistakes.append(source.mistake(error.what, place, cure=error.cure))
    return made


def _condition(source: Source, path: ValuePath, text: str, mistakes: list[Mistake]) -> Expression | None:
    try:
        return compile_expression(text)
    except ExpressionError as error:
        place = source.inside(path, line=error.line, column=error.column)
        mistakes.append(source.mistake(error.what, place, cure=error.cure))
        return None


def _retraining(model: RetrainRule) -> Retraining:
    gates = model.gates
    return Retraining(
        recipe=model.recipe,
        fresh_texts=model.need.fresh_texts,
        limits=GateLimits(
            quality_min_gain=gates.quality.min_gain,
            forgetting_max_loss=gates.forgetting.max_loss,
            bias_max_increase=gates.bias.max_increase,
            bias_neutral=gates.bias.neutral,
            bias_not_shown=gates.bias.not_shown,
            bias_suites=tuple(gates.bias.suites),
        ),
        rounds=model.rounds,
        approve=model.promote == "approve",
        worth=model.worth.probe_gain if model.worth is not None else None,
        max_hours=model.max_hours,
        probation=Probation(windows=model.probation.windows, max_increase=model.probation.max_increase),
    )


def digest(value: object) -> str:
    """Return a short name for what something says."""
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=6).hexdigest()
