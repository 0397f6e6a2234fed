"""Why a decision was taken, and why a rule does nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, opened, out, print_json, read_config, told
from driftwatch.domain.decision import Action
from driftwatch.domain.errors import DataError
from driftwatch.domain.explanation import Explanation
from driftwatch.domain.explanation import told as lines

if TYPE_CHECKING:
    from driftwatch.policy.ruleset import Policy
    from driftwatch.store import Store

_PLACE = re.compile(r"(?P<stream>[^/]+)/(?P<window>\d{1,18})/(?P<rule>[^/]+)")
_MOST_DIGITS = 18


@told
def explain(
    decision: Annotated[str, typer.Argument(metavar="DECISION", help="Its number, or STREAM/WINDOW/RULE.")],
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Tell why a rule did what it did on a window: every part of its condition, every limit, and what was missing."""
    store = opened(read_config(config))
    try:
        found = _find(store, decision)
    finally:
        store.close()
    _tell(found, json=json)


@told
def why_not(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Name of the rule.")],
    stream: Annotated[str | None, typer.Option(help="Of this stream; needed where several have the rule.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Tell why a rule does nothing now: what is missing on the newest window, since when, and what else is there."""
    from driftwatch import wiring

    loaded = read_config(config)
    if stream is not None:
        wiring.stream_settings(loaded, stream)
    policy = wiring.load_policy(loaded)
    name = _stream(policy, rule, stream, list(loaded.streams))
    store = opened(loaded)
    try:
        found = wiring.why_not(store, policy, rule, stream=name, now=wiring.CLOCK.now())
    finally:
        store.close()
    _tell(found, json=json)


def _find(store: Store, decision: str) -> Explanation:
    from driftwatch import wiring

    if decision.isascii() and decision.isdigit() and len(decision) <= _MOST_DIGITS:
        return wiring.explain_decision(store, int(decision))
    place = _PLACE.fullmatch(decision)
    if place is None:
        raise DataError(
            f'"{decision[:80]}" names no decision',
            cure="write its number, or STREAM/WINDOW/RULE such as support/41/topic-shift",
        )
    return wiring.explain_window(store, place["stream"], int(place["window"]), place["rule"])


def _stream(policy: Policy, rule: str, stream: str | None, streams: list[str]) -> str:
    from driftwatch import wiring

    if stream is not None:
        return stream
    having = wiring.streams_with(policy, rule, streams)
    if len(having) > 1:
        raise DataError(f"several streams have a rule {rule}", cure=f"name one with --stream: {', '.join(having)}")
    if not having:
        known = next((each for each in streams if policy.of(each)), streams[0])
        raise wiring.unknown_rule(policy, rule, known)
    return having[0]


def _tell(found: Explanation, *, json: bool) -> None:
    if json:
        print_json(found)
        return
    number = f"decision {found.decision}: " if found.decision is not None else ""
    does = "held" if found.action is Action.HOLD else f"did {found.action.value}"
    if found.decision is None:
        does = "would hold" if found.action is Action.HOLD else f"would {found.action.value}"
    moment = f"{found.at:%Y-%m-%d %H:%M:%S} UTC"
    out.print(
        f"{number}rule {found.rule} of stream {found.stream} {does} on window {found.window} ({moment}), "
        f"policy {found.policy}",
        soft_wrap=True,
    )
    if found.note:
        out.print(f"note: {found.note}", soft_wrap=True)
    for line in lines(found.reasons, condition=found.condition, missing=found.missing):
        out.print(line, soft_wrap=True)
    if found.otherwise:
        out.print("were it true now, this would still keep it back:")
        for line in lines(found.otherwise):
            out.print(f"- {line}", soft_wrap=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: driftwatch policy explain support/41/topic-shift")(explain)
    app.command("why-not", epilog="Example: driftwatch policy why-not topic-shift --stream support")(why_not)
