"""Lines of JSON, looked at as bytes."""

from __future__ import annotations

import re

_LINE_FEED, _OPENS, _CLOSES = b"\n{}"
_LARGE = 64 * 1024
"""Bytes from which on numpy is worth its 12 MB: a daemon whose text comes in small lots never loads it."""


def a_record_a_line(content: bytes) -> int | None:
    """Return how many lines there are where every line feed stands between two objects; else None.

    Between ``}`` and ``{`` one value ends and the next begins, whatever stands elsewhere; so as many objects as lines
    are one object a line. A decoder of lines alone would take two objects of one line, and one over two lines.
    """
    if len(content) < _LARGE:
        feeds_alone = content.count(b"\n")
        return feeds_alone + 1 if content.count(b"}\n{") == feeds_alone else None
    import numpy as np

    held = np.frombuffer(content, np.uint8)
    feeds = held == _LINE_FEED
    count = int(np.count_nonzero(feeds))
    between = feeds[1:-1]
    between &= held[:-2] == _CLOSES
    between &= held[2:] == _OPENS
    return count + 1 if np.count_nonzero(between) == count else None


def beginnings(content: bytes) -> list[int]:
    """Return where in the content its lines begin."""
    if len(content) < _LARGE:
        return [0, *(feed.end() for feed in re.finditer(b"\n", content))]
    import numpy as np

    return [0, *(np.flatnonzero(np.frombuffer(content, np.uint8) == _LINE_FEED) + 1).tolist()]
