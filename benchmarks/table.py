"""The one shape of all benchmarks: rows of measure, driftwatch, peer, ratio, target."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured figure.

    Args:
        measure: what was measured, with its unit.
        driftwatch: our figure.
        peer: the figure it is compared with; None without a peer.
        target: what it must hold, in words such as ``<= 1.0``.
        met: whether it holds; None where there is no target.
    """

    measure: str
    driftwatch: float
    peer: float | None = None
    target: str = ""
    met: bool | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's."""
        return self.driftwatch / self.peer if self.peer else None


def at_most(measure: str, value: float, limit: float, *, peer: float | None = None) -> Row:
    """Return a row whose figure must not be above the limit."""
    return Row(measure=measure, driftwatch=value, peer=peer, target=f"<= {limit:g}", met=value <= limit)


def at_least(measure: str, value: float, limit: float, *, peer: float | None = None) -> Row:
    """Return a row whose figure must not be below the limit."""
    return Row(measure=measure, driftwatch=value, peer=peer, target=f">= {limit:g}", met=value >= limit)


def main(
    name: str,
    measure: Callable[[bool], Sequence[Row]],
    *,
    more: Mapping[str, Callable[[int], Iterable[Row]]] | None = None,
) -> None:
    """Parse ``--quick`` and ``--json FILE``, measure, print the table.

    Args:
        name: of the benchmark.
        measure: takes whether to be quick; an exception ends the program with a traceback and a code other than 0.
        more: what is measured instead where an option of that name gives its number.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    for option in more or {}:
        parser.add_argument(f"--{option}", type=int, metavar="N", help="measure that instead")
    arguments = parser.parse_args()
    for option in more or {}:
        if (getattr(arguments, option) or 1) < 1:
            parser.error(f"--{option} must be at least 1")
    asked = [(row, number) for option, row in (more or {}).items() if (number := getattr(arguments, option))]
    rows = [each for row, number in asked for each in row(number)] or measure(arguments.quick)
    print_table(rows)
    if arguments.json:
        write_rows(arguments.json, name, rows, quick=arguments.quick)


def told(rows: Iterable[Row], *, part: str = "") -> list[Row]:
    """Print each row as it is found, and return all.

    Args:
        rows: found one after the other.
        part: of the benchmark that they belong to.
    """
    found = []
    for row in rows:
        found.append(row)
        print(f"{part}{': ' if part else ''}{row.measure}: {row.driftwatch:,.4g} {row.target}", flush=True)
    return found


def measure_parts(
    name: str,
    parts: Mapping[str, Callable[[], Iterable[Row]]],
    *,
    only: Sequence[str] | None,
    quick: bool,
    json_file: Path | None,
) -> None:
    """Measure the parts of a benchmark that are asked for, and print their table.

    Args:
        name: of the benchmark.
        parts: by name, in the order of measuring.
        only: names of the parts wanted; None for all.
        quick: told in the file.
        json_file: where the figures are written too; None for nowhere.
    """
    found = [row for part in only or parts for row in told(parts[part](), part=part)]
    print()
    print_table(found)
    if json_file is not None:
        write_rows(json_file, name, found, quick=quick)


def write_rows(file: Path, name: str, rows: Sequence[Row], *, quick: bool) -> None:
    """Write a benchmark's figures as JSON."""
    figures = [{**asdict(row), "ratio": row.ratio} for row in rows]
    file.write_text(json.dumps({"benchmark": name, "quick": quick, "rows": figures}, indent=2))


def print_table(rows: Sequence[Row]) -> None:
    """Print the rows, columns aligned."""
    words = {None: "", True: "met", False: "MISSED"}
    cells = [("measure", "driftwatch", "peer", "ratio", "target", "")]
    cells += [
        (row.measure, _figure(row.driftwatch), _figure(row.peer), _figure(row.ratio), row.target, words[row.met])
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.4g}"
