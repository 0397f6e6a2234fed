"""From a page of texts to the store: redact, sample, commit, in this order and in one transaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.text import Cursor, Page, Text
    from driftwatch.intake.redact import Redactor
    from driftwatch.intake.sampler import HashSampler
    from driftwatch.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What one commit came to."""

    stored: int
    duplicates: int
    sampled_out: int


class Pipeline:
    """Takes the texts of one source of one stream in.

    Args:
        store: where they go.
        stream: whose texts.
        source: name of the source.
        redactor: replaces personal data; None to store bodies as they are.
        sampler: decides which are kept.
        clock: for the sampler's budget.
        lengths: told the lengths, in characters, of the texts that were stored or known already.
    """

    def __init__(
        self,
        store: Store,
        *,
        stream: str,
        source: str,
        redactor: Redactor | None,
        sampler: HashSampler,
        clock: Clock,
        lengths: Callable[[Iterable[int]], None] = lambda _lengths: None,
    ) -> None:
        self._store = store
        self._stream = stream
        self._source = source
        self._redactor = redactor
        self._sampler = sampler
        self._clock = clock
        self._lengths = lengths

    def take(self, page: Page) -> TakenIn:
        """Commit a page and its cursor.

        Raises:
            StoreUnavailableError: nothing was stored and the cursor stays.
        """
        return self._commit(page.texts, page.cursor, page.rejected)

    def take_texts(self, texts: Sequence[Text], *, rejected: Mapping[str, int]) -> TakenIn:
        """Commit texts of a source without a cursor.

        Raises:
            StoreUnavailableError: nothing was stored.
        """
        return self._commit(texts, None, rejected)

    def _commit(self, texts: Sequence[Text], cursor: Cursor | None, rejected: Mapping[str, int]) -> TakenIn:
        self._sampler.observe(len(texts), self._clock.now())
        kept = [text for text in texts if self._sampler.keep(text)]
        counts = Counter(rejected)
        counts["sampled-out"] += len(texts) - len(kept)
        clean = [replace(self._redacted(text, counts), source=self._source) for text in kept]
        taken = self._store.texts.take_in(self._stream, source=self._source, texts=clean, cursor=cursor, counts=counts)
        self._lengths([len(text.body) for text in clean])
        return TakenIn(stored=taken.stored, duplicates=taken.duplicates, sampled_out=len(texts) - len(kept))

    def _redacted(self, text: Text, counts: Counter[str]) -> Text:
        if self._redactor is None:
            return text
        body, found = self._redactor.redact(text.body)
        turns = [(turn, *self._redactor.redact(turn.content)) for turn in text.turns]
        if not found and not any(more for _, _, more in turns):
            return text
        counts["redacted"] += 1
        return replace(text, body=body, turns=tuple(replace(turn, content=content) for turn, content, _ in turns))
