"""Feedback that is posted: from a request's body to what is said of each text; all of it, or none and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from driftwatch.domain.feedback import Feedback
from driftwatch.intake.bodies import BatchError, records_in
from driftwatch.intake.records import LONGEST_ID, LONGEST_TARGET, word_of

if TYPE_CHECKING:
    from datetime import datetime

_LONGEST_WHO = 200
_CURE = 'send {"id": …} with target, correct or rating'


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    id: str | int
    target: str | int | bool | None = None
    correct: bool | None = None
    rating: float | None = None
    who: str = ""


def parse_feedback(body: bytes, *, content_type: str, content_encoding: str, now: datetime) -> list[Feedback]:
    """Read a body: one object, an array of objects, ``{"feedback": […]}``, or one object a line.

    Raises:
        BatchError: 400 for what is no JSON, gzip or feedback, with its line and what would be right; 413 for what
            unpacks to too much; 415 for other kinds of content; 422 for a body without feedback.
    """
    records = records_in(body, content_type=content_type, content_encoding=content_encoding, many="feedback")
    said = [_feedback(record, line, now) for line, record in records]
    if not said:
        raise BatchError(422, "No feedback", f"the body holds no record; {_CURE}")
    return said


def _feedback(record: object, line: int, now: datetime) -> Feedback:
    try:
        read = msgspec.convert(record, _Record)
    except msgspec.ValidationError as error:
        raise _problem(f"{error}; {_CURE}", line) from None
    text, target = word_of(read.id), word_of(read.target)
    if text is None or len(text) > LONGEST_ID:
        raise _problem(f"id must have 1 to {LONGEST_ID} characters", line)
    if target is not None and len(target) > LONGEST_TARGET:
        raise _problem(f"target must have at most {LONGEST_TARGET} characters", line)
    if target is None and read.correct is None and read.rating is None:
        raise _problem(f"it says nothing of the text; {_CURE}", line)
    if read.rating is not None and not 0 <= read.rating <= 1:
        raise _problem(f"rating must lie between 0 and 1, not {read.rating:g}; scale your own to that", line)
    if len(read.who) > _LONGEST_WHO:
        raise _problem(f"who must have at most {_LONGEST_WHO} characters", line)
    for words in (text, target or "", read.who):
        if not _is_text(words):
            raise _problem("it holds a lone surrogate or a NUL, which is no text", line)
    return Feedback(text=text, target=target, correct=read.correct, rating=read.rating, who=read.who, at=now)


def _is_text(words: str) -> bool:
    try:
        return b"\0" not in words.encode("utf-8")
    except UnicodeEncodeError:
        return False


def _problem(detail: str, line: int) -> BatchError:
    return BatchError(400, "Not feedback", detail, line=line)
