"""Policies held against cases: series of windows, and what must be decided on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, out, print_json, read_config, told
from driftwatch.domain.errors import DataError
from driftwatch.domain.explanation import told as lines

if TYPE_CHECKING:
    from driftwatch.policy.cases import Tried

FAILED = 1
"""Exit code when a case came out otherwise than expected."""


@told
def hold_against_cases(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Files of cases; those beside the configured policies if none."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Test policies by cases: windows, and what each rule must decide on them; exit code 1 where one does not."""
    tried = _try(files, config)
    failed = sum(bool(each.failures) for each in tried)
    if json:
        print_json({"cases": tried, "failed": failed})
    else:
        for each in tried:
            _show(each)
        count = f"{len(tried)} case{'' if len(tried) == 1 else 's'}"
        out.print(f"{count}, {failed} failed" if failed else f"{count}, all as expected")
    if failed:
        raise typer.Exit(FAILED)


def _try(files: list[Path] | None, config: Path) -> list[Tried]:
    from driftwatch import wiring
    from driftwatch.policy.cases import read_cases, try_cases
    from driftwatch.policy.mistakes import Mistake, MistakesError
    from driftwatch.retrain.recipe import builtin_recipes

    streams: tuple[str, ...] = ()
    if files and config == DEFAULT_CONFIG and not config.exists():
        recipes, paths = builtin_recipes(), files
    else:
        loaded = read_config(config)
        streams, recipes = tuple(loaded.streams), wiring.known_recipes(loaded)
        paths = files or wiring.case_files(loaded)
    if not paths:
        raise DataError("there are no cases beside the policies", cure="write some: default.test.yaml, for example")
    tried: list[Tried] = []
    found: list[Mistake] = []
    for path in paths:
        try:
            tried += try_cases(read_cases(path, recipes=tuple(recipes), streams=streams))
        except MistakesError as error:
            found += error.mistakes
    if found:
        raise MistakesError(found)
    return tried


def _show(tried: Tried) -> None:
    word = Text("FAILED", "red") if tried.failures else Text("ok", "green")
    out.print(Text.assemble(word, f" {tried.file}: {tried.name} ({tried.windows} windows)"), soft_wrap=True)
    for failure in tried.failures:
        for line in str(failure.mistake).splitlines():
            out.print(f"  {line}", soft_wrap=True)
        for line in lines(failure.reasons, missing={}):
            out.print(f"    {line}", soft_wrap=True)


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("test", epilog="Example: driftwatch policy test policies/chatbot.test.yaml")(hold_against_cases)
