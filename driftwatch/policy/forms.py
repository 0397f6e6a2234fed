"""The form of a policy file, field by field, as pydantic reads it and editors learn it."""

from __future__ import annotations

import ast
import inspect
import json
import re
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)

from driftwatch.domain.run import PAIR_SUITES, GateLimits, NotShown, Probation
from driftwatch.domain.units import format_duration, parse_duration
from driftwatch.policy.calendar import Hours, Rest, parse_hours, parse_rest
from driftwatch.policy.limits import Allowance
from driftwatch.policy.ruleset import Hold
from driftwatch.policy.variables import LONGEST_PERIOD

if TYPE_CHECKING:
    from collections.abc import Iterator


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
_MOST_SPANS = 100
_LONGEST_PROBATION = 100
"""Windows: a probation's level is split over its looks, so that a longer one would hardly see anything any more."""
_DurationText = Annotated[str, Field(pattern=r"^\s*\d", examples=["30m", "24h", "14d"])]
_HoldText = Annotated[str, Field(pattern=r"^\s*\d", examples=["3 windows", "6h"])]
_Per = Annotated[str, Field(pattern=r"^\s*\d+(\.\d+)?\s+per\s+\d", examples=["4 per 30d"])]
_HoursText = Annotated[
    str, Field(pattern=r"\d:\d\d-\d+:\d\d", examples=["22:00-06:00 UTC", "Mon-Fri 09:00-17:00 Europe/Berlin"])
]
_RestText = Annotated[str, Field(pattern=r"^\s*\d{4}-\d\d-\d\d", examples=["2026-12-24..2027-01-02"])]
_Duration = Annotated[
    timedelta,
    BeforeValidator(_duration, json_schema_input_type=_DurationText),
    PlainSerializer(format_duration),
    Field(ge=timedelta(0), le=timedelta(days=366)),
]
_Hold = Annotated[Hold, BeforeValidator(_hold, json_schema_input_type=_HoldText), PlainSerializer(str)]


def _allowance(value: object) -> Allowance:
    if isinstance(value, Allowance):
        return value
    match = _ALLOWANCE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError('write so many in a period, such as "4 per 30d"')
    period = parse_duration(match[2])
    if not timedelta(hours=1) <= period <= LONGEST_PERIOD:
        raise ValueError("a period is from 1h to 366d")
    amount = float(match[1])
    if amount <= 0:
        raise ValueError("the amount must be greater than 0; to do nothing at all, remove the rule")
    return Allowance(amount=amount, period=period)


def _whole_allowance(value: Allowance) -> Allowance:
    if value.amount != int(value.amount):
        raise ValueError("runs are counted in whole numbers")
    return value


def _hours(value: object) -> tuple[Hours, ...]:
    given = value if isinstance(value, list) else [value]
    texts = [text for text in given if isinstance(text, str)]
    if not texts or len(texts) < len(given):
        raise ValueError('hours are text: "22:00-06:00 UTC", or a list of such')
    return tuple(parse_hours(text) for text in texts)


def _blackout(value: object) -> tuple[Rest, ...]:
    return tuple(parse_rest(each) for each in (value if isinstance(value, list) else [value]))


def _clear(value: object) -> Hold | str:
    """Return a hold where it reads like one, else a condition."""
    if isinstance(value, str) and (_COUNTED.fullmatch(value.strip()) or value.strip()[:1].isdigit()):
        return _hold(value)
    if not isinstance(value, str):
        raise ValueError('write windows, a duration or a condition: "3 windows", "6h" or "loss.increase < 0.02"')  # noqa: TRY004 pydantic reports ValueErrors
    return value


_COUNTED = re.compile(r"\S+\s+windows?", re.ASCII)
_ALLOWANCE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s+per\s+(.{1,40})", re.ASCII)
_Allowance = Annotated[Allowance, BeforeValidator(_allowance, json_schema_input_type=_Per), PlainSerializer(str)]
_Runs = Annotated[_Allowance, AfterValidator(_whole_allowance)]
_Hours = Annotated[
    tuple[Hours, ...],
    BeforeValidator(_hours, json_schema_input_type=_HoursText | list[_HoursText]),
    PlainSerializer(lambda hours: [str(each) for each in hours]),
    Field(max_length=_MOST_SPANS),
]
_Blackout = Annotated[
    tuple[Rest, ...],
    BeforeValidator(_blackout, json_schema_input_type=_RestText | list[_RestText]),
    PlainSerializer(lambda rests: [str(each) for each in rests]),
    Field(max_length=_MOST_SPANS),
]
_Clear = Annotated[Hold | str, BeforeValidator(_clear, json_schema_input_type=str), PlainSerializer(str)]
RULE_NAME = r"^[a-z0-9][a-z0-9_.-]{0,62}$"
_Name = Annotated[str, StringConstraints(pattern=RULE_NAME)]
_Label = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,62}$")]
_Words = Annotated[str, StringConstraints(max_length=2_000)]
_Nats = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Need(_Model):
    """What a run must have before it is asked for."""

    fresh_texts: Annotated[int, Field(ge=1, le=10_000_000)] = 500


