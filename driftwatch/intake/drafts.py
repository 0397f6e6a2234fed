"""Texts of a page before they are built: their ids alone decide which are kept, and only those are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, overload

from driftwatch.domain.text import Text

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Part:
    """Records that were read together.

    Args:
        ids: of the texts, in their order.
        records: what each is made of.
        build: makes the text of a record and its id.
        seen_at: returns when it was produced or taken in; None where texts may have more than id, body and time.
    """

    ids: Sequence[str]
    records: Sequence[Any]
    build: Callable[[Any, str], Text]
    seen_at: Callable[[Sequence[Any]], Iterable[datetime]] | None = None


@dataclass(frozen=True, slots=True)
class Bare:
    """Texts that have no more than ids, bodies and times, in their order."""

    ids: list[str]
    bodies: list[str]
    seen_at: list[datetime]


class Drafts(Sequence[Text]):
    """Texts in their order, each a record that was checked and decoded, and built when somebody asks for it.

    Args:
        parts: in their order.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._built: tuple[Text, ...] | None = None

    def built(self) -> tuple[Text, ...]:
        """Return the texts."""
        if self._built is None:
            made = (map(part.build, part.records, part.ids) for part in self._parts)
            self._built = tuple(chain.from_iterable(made))
        return self._built

    def bare(self) -> Bare | None:
        """Return ids, bodies and times, unbuilt; None where texts may have more than these."""
        bare, times = Bare([], [], []), []
        for part in self._parts:
            if part.seen_at is None:
                return None
            bare.ids.extend(part.ids)
            bare.bodies.extend([record.body for record in part.records])
            times.append(part.seen_at(part.records))
        return Bare(bare.ids, bare.bodies, list(chain.from_iterable(times)))

    def chosen(self, choose: Callable[[Sequence[str]], Sequence[int]]) -> Drafts:
        """Return some of them.

        Args:
            choose: returns the places of the ids that stay, in order.
        """
        parts = []
        for part in self._parts:
            ids, records, places = part.ids, part.records, choose(part.ids)
            stay = [ids[place] for place in places], [records[place] for place in places]
            parts.append(Part(*stay, part.build, part.seen_at))
        return Drafts(parts)

    def __len__(self) -> int:
        return sum(len(part.ids) for part in self._parts)

    def __iter__(self) -> Iterator[Text]:
        return iter(self.built())

    @overload
    def __getitem__(self, place: int) -> Text: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Text]: ...
    def __getitem__(self, place: int | slice) -> Text | Sequence[Text]:
        return self.built()[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.built() == tuple(other)

    def __hash__(self) -> int:
        return hash(self.built())


def as_it_is(text: Text, _: str) -> Text:
    """Return a text that was built already."""
    return text
