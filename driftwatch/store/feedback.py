"""What was said of the model's answers, at most one word a text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, select

from driftwatch.domain.feedback import Feedback
from driftwatch.store.counts import add_counts
from driftwatch.store.tables import feedback, intake_counts, texts
from driftwatch.store.upsert import upsert
from driftwatch.store.values import micros, moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from driftwatch.store.database import Database

SOURCE = "(feedback)"
"""Under which feedback is counted among what comes in; no source of texts can be called so."""

OUTCOMES = ("correct", "incorrect", "rated", "class", "repeated", "unknown")
"""What becomes of feedback: by what it says, that it says again what is known, and that no text has its id yet."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackTaken:
    """What one commit of feedback came to; unknown are those of the new whose text is not there (yet)."""

    stored: int
    repeated: int
    unknown: int


class FeedbackStore:
    """The feedback of all streams."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take_in(self, stream: str, said: Sequence[Feedback]) -> FeedbackTaken:
        """Keep feedback in one transaction.

        Of a text's earlier feedback what the later does not say stays; feedback that says nothing new changes nothing.

        Raises:
            StoreUnavailableError: nothing was stored.
        """
        counts: Counter[str] = Counter()
        with self._database.write() as connection:
            known = {each.text: each for each in _of(connection, stream, [each.text for each in said])}
            there = _stored_texts(connection, stream, [each.text for each in said])
            for each in said:
                before = known.get(each.text)
                merged = _merged(before, each)
                if before is not None and _content(merged) == _content(before):
                    counts["repeated"] += 1
                    continue
                row = {**_content(merged), "who": merged.who, "at": micros(merged.at)}
                upsert(connection, feedback, {"stream": stream, "text": each.text, **row}, change=row)
                known[each.text] = merged
                counts[_kind(each)] += 1
                counts["unknown"] += each.text not in there
            add_counts(connection, stream, SOURCE, counts)
        repeated, unknown = counts["repeated"], counts["unknown"]
        return FeedbackTaken(stored=len(said) - repeated, repeated=repeated, unknown=unknown)

    def between(self, stream: str, *, first_seq: int, last_seq: int) -> list[Feedback]:
        """Return the feedback of the texts between two places of the store's order, both included."""
        own = and_(feedback.c.stream == texts.c.stream, feedback.c.text == texts.c.id)
        within = and_(texts.c.stream == stream, texts.c.seq.between(first_seq, last_seq))
        query = select(feedback).select_from(texts.join(feedback, own)).where(within).order_by(texts.c.seq)
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how much feedback came in, by stream and outcome."""
        columns = (intake_counts.c.stream, intake_counts.c.outcome, intake_counts.c.count)
        query = select(*columns).where(intake_counts.c.source == SOURCE)
        with self._database.read() as connection:
            return {(stream, outcome): count for stream, outcome, count in connection.execute(query)}


def drop_old(connection: Connection, stream: str) -> None:
    """Delete, within the caller's transaction, feedback of texts that are gone and older than any that is there."""
    oldest = select(func.min(texts.c.taken_at)).where(texts.c.stream == stream).scalar_subquery()
    own = select(texts.c.id).where(texts.c.stream == stream, texts.c.id == feedback.c.text).exists()
    connection.execute(delete(feedback).where(feedback.c.stream == stream, feedback.c.at < oldest, ~own))


def drop_of_group(connection: Connection, stream: str, group: str) -> None:
    """Delete, within the caller's transaction, the feedback of a group's texts."""
    own = select(texts.c.id).where(texts.c.stream == stream, texts.c.group == group)
    connection.execute(delete(feedback).where(feedback.c.stream == stream, feedback.c.text.in_(own)))


def _of(connection: Connection, stream: str, ids: Sequence[str]) -> list[Feedback]:
    found = []
    for start in range(0, len(ids), _AT_ONCE):
        some = feedback.c.text.in_(ids[start : start + _AT_ONCE])
        found += [_stored(row) for row in connection.execute(select(feedback).where(feedback.c.stream == stream, some))]
    return found


def _stored_texts(connection: Connection, stream: str, ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(ids), _AT_ONCE):
        some = texts.c.id.in_(ids[start : start + _AT_ONCE])
        found.update(connection.execute(select(texts.c.id).where(texts.c.stream == stream, some)).scalars())
    return found


def _merged(before: Feedback | None, later: Feedback) -> Feedback:
    if before is None:
        return later
    return Feedback(
        text=later.text,
        target=later.target if later.target is not None else before.target,
        correct=later.correct if later.correct is not None else before.correct,
        rating=later.rating if later.rating is not None else before.rating,
        who=later.who or before.who,
        at=later.at,
    )


def _content(said: Feedback) -> dict[str, Any]:
    return {"target": said.target, "correct": said.correct, "rating": said.rating}


def _kind(said: Feedback) -> str:
    if said.correct is not None:
        return "correct" if said.correct else "incorrect"
    return "rated" if said.rating is not None else "class"


def _stored(row: Row[Any]) -> Feedback:
    return Feedback(
        text=row.text, target=row.target, correct=row.correct, rating=row.rating, who=row.who, at=moment(row.at)
    )