class _Limits(_Model):
    hours: _Hours = ()
    """Hours in which it may act: "22:00-06:00 UTC", "Mon-Fri 09:00-17:00 Europe/Berlin", or a list of such."""
    blackout: _Blackout = ()
    """Dates on which it never acts: 2026-12-24..2027-01-02, by the calendar of UTC or of a zone written after them."""


class AlertLimits(_Limits):
    """When and how often a rule may alert or report."""

    cooldown: _Duration = timedelta(0)
    """Least time between two of its actions."""


class RetrainLimits(_Limits):
    """When and how often a rule may ask for a run."""

    cooldown: _Duration = timedelta(hours=24)
    """Least time since its last action and since the end of the stream's last run."""
    runs: _Runs | None = None
    """Most runs of the stream begun within a period, whichever rule asked: "4 per 30d"."""
    gpu_hours: _Allowance | None = None
    """Most hours of training in the stream's runs within a period, one of max_hours included: "20 per 30d"."""
    concurrency: Annotated[int, Field(ge=1, le=1_000)] | None = None
    """Most runs at a time over all streams, its own included."""


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
    """Unique among the rules of a stream."""
    when: str
    """The condition, in CEL: drift.alarm && loss.increase > 0.05. Every variable is in docs/policies.md."""
    hold: _Hold = Field(default=Hold(), alias="for")
    """How long the condition must hold before the rule acts: "3 windows", or a duration of the texts' own time."""
    clear: _Clear | None = None
    """What ends a streak in force: "3 windows" or "6h" of a false condition, or another condition that is true."""
    unless: Annotated[list[str], Field(max_length=50)] = Field(default_factory=list)
    """Names of rules that have precedence: while one of them is in force, this rule is held back."""
    labels: dict[_Label, _Words] = Field(default_factory=dict)
    """Of its alerts; severity is info, ticket or page. {{ drift.new_share | percent }} stands for a figure."""
    annotations: dict[_Label, _Words] = Field(default_factory=dict)
    """Of its alerts; summary replaces the title. {{ drift.new_share | percent }} stands for a figure."""


class AlertRule(_RuleModel):
    """A rule that tells people."""

    do: Literal["alert"]
    limits: AlertLimits = AlertLimits()


class ReportRule(_RuleModel):
    """A rule that has a report made of the window and tells where it is."""

    do: Literal["report"]
    limits: AlertLimits = AlertLimits()


class RetrainRule(_RuleModel):
    """A rule that asks for a run."""

    do: Literal["retrain"]
    priority: Annotated[int, Field(ge=-1_000, le=1_000)] = 0
    """Of two rules that would ask for a run on the same window, the one with the higher gets it."""
    recipe: str
    """Name of the hyperparameters: small, full, lora, head, thorough or one of your own."""
    need: Need = Need()
    limits: RetrainLimits = RetrainLimits()
    gates: Gates = Gates()
    worth: Worth | None = None
    rounds: Annotated[int, Field(ge=1, le=10)] = 2
    """Of training and judging, at most."""
    max_hours: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)] | None = None
    """Of training, over all rounds, at most."""
    probation: Watch = Watch()
    promote: Literal["auto", "approve"] = "approve"
    """Whether a candidate that held its gates serves by itself, or a person approves it."""


AnyRule = AlertRule | ReportRule | RetrainRule


class PolicyFile(_Model):
    """A whole policy file."""

    stream: Literal["*"] | Annotated[list[str], Field(min_length=1)]
    rules: Annotated[list[Annotated[AnyRule, Field(discriminator="do")]], Field(min_length=1, max_length=200)]


def json_schema() -> str:
    """Return the JSON Schema of a policy file, for editors."""
    schema = PolicyFile.model_json_schema(by_alias=True) | {"title": "driftwatch policy"}
    for model in _models():
        table = schema["$defs"].get(model.__name__, schema)["properties"]
        for name, meaning in _meanings(model).items():
            key = model.model_fields[name].alias or name
            table[key] = dict(sorted({**table[key], "description": meaning}.items()))
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema, indent=2) + "\n"


def _models() -> Iterator[type[_Model]]:
    """Yield every table of a policy file."""
    kinds = [_Model]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
        if not kind.__name__.startswith("_"):
            yield kind


def _meanings(model: type[_Model]) -> dict[str, str]:
    """Return what stands below the fields in the source: read for the schema alone, for a daemon needs none of it."""
    kinds = [kind for kind in reversed(model.__mro__) if issubclass(kind, _Model)]
    lines = [line for kind in kinds for line in _body(kind)]
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(lines)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _body(kind: type) -> list[ast.stmt]:
    (written,) = ast.parse(inspect.getsource(kind)).body
    return written.body if isinstance(written, ast.ClassDef) else []
