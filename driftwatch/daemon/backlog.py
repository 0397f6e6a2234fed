"""How many texts wait to be assessed: what the last look counted, and what was stored since."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Backlog:
    """Counts the texts of every stream that wait; used from many threads.

    A text stored while a look is under way may be counted twice until the next one, never left out.

    Args:
        most: texts at which a stream is full.
        drops: whether a full stream throws away what comes, or lets its senders wait.
    """

    def __init__(self, most: int, *, drops: bool = False) -> None:
        self.most, self._drops = most, drops
        self._guard = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._stored: Counter[str] = Counter()
        self._stored_then: Counter[str] = Counter()

    def stored(self, stream: str, texts: int) -> None:
        """Note texts that were just committed."""
        with self._guard:
            self._stored[stream] += texts

    def look(self) -> Counter[str]:
        """Return what was stored until now, to be handed to ``counted`` with what the store says then."""
        with self._guard:
            return Counter(self._stored)

    def counted(self, waiting: Mapping[str, int], stored: Counter[str]) -> None:
        """Note what the store said waits, and what was stored when it was asked."""
        with self._guard:
            self._counted, self._stored_then = Counter(waiting), stored

    def waiting(self, stream: str) -> int:
        """Return how many texts wait."""
        with self._guard:
            return self._counted[stream] + self._stored[stream] - self._stored_then[stream]

    def blocking(self, stream: str) -> int:
        """Return how many texts wait that senders are to wait for: none where too many are dropped."""
        return 0 if self._drops else self.waiting(stream)

    def full(self, stream: str) -> bool:
        """Whether the stream takes no more for now, so that its senders wait."""
        return self.blocking(stream) >= self.most

    def dropping(self, stream: str) -> bool:
        """Whether the stream is full and what comes is thrown away."""
        return self._drops and self.waiting(stream) >= self.most
