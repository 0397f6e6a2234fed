"""The form of a file of cases, field by field."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from driftwatch.domain.decision import Action
from driftwatch.domain.units import parse_duration


@dataclass(frozen=True, slots=True)
class At:
    """A window by its number or by the time since the first."""

    window: int | None = None
    after: timedelta | None = None


def _at(value: object) -> At:
    if isinstance(value, At):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return At(window=value)
    match = re.fullmatch(r"window (\d{1,5})", value, re.ASCII) if isinstance(value, str) else None
    if match is not None:
        return At(window=int(match[1]))
    if isinstance(value, str):
        return At(after=parse_duration(value))
    raise ValueError('write "window 12", counted from 0, or a time since the first window such as 6h')


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    duration = parse_duration(str(value))
    if duration > timedelta(days=3_660):
        raise ValueError("this is longer than ten years")
    return duration


def _interval(value: object) -> timedelta:
    duration = _duration(value)
    if not timedelta(0) < duration <= timedelta(days=366):
        raise ValueError("some time passes between two windows, and at most 366d")
    return duration


def _start(value: object) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise ValueError("write a date, such as 2026-01-05, or a date and time, such as 2026-01-05T06:00:00Z")


def _action(value: object) -> Action:
    if isinstance(value, str) and value in list(Action):
        return Action(value)
    raise ValueError(f"write {', '.join(Action)}")


def _series(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return str(value)
    raise ValueError('write values with a space between, such as "0 x5 0.2+0.05 x3 _"')


_Duration = Annotated[timedelta, BeforeValidator(_duration)]
_Interval = Annotated[timedelta, BeforeValidator(_interval)]
_Start = Annotated[datetime, BeforeValidator(_start)]
_Places = Annotated[At, BeforeValidator(_at)]
_Action = Annotated[Action, BeforeValidator(_action)]
_Series = Annotated[str, BeforeValidator(_series)]
_Names = Annotated[list[str], Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class GivenRun(_Model):
    """What becomes of the runs that a rule asks for; with ``ago``, a run that began before the first window."""

    rule: str = "before"
    ago: _Duration | None = None
    lasts: _Duration = timedelta(0)
    hours: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] = 0.0
    promoted: bool = False


class ExpectedAlert(_Model):
    """The words of a rule's alert, its figures in their places."""

    summary: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Expected(_Model):
    """What one rule must decide on one window."""

    at: _Places
    rule: str
    action: _Action | None = None
    met: list[str] = Field(default_factory=list)
    unmet: list[str] = Field(default_factory=list)
    says: str | None = None
    alert: ExpectedAlert | None = None


class Case(_Model):
    """Windows, and what must be decided on them."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    series: dict[str, _Series] = Field(min_length=1)
    interval: _Interval | None = None
    start: _Start | None = None
    champion: _Duration | Literal["none"] = timedelta(days=30)
    reference: _Duration = timedelta(days=30)
    runs: list[GivenRun] = Field(default_factory=list)
    acts: dict[str, list[_Places]] | None = None
    expect: list[Expected] = Field(default_factory=list)


class CaseFile(_Model):
    """A whole file of cases."""

    policy: str | _Names
    stream: str | None = None
    interval: _Interval = timedelta(hours=1)
    start: _Start = datetime(2026, 1, 5, tzinfo=UTC)
    tests: Annotated[list[Case], Field(min_length=1, max_length=1_000)]
