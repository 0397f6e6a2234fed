"""Texts of one page as they are read, and what became of the records that are none."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from driftwatch.domain.text import Page, Text
from driftwatch.intake.drafts import Drafts, Part, as_it_is
from driftwatch.intake.records import Accepted, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from driftwatch.domain.text import Cursor
    from driftwatch.intake.plain import Plain
    from driftwatch.intake.records import Records


class Gathered:
    """A page that grows."""

    def __init__(self) -> None:
        self.rejected: Counter[str] = Counter()
        self._parts: list[Part] = []
        self._last: list[Text] = []

    @property
    def texts(self) -> Sequence[Text]:
        """The texts so far, in order."""
        if not self._parts:
            return tuple(self._last)
        self._close()
        return Drafts(tuple(self._parts))

    def take(self, read: Accepted | Rejected) -> None:
        """Keep the text, or count why it is none."""
        if (text := self.counted(read)) is not None:
            self._last.append(text)

    def counted(self, read: Accepted | Rejected) -> Text | None:
        """Count what became of a record, and return its text for the page to be given in another way."""
        match read:
            case Accepted(text=text, cut=cut, ahead=ahead):
                self.rejected["cut"] += cut
                self.rejected["clock-ahead"] += ahead
                return text
            case Rejected(reason=reason):
                self.rejected[reason] += 1
                return None

    def take_lines(
        self, content: bytes, plain: Plain | None, records: Records, *, place: Callable[[int], str], now: datetime
    ) -> None:
        """Keep the texts of lines of records, or count why they are none; empty lines are passed over.

        Args:
            content: lines with line feeds between them, and none after the last.
            plain: the quick way, for most; None where records have none.
            records: the long way, for the others.
            place: makes the id of a record without one, of its line's number among these.
            now: for records without a time.
        """
        if plain is None:
            for number, line in enumerate(content.split(b"\n")):
                if line.strip():
                    self.take(records.json(line, place=place(number), now=now))
            return
        sifted = plain.lines(content, place=place, now=now)
        lines = content.split(b"\n") if sifted.odd else []
        long_way = {
            number: self.counted(records.json(lines[number], place=place(number), now=now))
            for number in sifted.odd
            if lines[number].strip()
        }
        self.add(sifted.part({number: text for number, text in long_way.items() if text is not None}))

    def add(self, part: Part) -> None:
        """Keep texts that were read together."""
        self._close()
        self._parts.append(part)

    def page(self, cursor: Cursor | None, *, more: bool) -> Page:
        """Return the page."""
        counts = {reason: count for reason, count in self.rejected.items() if count}
        return Page(texts=self.texts, cursor=cursor, rejected=counts, more=more)

    def _close(self) -> None:
        if self._last:
            self._parts.append(Part([text.id for text in self._last], self._last, as_it_is))
            self._last = []
