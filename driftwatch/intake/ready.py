"""What is kept of what a sender brought: looked through for personal data with that of others, and made into rows."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from driftwatch.intake.drafts import Drafts
from driftwatch.store.bulk import bare_rows, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftwatch.domain.text import Text
    from driftwatch.intake.redact import Redactor
    from driftwatch.store.bulk import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What one sender brought at once.

    Args:
        texts: in their order.
        rejected: further outcomes to count.
    """

    texts: Sequence[Text]
    rejected: Mapping[str, int]


class Ready:
    """Texts of one sender on their way into the store.

    Args:
        sent: all that was brought.
        sampled: of these, the texts that the sampler keeps.
        dropping: whether they are thrown away and counted all the same.
    """

    def __init__(self, sent: Sent, sampled: Sequence[Text], *, dropping: bool) -> None:
        self._texts = () if dropping else sampled
        self._bare = self._texts.bare() if isinstance(self._texts, Drafts) else None
        self.bodies = self._bare.bodies if self._bare is not None else [text.body for text in self._texts]
        self.sampled_out, self.dropped = len(sent.texts) - len(sampled), len(sampled) - len(self.bodies)
        self.counts = Counter(sent.rejected)
        self.counts.update({"sampled-out": self.sampled_out, "dropped-full": self.dropped})

    def change(self, bodies: Mapping[int, str], redactor: Redactor) -> None:
        """Put redacted bodies in their places, redact the chats of texts that have one, and count what held something.

        Args:
            bodies: by place.
            redactor: of the chats.
        """
        for place, body in bodies.items():
            self.bodies[place] = body
        if self._bare is not None:
            self.counts["redacted"] += len(bodies)
            return
        clean = [replace(text, body=bodies[at]) if at in bodies else text for at, text in enumerate(self._texts)]
        clean = [_with_clean_turns(text, redactor) if text.turns else text for text in clean]
        self.counts["redacted"] += sum(now is not before for now, before in zip(clean, self._texts, strict=True))
        self._texts = clean

    def rows(self, source: str) -> Rows:
        """Return the rows; of texts that have no more than a body without a ``Text`` for each.

        Args:
            source: of texts that name none.
        """
        if self._bare is None:
            return rows_of(self._texts, source=source)
        return bare_rows(self._bare.ids, self.bodies, self._bare.seen_at, source=source)


def redact_together(ready: Sequence[Ready], redactor: Redactor) -> None:
    """Redact the texts of several senders in their places: many bodies are looked through at once, which is cheaper."""
    begins = list(accumulate((len(each.bodies) for each in ready), initial=0))
    changed: list[dict[int, str]] = [{} for _ in ready]
    for at, body in redactor.redact_all(list(chain.from_iterable(each.bodies for each in ready))):
        whose = bisect_right(begins, at) - 1
        changed[whose][at - begins[whose]] = body
    for each, bodies in zip(ready, changed, strict=True):
        each.change(bodies, redactor)


def _with_clean_turns(text: Text, redactor: Redactor) -> Text:
    """Return the text with its chat redacted; the same text where that holds nothing."""
    turns = [(turn, *redactor.redact(turn.content)) for turn in text.turns]
    if not any(found for _, _, found in turns):
        return text
    return replace(text, turns=tuple(replace(turn, content=content) for turn, content, _ in turns))
