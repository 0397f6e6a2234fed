"""Commands on receivers of alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from driftwatch.cli.account import account
from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, out, print_json, read_config, told
from driftwatch.domain.errors import NotFoundError, NotifyError

if TYPE_CHECKING:
    from driftwatch.domain.alert import Alert
    from driftwatch.domain.protocols import Notifier

app = typer.Typer(help="Receivers of alerts.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep the name of the one command: driftwatch alert test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a receiver made of the test; ``error`` is None where it took it."""

    receiver: str
    error: str | None


@app.command("test", epilog="Example: driftwatch alert test --receiver apprise:slack")
@told
def try_out(
    receiver: Annotated[str | None, typer.Option(help="Only this one, such as webhook or apprise:slack.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Send every receiver a message that says that nothing happened; fails where one does not take it."""
    from driftwatch import wiring
    from driftwatch.alert import messages

    notifiers = wiring.notifiers(read_config(config), clock=wiring.CLOCK)
    chosen = [each for each in notifiers if receiver in (None, each.name)]
    if not chosen:
        known = ", ".join(each.name for each in notifiers) or "none; see [alerts] in docs/configuration.md"
        what = f'there is no receiver "{receiver}"' if receiver else "no receiver is configured"
        raise NotFoundError(what, cure=f"configured: {known}")
    alert = messages.trial(at=wiring.CLOCK.now(), who=account())
    tried = [_tried(each, alert) for each in chosen]
    if json:
        print_json(tried)
    else:
        for each in tried:
            out.print(f"{each.receiver}: {each.error or 'took it'}", soft_wrap=True)
    if any(each.error for each in tried):
        raise typer.Exit(1)


def _tried(notifier: Notifier, alert: Alert) -> Tried:
    try:
        notifier.notify([alert])
    except NotifyError as error:
        return Tried(receiver=notifier.name, error=str(error))
    return Tried(receiver=notifier.name, error=None)
