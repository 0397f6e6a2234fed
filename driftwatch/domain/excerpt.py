"""A line of a file that somebody wrote, with a caret under what is wrong in it."""

from __future__ import annotations

_WIDEST = 160


def excerpt(text: str, *, line: int, column: int) -> str:
    """Return a line of a text with its number and a caret under the column, both from 1; empty where there is none.

    Examples:
        >>> print(excerpt("batch = 0", line=1, column=9))
            1 | batch = 0
              |         ^
    """
    lines = text.splitlines()
    if not 1 <= line <= len(lines):
        return ""
    start = max(column - _WIDEST // 2, 0) if len(lines[line - 1]) > _WIDEST else 0
    shown = lines[line - 1].replace("\t", " ")[start : start + _WIDEST]
    return f"{line:>5} | {shown}\n      | {' ' * (column - 1 - start)}^"
