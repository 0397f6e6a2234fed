"""Commands on suites of bias: which there are, and fetching the published ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from driftwatch.cli.frame import JsonOption, err, out, print_json, told, warn
from driftwatch.domain.errors import DataError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.gate.bias.pairs import Pair
    from driftwatch.gate.bias.suite import Suite

DEFAULT = ["builtin"]
SuiteOption = Annotated[
    list[str],
    typer.Option(
        "--suite",
        metavar="NAME|PATH",
        help="Suite by name or path; may be given several times.",
        show_default="builtin",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the group of bias."""
    app.command(epilog="Example: driftwatch bias suites")(suites)
    app.command(epilog="Example: driftwatch bias fetch crows-pairs")(fetch)


def chosen_suites(names: Sequence[str]) -> tuple[Suite, ...]:
    """Return the suites that the user named, each once; what of their data is left out is said on standard error.

    Raises:
        NotFoundError: a name is of no suite and no path.
        DataError: what lies there cannot be used, or two suites have one name.
    """
    from driftwatch.gate.bias.suites import load_suite

    found = tuple(load_suite(name) for name in dict.fromkeys(names))
    for suite in found:
        for skipped in suite.skipped:
            warn(f"{suite.name}: {skipped.count} left out: {skipped.reason} (first at {skipped.first})")
    twice = {suite.name for suite in found if sum(other.name == suite.name for other in found) > 1}
    if twice:
        cure = "rename one of the files, or give one at a time"
        raise DataError(f"two suites are called {', '.join(sorted(twice))}", cure=cure)
    return found


def chosen_pairs(names: Sequence[str]) -> tuple[Pair, ...]:
    """Return the pairs of the suites that the user named.

    Raises:
        NotFoundError: a name is of no suite and no path.
        DataError: a suite cannot be used, or holds no pairs.
    """
    found = chosen_suites(names)
    for suite in found:
        if not suite.pairs:
            raise DataError(f"the suite {suite.name} has no pairs", cure="give a suite of paired sentences")
    return tuple(pair for suite in found for pair in suite.pairs)


@told
def suites(*, json: JsonOption = False) -> None:
    """List the suites that can be named, and whether the published ones have been fetched."""
    from driftwatch.gate.bias.builtin import builtin_suite
    from driftwatch.gate.bias.sources import SOURCES
    from driftwatch.gate.bias.suites import BUILTIN, default_folder

    own = f"{len(builtin_suite()):,} pairs made for driftwatch, in eight categories"
    rows = [(BUILTIN, own, "Apache-2.0", "comes with it")]
    for source in SOURCES.values():
        there = all((default_folder() / source.name / file.name).exists() for file in source.files)
        rows.append((source.name, source.title, source.licence, "fetched" if there else "not fetched"))
    if json:
        print_json([dict(zip(("name", "title", "licence", "state"), row, strict=True)) for row in rows])
        return
    table = Table("suite", "what it is", "licence", "here", title=f"fetched suites lie in {default_folder()}")
    for row in rows:
        table.add_row(*row)
    out.print(table)


@told
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a published suite.")],
    into: Annotated[Path | None, typer.Option(help="Folder for its files; the user's own by default.")] = None,
    url: Annotated[str | None, typer.Option(help="Mirror: a folder's URL with the same files.")] = None,
    *,
    trust_first: Annotated[
        bool, typer.Option("--trust-first", help="Take what comes where no digest is known, and write it down.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Download a published suite from its publisher; a wrong digest leaves nothing behind."""
    from driftwatch.gate.bias.fetch import fetch as fetched
    from driftwatch.gate.bias.sources import SOURCES
    from driftwatch.gate.bias.suites import default_folder

    source = SOURCES.get(name)
    if source is None:
        raise NotFoundError(f"{name!r} is no published suite", cure=f"suites are {', '.join(SOURCES)}")
    folder = into or default_folder() / name
    with err.status(f"fetching {name}"):
        files = fetched(source, folder, mirror=url, trust_first=trust_first)
    if json:
        print_json([{"path": str(f.path), "sha256": f.sha256, "fresh": f.fresh, "pinned": f.pinned} for f in files])
        return
    for file in files:
        known = "pinned" if file.pinned else "trusted at first fetch"
        out.print(f"{file.path}: {'fetched' if file.fresh else 'already there'}, SHA-256 {file.sha256} ({known})")
    out.print(f"{source.title}; licence: {source.licence}")
