"""Lines of JSON, looked at as bytes."""

from __future__ import annotations

from io import BytesIO
from itertools import accumulate


def a_record_a_line(content: bytes) -> int | None:
    """Return how many lines there are where every line feed stands between two objects; else None.

    Between ``}`` and ``{`` one value ends and the next begins, whatever stands elsewhere; so as many objects as lines
    are one object a line. A decoder of lines alone would take two objects of one line, and one over two lines.
    """
    feeds = content.count(b"\n")
    return feeds + 1 if content.count(b"}\n{") == feeds else None


def beginnings(content: bytes) -> list[int]:
    """Return where in the content its lines begin."""
    begins = [0, *accumulate(map(len, BytesIO(content)))]
    if len(begins) > 1 and not content.endswith(b"\n"):
        begins.pop()
    return begins
