"""Commands on suites of bias: which there are, and fetching the published ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from driftwatch.cli.frame import JsonOption, err, out, print_json, told, warn
from driftwatch.domain.errors import DataError, NotFoundError
from driftwatch.gate.bias.pairs import Pair
from driftwatch.gate.bias.triples import Triple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.gate.bias.questions import Question
    from driftwatch.gate.bias.suite import Suite

_FEW = 20
"""Templates of a category under which an interval over them says little."""
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
        if suite.emptied:
            warn(f"{suite.name}: nothing is left of {', '.join(suite.emptied)}")
    twice = {suite.name for suite in found if sum(other.name == suite.name for other in found) > 1}
    if twice:
        cure = "rename one of the files, or give one at a time"
        raise DataError(f"two suites are called {', '.join(sorted(twice))}", cure=cure)
    return found


@told
def suites(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME|PATH]", help="A suite to read and check, by name or path.")
    ] = None,
    *,
    json: JsonOption = False,
) -> None:
    """List the suites that can be named, or read one and say what it holds and what of it was left out."""
    if name is not None:
        _show(*chosen_suites([name]), json=json)
        return
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What a suite holds of one category; templates are targets where it is made of triples."""

    category: str
    items: int
    templates: int
    symmetric: int


def _show(suite: Suite, *, json: bool) -> None:
    """Print what a suite holds, category by category."""
    items: list[Pair | Triple | Question] = [*suite.pairs, *suite.triples, *suite.questions]
    held = [
        _held(category, [item for item in items if item.category == category])
        for category in dict.fromkeys(item.category for item in items)
    ]
    if json:
        print_json({"suite": suite.name, "categories": held, "skipped": suite.skipped, "emptied": suite.emptied})
        return
    table = Table("category", "items", "templates", "symmetric", title=f"{suite.name}: {len(suite):,} items")
    for row in held:
        table.add_row(row.category, f"{row.items:,}", f"{row.templates:,}", f"{row.symmetric:,}")
    out.print(table)
    few = [row.category for row in held if row.templates < _FEW]
    if few:
        warn(f"under {_FEW} templates, so wide intervals, in {', '.join(few)}")


def _held(category: str, items: Sequence[Pair | Triple | Question]) -> _Held:
    units = {item.target if isinstance(item, Triple) else item.template for item in items}
    symmetric = sum(isinstance(item, Pair) and not item.directed for item in items)
    return _Held(category=category, items=len(items), templates=len(units), symmetric=symmetric)


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
