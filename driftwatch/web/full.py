"""A stream that is full: what becomes of the texts that come now, since when, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from driftwatch.store import Store

_CURE = (
    "see whether windows are still assessed (/-/ready says what keeps them); if so, lower rate in "
    "[streams.{name}.sample], take a cheaper encoder or give more [daemon] threads. A higher [daemon] backlog only "
    "puts it off"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FullView:
    """That a stream takes no more, or throws away what comes.

    Args:
        intake: ``blocked`` or ``dropping``, as ``[daemon] when_full`` says.
        since: when the text came that filled it.
        limit: texts not yet assessed at which it is full.
        meaning: what becomes of the texts that come now.
        cure: what to do.
    """

    intake: str
    since: datetime | None
    limit: int
    meaning: str
    cure: str

    @property
    def word(self) -> str:
        """Return where it stands, in two words."""
        return f"intake {self.intake}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many texts of a stream may wait.

    Args:
        limit: texts not yet assessed at which a stream is full.
        drops: whether a full stream throws away what comes, or lets its senders wait.
    """

    limit: int
    drops: bool

    def full(self, store: Store, stream: str, *, waiting: int, after_seq: int) -> FullView | None:
        """Return what it means that so many texts wait; None where there is room for more.

        Raises:
            StoreError: the store cannot be read.
        """
        if waiting < self.limit:
            return None
        does = "what comes now is thrown away, and counted as dropped-full"
        if not self.drops:
            does = "senders are answered 429, other sources are not read; nothing is lost"
        return FullView(
            intake="dropping" if self.drops else "blocked",
            since=store.texts.taken_at(stream, after_seq=after_seq, number=self.limit),
            limit=self.limit,
            meaning=f"{waiting:,} texts wait to be assessed, at most {self.limit:,} may: {does}",
            cure=_CURE.format(name=stream),
        )
