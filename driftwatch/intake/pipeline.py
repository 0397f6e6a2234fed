"""From a page of texts to the store: redact, sample, commit, in this order and in one transaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from driftwatch.intake.drafts import Drafts
from driftwatch.store.bulk import bare_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.text import Cursor, Page, Text
    from driftwatch.intake.drafts import Bare
    from driftwatch.intake.redact import Redactor
    from driftwatch.intake.sampler import HashSampler
    from driftwatch.store import Store
    from driftwatch.store.bulk import Rows


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

    def _commit(self, texts: Sequence[Text], cursor: Cursor | None, rejected: Mapping[str, int]) -> TakenIn:
        self._sampler.observe(len(texts), self._clock.now())
        sampled = self._sampler.kept(texts)
        kept = () if self._dropping() else sampled
        counts = Counter(rejected)
        counts["sampled-out"] += len(texts) - len(sampled)
        counts["dropped-full"] += len(sampled) - len(kept)
        bare = kept.bare() if isinstance(kept, Drafts) else None
        clean, lengths = self._whole(kept, counts) if bare is None else self._rows(bare, counts)
        taken = self._store.texts.take_in(
            self._stream,
            source=self._source,
            texts=clean,
            cursor=cursor,
            counts=counts,
            default_source=self._source,
        )
        self._lengths(lengths)
        return TakenIn(
            stored=taken.stored,
            duplicates=taken.duplicates,
            sampled_out=len(texts) - len(sampled),
            dropped=len(sampled) - len(kept),
        )

    def _rows(self, bare: Bare, counts: Counter[str]) -> tuple[Rows, list[int]]:
        """Return the rows of texts that have no more than a body, redacted, and the lengths of the bodies."""
        bodies = bare.bodies
        if self._redactor is not None:
            changed = list(self._redactor.redact_all(bodies))
            for place, body in changed:
                bodies[place] = body
            counts["redacted"] += len(changed)
        return bare_rows(bare.ids, bodies, bare.seen_at, source=self._source), list(map(len, bodies))

    def _whole(self, texts: Sequence[Text], counts: Counter[str]) -> tuple[Sequence[Text], list[int]]:
        """Return likewise texts of any kind."""
        clean = texts if self._redactor is None else self._redacted(texts, self._redactor, counts)
        return clean, [len(text.body) for text in clean]

    @staticmethod
    def _redacted(texts: Sequence[Text], redactor: Redactor, counts: Counter[str]) -> list[Text]:
        clean = list(texts)
        for place, body in redactor.redact_all([text.body for text in texts]):
            clean[place] = replace(texts[place], body=body)
        for place, text in enumerate(texts):
            if text.turns:
                clean[place] = _with_clean_turns(clean[place], redactor)
        counts["redacted"] += sum(now is not before for now, before in zip(clean, texts, strict=True))
        return clean


def _with_clean_turns(text: Text, redactor: Redactor) -> Text:
    """Return the text with its chat redacted; the same text where that holds nothing."""
    turns = [(turn, *redactor.redact(turn.content)) for turn in text.turns]
    if not any(found for _, _, found in turns):
        return text
    return replace(text, turns=tuple(replace(turn, content=content) for turn, content, _ in turns))
