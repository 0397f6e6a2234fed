"""Where in a TOML file a key stands: tomllib gives values, people need line and column."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Key = tuple[str | int, ...]
_PART = r'(?:[A-Za-z0-9_-]+|"[^"]*"|\'[^\']*\')'
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART})*"
_TABLE = re.compile(rf"^(\s*\[\s*)({_DOTTED})\s*\]")
_ARRAY = re.compile(rf"^(\s*\[\[\s*)({_DOTTED})\s*\]\]")
_ASSIGNMENT = re.compile(rf"^(\s*)({_DOTTED})\s*=")
_INLINE = re.compile(rf"(?:^|[{{,])(\s*)({_DOTTED})\s*=")


def place(source: str, key: Sequence[str | int]) -> tuple[int, int]:
    """Return line and column, both from 1, of the key or of the innermost table around it that is written down.

    Args:
        source: the file's text.
        key: names and indices from the top, such as ``("streams", "docs", "sources", 0, "path")``.
    """
    known = dict(_places(source))
    wanted: Key = tuple(key)
    while wanted:
        if wanted in known:
            return known[wanted]
        below = [at for each, at in known.items() if each[: len(wanted)] == wanted]
        if below:
            return below[0]
        wanted = wanted[:-1]
    return 1, 1


def _places(source: str) -> Iterator[tuple[Key, tuple[int, int]]]:
    table: Key = ()
    seen: Counter[Key] = Counter()
    for number, line in enumerate(source.splitlines(), 1):
        if match := _ARRAY.match(line):
            name = _absolute(_parts(match[2]), seen)
            table = (*name, seen[name])
            seen[name] += 1
            yield table, (number, len(match[1]) + 1)
        elif match := _TABLE.match(line):
            table = _absolute(_parts(match[2]), seen)
            yield table, (number, len(match[1]) + 1)
        elif match := _ASSIGNMENT.match(line):
            key = (*table, *_parts(match[2]))
            yield key, (number, len(match[1]) + 1)
            for inner in _INLINE.finditer(line, match.end()):
                yield (*key, *_parts(inner[2])), (number, inner.start(2) + 1)


def _absolute(parts: Key, seen: Counter[Key]) -> Key:
    """Put the index of the latest element behind every array of tables on the way."""
    key: Key = ()
    for part in parts[:-1]:
        key = (*key, part)
        if seen[key]:
            key = (*key, seen[key] - 1)
    return (*key, *parts[-1:])


def _parts(dotted: str) -> Key:
    return tuple(part.strip().strip("\"'") for part in re.findall(_PART, dotted))
