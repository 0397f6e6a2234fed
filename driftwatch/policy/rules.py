"""The form of a policy file, and how files become the rules in force."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
)

from driftwatch.domain.run import PAIR_SUITES, GateLimits, NotShown, Probation
from driftwatch.domain.units import format_duration, parse_duration
from driftwatch.policy.expressions import Expression, compile_expression
from driftwatch.policy.findings import mistakes_of, no_more_pairs, twice, unknown_recipes, unknown_streams
from driftwatch.policy.mistakes import ExpressionError, Mistake, MistakesError
from driftwatch.policy.ruleset import Hold, Policy, Retraining, Rule
from driftwatch.policy.source import Source, parse_source, read_source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["Hold", "Policy", "Rule", "json_schema", "load_policies", "parse_policies"]


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError('a duration has a unit: "30m", "24h" or "30d"')  # noqa: TRY004 pydantic reports ValueErrors
    return parse_duration(value)


def _hold(value: object) -> Hold:
    if isinstance(value, Hold):
        return value
    number, _, word = value.partition(" ") if isinstance(value, str) else ("", "", "")
    if (
        word.strip() in ("window", "windows")
        and number.isascii()
        and number.isdigit()
        and 1 <= int(number[:6]) <= _MOST_WINDOWS
    ):
        return Hold(windows=int(number))
    if isinstance(value, str) and word.strip() not in ("window", "windows"):
        return Hold(duration=parse_duration(value))
    raise ValueError(f'write a number of windows, "1 window" to "{_MOST_WINDOWS} windows", or a duration such as "6h"')


_MOST_WINDOWS = 1_000
_LONGEST_PROBATION = 100
"""Windows: a probation's level is split over its looks, so that a longer one would hardly see anything any more."""
_Duration = Annotated[
    timedelta,
    BeforeValidator(_duration, json_schema_input_type=str),
    PlainSerializer(format_duration),
    Field(ge=timedelta(0), le=timedelta(days=366)),
]
_Hold = Annotated[Hold, BeforeValidator(_hold, json_schema_input_type=str), PlainSerializer(str)]
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
_Label = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,62}$")]
_Words = Annotated[str, StringConstraints(max_length=2_000)]
_Nats = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Need(_Model):
    """What a run must have before it is asked for."""

    fresh_texts: Annotated[int, Field(ge=1, le=10_000_000)] = 500


class AlertLimits(_Model):
    """How often a rule may alert."""

    cooldown: _Duration = timedelta(0)


class RetrainLimits(_Model):
    """How often a rule may ask for a run."""

    cooldown: _Duration = timedelta(hours=24)


class Quality(_Model):
    """Least gain on fresh held-out text, nats per token."""

    min_gain: _Nats = GateLimits().quality_min_gain


class Forgetting(_Model):
    """Greatest loss on the reference's held-out text, nats per token."""

    max_loss: _Nats = GateLimits().forgetting_max_loss


def _spread(value: int) -> int:
    if value == 1:
        raise ValueError("one neutral fine-tune has no spread: write 2 to 8, or 0 to assume the training noise")
    return value


def _suite(value: str) -> str:
    if value.startswith("/") or value in PAIR_SUITES:
        return value
    name, given, path = value.partition("=")
    path = path if given else value
    if "/" in path and not path.startswith("/"):
        raise ValueError(f'"{path}" is no whole path, and the daemon may stand in another folder')
    if not given or name not in PAIR_SUITES or not path:
        raise ValueError(f'"{value}" is no suite of pairs')
    return value


_Suite = Annotated[str, StringConstraints(min_length=1, max_length=4_096), AfterValidator(_suite)]


class Bias(_Model):
    """How much a category's stereotype preference may rise, nats per pair, and what becomes of what is not shown."""

    max_increase: _Nats = GateLimits().bias_max_increase
    neutral: Annotated[int, Field(ge=0, le=8), AfterValidator(_spread)] = GateLimits().bias_neutral
    not_shown: NotShown = GateLimits().bias_not_shown
    suites: Annotated[list[_Suite], Field(max_length=16)] = Field(default_factory=list)


class Gates(_Model):
    """What a candidate must hold."""

    quality: Quality = Quality()
    forgetting: Forgetting = Forgetting()
    bias: Bias = Bias()


class Worth(_Model):
    """What a run must promise before it is trained in full."""

    probe_gain: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


class Watch(_Model):
    """How the promoted model is watched."""

    windows: Annotated[int, Field(ge=0, le=_LONGEST_PROBATION)] = Probation().windows
    max_increase: _Nats = Probation().max_increase


class _RuleModel(_Model):
    name: _Name
    when: str
    hold: _Hold = Field(default=Hold(), alias="for")
    labels: dict[_Label, _Words] = Field(default_factory=dict)
    annotations: dict[_Label, _Words] = Field(default_factory=dict)


