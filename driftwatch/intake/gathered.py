"""Texts of one page as they are read, and what became of the records that are none."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from driftwatch.domain.text import Page
from driftwatch.intake.records import Accepted, Rejected

if TYPE_CHECKING:
    from driftwatch.domain.text import Cursor, Text


class Gathered:
    """A page that grows."""

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self.rejected: Counter[str] = Counter()

    def take(self, read: Accepted | Rejected) -> None:
        """Keep the text, or count why it is none."""
        match read:
            case Accepted(text=text, cut=cut, ahead=ahead):
                self.texts.append(text)
                self.rejected["cut"] += cut
                self.rejected["clock-ahead"] += ahead
            case Rejected(reason=reason):
                self.rejected[reason] += 1

    def page(self, cursor: Cursor | None, *, more: bool) -> Page:
        """Return the page."""
        counts = {reason: count for reason, count in self.rejected.items() if count}
        return Page(texts=tuple(self.texts), cursor=cursor, rejected=counts, more=more)
