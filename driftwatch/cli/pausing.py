"""Commands that let rules do nothing for a while, and end that."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from driftwatch.cli.account import account
from driftwatch.cli.frame import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    one_line,
    opened,
    out,
    print_json,
    read_config,
    told,
    warn,
)
from driftwatch.domain.errors import DataError, DriftwatchError, PolicyError
from driftwatch.domain.pause import LONGEST_PAUSE, USUAL_PAUSE
from driftwatch.domain.units import format_duration, parse_duration

if TYPE_CHECKING:
    from driftwatch.config import Config

StreamArgument = Annotated[str, typer.Argument(metavar="STREAM", help="Name of the stream.")]
RuleOption = Annotated[str | None, typer.Option("--rule", metavar="NAME", help="This rule alone.")]


@told
def pause(
    stream: StreamArgument,
    because: Annotated[str, typer.Option("--because", help="Why; told to everybody who looks.")],
    rule: RuleOption = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="How long, at most 31d.", show_default="24h")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Instead: until when (ISO 8601; UTC without a zone).")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Let a stream's rules neither alert nor retrain for a while; texts are taken in and assessed as ever."""
    from driftwatch import wiring

    loaded = read_config(config)
    wiring.stream_settings(loaded, stream)
    if rule is not None:
        _check_rule(loaded, stream, rule)
    now = wiring.CLOCK.now()
    store = opened(loaded)
    try:
        made = wiring.begin_pause(
            store,
            stream=stream,
            rule=rule,
            until=_until(now, for_, until),
            who=account(),
            because=_reason(because),
            receivers=wiring.receivers(loaded),
            now=now,
        )
    finally:
        store.close()
    if json:
        print_json(made)
    else:
        whose = f"stream {stream}" if rule is None else f"rule {rule} of stream {stream}"
        sooner = f"driftwatch resume {stream}" + (f" --rule {rule}" if rule is not None else "")
        out.print(f"{whose} is paused until {made.until:%Y-%m-%d %H:%M:%S} UTC; sooner: {sooner}", soft_wrap=True)


@told
def resume(
    stream: StreamArgument,
    rule: RuleOption = None,
    because: Annotated[str, typer.Option("--because", help="Why.", show_default=False)] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """End a pause: the stream's own, or that of one rule."""
    from driftwatch import wiring

    loaded = read_config(config)
    wiring.stream_settings(loaded, stream)
    now = wiring.CLOCK.now()
    store = opened(loaded)
    try:
        ended = wiring.end_pause(
            store,
            stream=stream,
            rule=rule,
            who=account(),
            because=one_line(because),
            receivers=wiring.receivers(loaded),
            now=now,
        )
        left = store.pauses.in_force(now, stream=stream)
    finally:
        store.close()
    if json:
        print_json(ended)
        return
    out.print(f"stream {stream} is resumed" if rule is None else f"rule {rule} of stream {stream} is resumed")
    for other in left:
        whose = "the whole stream" if other.rule is None else f"rule {other.rule}"
        out.print(f"still paused: {whose}, until {other.until:%Y-%m-%d %H:%M:%S} UTC")


def _until(now: datetime, lasting: str | None, until: str | None) -> datetime:
    if lasting is not None and until is not None:
        raise DataError("--for and --until both say when the pause ends", cure="give one of them")
    if until is None:
        try:
            return now + (parse_duration(lasting) if lasting is not None else USUAL_PAUSE)
        except ValueError as error:
            raise DataError(str(error), where="--for") from None
        except OverflowError:
            cure = f"a pause lasts {format_duration(LONGEST_PAUSE)} at most"
            raise DataError(f'"{lasting}" ends after the last of all dates', where="--for", cure=cure) from None
    try:
        at = datetime.fromisoformat(until)
        return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    except (ValueError, OverflowError):
        raise DataError(f'"{until[:80]}" is no time', where="--until", cure='write "2026-12-24T18:00"') from None


def _reason(words: str) -> str:
    reason = one_line(words)
    if not reason:
        raise DataError("a pause needs a reason", where="--because", cure="say why, for those who look")
    return reason


def _check_rule(config: Config, stream: str, rule: str) -> None:
    """Refuse a rule that is not there; where the policy cannot be read, a pause is possible all the same."""
    from driftwatch import wiring

    try:
        policy = wiring.load_policy(config)
    except DriftwatchError as error:
        _take(rule, error)
        return
    if policy.rule(stream, rule) is None:
        raise wiring.unknown_rule(policy, rule, stream)


def _take(rule: str, error: DriftwatchError) -> None:
    """Take a rule's name that nothing can be held against; ``*`` would be the whole stream to the store."""
    from driftwatch.policy.forms import RULE_NAME

    if re.fullmatch(RULE_NAME, rule) is None:
        raise DataError("this is no name of a rule", where="--rule", cure="leave it out to pause the whole stream")
    mistaken = isinstance(error, PolicyError)
    why = f"have mistakes: {error.what.splitlines()[0]}" if mistaken else f"cannot be read: {error}"
    warn(f"the rule's name is taken as it is, for the policy files {why}")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog='Example: driftwatch pause support --for 6h --because "release of the new form"')(pause)
    app.command(epilog="Example: driftwatch resume support --rule topic-shift")(resume)