class AlertRule(_RuleModel):
    """A rule that tells people."""

    do: Literal["alert"]
    limits: AlertLimits = AlertLimits()


class RetrainRule(_RuleModel):
    """A rule that asks for a run."""

    do: Literal["retrain"]
    recipe: str
    need: Need = Need()
    limits: RetrainLimits = RetrainLimits()
    gates: Gates = Gates()
    worth: Worth | None = None
    rounds: Annotated[int, Field(ge=1, le=10)] = 2
    max_hours: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)] | None = None
    probation: Watch = Watch()
    promote: Literal["auto", "approve"] = "approve"


class PolicyFile(_Model):
    """A whole policy file."""

    stream: Literal["*"] | Annotated[list[str], Field(min_length=1)]
    rules: Annotated[
        list[Annotated[AlertRule | RetrainRule, Field(discriminator="do")]], Field(min_length=1, max_length=200)
    ]


def json_schema() -> str:
    """Return the JSON Schema of a policy file, for editors."""
    return json.dumps(PolicyFile.model_json_schema(by_alias=True), indent=2)


def load_policies(paths: Iterable[Path], *, streams: Collection[str], recipes: Collection[str]) -> Policy:
    """Read policy files; all of them or none.

    Args:
        paths: in the order their rules are looked at.
        streams: names of the configured streams.
        recipes: names of the known recipes.

    Raises:
        PolicyError: everything that is wrong, each as ``file:line:column`` with its line, a caret and a cure.
    """
    return _load([(path, None) for path in paths], streams=streams, recipes=recipes)


def parse_policies(texts: Mapping[str, str], *, streams: Collection[str], recipes: Collection[str]) -> Policy:
    """Read policies from texts by name, as ``load_policies`` reads files."""
    return _load([(Path(name), text) for name, text in texts.items()], streams=streams, recipes=recipes)


def _load(files: Sequence[tuple[Path, str | None]], *, streams: Collection[str], recipes: Collection[str]) -> Policy:
    found: list[Mistake] = []
    rules: dict[str, list[Rule]] = {stream: [] for stream in streams}
    read: dict[str, str] = {}
    for path, text in files:
        try:
            source = read_source(path) if text is None else parse_source(text, name=str(path))
            read[source.name] = source.text
            _add(source, rules, recipes)
        except MistakesError as error:
            found += error.mistakes
    if found:
        raise MistakesError(found)
    said = [(stream, [(rule.name, rule.fingerprint) for rule in rules[stream]]) for stream in sorted(rules)]
    return Policy(hash=_digest(said), rules={stream: tuple(kept) for stream, kept in rules.items()}, files=read)


def _add(source: Source, rules: dict[str, list[Rule]], recipes: Collection[str]) -> None:
    """Add one file's rules to the streams it names."""
    try:
        file = PolicyFile.model_validate(source.data)
    except ValidationError as error:
        raise MistakesError(mistakes_of(source, error)) from None
    mistakes = [
        *unknown_streams(source, file, rules),
        *unknown_recipes(source, file, recipes),
        *no_more_pairs(source, file),
    ]
    made = [_rule(source, index, model, mistakes) for index, model in enumerate(file.rules)]
    for stream in rules if file.stream == "*" else dict.fromkeys(file.stream):
        taken = {rule.name for rule in rules.get(stream, [])}
        for index, rule in enumerate(made):
            if rule is not None and rule.name in taken:
                mistakes.append(twice(source, index, rule.name, stream))
            elif rule is not None and stream in rules:
                taken.add(rule.name)
                rules[stream].append(rule)
    if mistakes:
        raise MistakesError(list(dict.fromkeys(mistakes)))


def _rule(source: Source, index: int, model: AlertRule | RetrainRule, mistakes: list[Mistake]) -> Rule | None:
    when = _condition(source, ("rules", index, "when"), model.when, mistakes)
    severity = model.labels.get("severity", "ticket")
    if severity not in ("info", "ticket", "page"):
        place = source.place(("rules", index, "labels", "severity"))
        mistakes.append(source.mistake(f'no severity is called "{severity}"', place, cure="write info, ticket or page"))
    if when is None:
        return None
    return Rule(
        name=model.name,
        when=when,
        hold=model.hold,
        cooldown=model.limits.cooldown,
        retraining=_retraining(model) if isinstance(model, RetrainRule) else None,
        labels={**model.labels, "severity": severity},
        annotations=model.annotations,
        fingerprint=_digest(model.model_dump(mode="json", by_alias=True)),
    )


def _condition(source: Source, path: tuple[str | int, ...], text: str, mistakes: list[Mistake]) -> Expression | None:
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


def _digest(value: object) -> str:
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=6).hexdigest()
