"""Texts of a page before they are built: their ids alone decide which are kept, and only those are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, overload

from driftwatch.domain.text import Text


@dataclass(frozen=True, slots=True)
class Part:
    """Records that were read together.

    Args:
        ids: of the texts, in their order.
        records: what each is made of.
        build: makes the text of a record and its id.
    """

    ids: Sequence[str]
    records: Sequence[Any]
    build: Callable[[Any, str], Text]


class Drafts(Sequence[Text]):
    """Texts in their order, each a record that was checked and decoded, and built when somebody asks for it.

    Args:
        parts: in their order.
    """

    __hash__ = None  # type: ignore[assignment] - equal to other sequences of the same texts

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._built: tuple[Text, ...] | None = None

    def built(self) -> tuple[Text, ...]:
        """Return the texts."""
        if self._built is None:
            made = (map(part.build, part.records, part.ids) for part in self._parts)
            self._built = tuple(chain.from_iterable(made))
        return self._built

    def chosen(self, choose: Callable[[Sequence[str]], Sequence[int]]) -> Drafts:
        """Return some of them.

        Args:
            choose: returns the places of the ids that stay, in order.
        """
        parts = []
        for part in self._parts:
            ids, records, places = part.ids, part.records, choose(part.ids)
            parts.append(Part([ids[place] for place in places], [records[place] for place in places], part.build))
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


def as_it_is(text: Text, _: str) -> Text:
    """Return a text that was built already."""
    return text
