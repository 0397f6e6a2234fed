"""``driftwatch retrain``: a run that a person asks for."""

from __future__ import annotations

from typing import Annotated

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
)
from driftwatch.domain.errors import DataError


@told
def retrain(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="Name of the stream.")],
    rule: Annotated[str, typer.Option("--rule", metavar="NAME", help="The rule whose recipe, gates and limits hold.")],
    because: Annotated[str, typer.Option("--because", help="Why; kept in the record.")],
    windows: Annotated[
        int | None,
        typer.Option(
            "--windows",
            min=1,
            help="Train on the newest windows' texts.",
            show_default="since the rule's streak or the drift began, else as many as the rule needs",
        ),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Override limits, a pause and the need of fresh texts; it is recorded.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Ask for a retraining by a rule's settings, whatever its condition says; gates judge the model as ever."""
    from driftwatch import wiring
    from driftwatch.policy.by_hand import Word

    loaded = read_config(config)
    wiring.stream_settings(loaded, stream)
    reason = one_line(because)
    if not reason:
        raise DataError("a retraining by hand needs a reason", where="--because", cure="say why, for the record")
    policy = wiring.load_policy(loaded)
    store = opened(loaded)
    try:
        spec = wiring.retrain(
            store,
            policy,
            stream=stream,
            rule=rule,
            word=Word(who=account(), because=reason, force=force),
            windows=windows,
            receivers=wiring.receivers(loaded),
            now=wiring.CLOCK.now(),
        )
    finally:
        store.close()
    if json:
        print_json(spec)
        return
    out.print(
        f"run {spec.id} is queued: texts numbered {spec.first_seq} to {spec.last_seq} in the store, recipe "
        f"{spec.recipe.name}, from model {spec.champion}; the daemon starts it within seconds of running",
        soft_wrap=True,
    )
    out.print(f"watch it: driftwatch runs show {spec.id}")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog='Example: driftwatch retrain support --rule topic-shift --because "new product line"')(retrain)
