"""Which rules have precedence over which: names that must exist, and no rule waits for itself."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from driftwatch.policy.mistakes import Mistake, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from driftwatch.policy.ruleset import Rule
    from driftwatch.policy.source import Source


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Written:
    """A rule and where it is written.

    Args:
        rule: as read.
        source: its file.
        index: of it in the file.
    """

    rule: Rule
    source: Source
    index: int

    @property
    def where(self) -> str:
        """Return ``file:line:column``."""
        place = self.source.place(("rules", self.index))
        return f"{self.source.name}:{place.line}:{place.column}"

    def mistake(self, named: str, what: str, *, cure: str) -> Mistake:
        """Return what is wrong with a name in ``unless``."""
        path = ("rules", self.index, "unless")
        named_at = (way for way, node in self.source.nodes.items() if way[:-1] == path and node.value == named)
        place = self.source.place(next(named_at, path))
        return self.source.mistake(what, place, cure=cure)


def precedence(stream: str, rules: Sequence[Written]) -> Iterator[Mistake]:
    """Find names of no rule of the stream, and rules that would hold each other back."""
    known = {each.rule.name: each for each in rules}
    ring = _ring(rules)
    for each in rules:
        for name in each.rule.unless:
            if name not in known:
                near = nearest(name, known)
                cure = f'did you mean "{near}"?' if near else f"its rules: {', '.join(known)}"
                yield each.mistake(name, f'stream "{stream}" has no rule "{name}"', cure=cure)
            elif ring and (way := _way(name, each.rule.name, known)) is not None:
                shown = " unless ".join((each.rule.name, *way))
                yield each.mistake(name, f"rules hold each other back: {shown}", cure="let one of them go first")


def _ring(rules: Sequence[Written]) -> bool:
    """Say whether any rules hold each other back."""
    try:
        TopologicalSorter({each.rule.name: each.rule.unless for each in rules}).prepare()
    except CycleError:
        return True
    return False


def _way(start: str, goal: str, known: Mapping[str, Written]) -> tuple[str, ...] | None:
    """Return the shortest way of ``unless`` from one rule to another, both included; None where there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while ways:
        way = ways.pop(0)
        if way[-1] == goal:
            return way
        further = [name for name in known[way[-1]].rule.unless if name in known and name not in seen]
        seen.update(further)
        ways += [(*way, name) for name in further]
    return None
