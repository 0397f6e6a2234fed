"""From a page of texts to the store: redact, sample, commit, in this order and in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.intake.ready import Ready, Sent, redact_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.text import Cursor, Page, Text
    from driftwatch.intake.redact import Redactor
    from driftwatch.intake.sampler import HashSampler
    from driftwatch.store import Store
    from driftwatch.store.texts import Taken


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What one commit came to; texts are dropped where the stream was full and does not let its senders wait."""

    stored: int
    duplicates: int
    sampled_out: int
    dropped: int = 0


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
        dropping: whether what comes now is thrown away and counted, because the stream is full.
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
        dropping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._stream = stream
        self._source = source
        self._redactor = redactor
        self._sampler = sampler
        self._clock = clock
        self._lengths = lengths
        self._dropping = dropping

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

    def take_each(self, sent: Sequence[Sent]) -> list[TakenIn | BaseException]:
        """Commit what several senders brought of a source without a cursor, in as few transactions as it fits into.

        Returns:
            What each came to, once all are settled: one that fails does not take the others with it.
        """
        self._sampler.observe(sum(len(each.texts) for each in sent), self._clock.now())
        try:
            ready = self._ready(sent)
        except Exception as error:  # noqa: BLE001 - told to the sender whose texts are to blame
            return [error] if len(sent) == 1 else [self._alone(each) for each in sent]
        return self._stored(ready)

    def _commit(self, texts: Sequence[Text], cursor: Cursor | None, rejected: Mapping[str, int]) -> TakenIn:
        self._sampler.observe(len(texts), self._clock.now())
        (ready,) = self._ready([Sent(texts=texts, rejected=rejected)])
        taken = self._store.texts.take_in(
            self._stream, source=self._source, texts=ready.rows(self._source), cursor=cursor, counts=ready.counts
        )
        return self._told(ready, taken)

    def _alone(self, sent: Sent) -> TakenIn | BaseException:
        """Commit what one sender brought, where something that one of several brought cannot even be made ready."""
        try:
            return self._stored(self._ready([sent]))[0]
        except Exception as error:  # noqa: BLE001 - told to the sender
            return error

    def _ready(self, sent: Sequence[Sent]) -> list[Ready]:
        """Return what is kept of what each sender brought, redacted."""
        dropping = self._dropping()
        ready = [Ready(each, self._sampler.kept(each.texts), dropping=dropping) for each in sent]
        if self._redactor is not None:
            redact_together(ready, self._redactor)
        return ready

    def _stored(self, ready: Sequence[Ready]) -> list[TakenIn | BaseException]:
        batches = [(each.rows(self._source), each.counts) for each in ready]
        found = self._store.texts.take_in_each(self._stream, source=self._source, batches=batches)
        return [
            taken if isinstance(taken, BaseException) else self._told(each, taken)
            for each, taken in zip(ready, found, strict=True)
        ]

    def _told(self, ready: Ready, taken: Taken) -> TakenIn:
        """Tell of what is durable now, and return what it came to."""
        self._lengths(map(len, ready.bodies))
        return TakenIn(
            stored=taken.stored,
            duplicates=taken.duplicates,
            sampled_out=ready.sampled_out,
            dropped=ready.dropped,
        )
