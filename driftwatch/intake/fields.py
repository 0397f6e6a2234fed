"""Paths into a record, such as ``messages[-1].content``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_STEP = re.compile(r"\.?(?P<name>[^.\[\]'\"\s]+)|\[(?P<index>-?\d+)\]|\[(?P<quote>['\"])(?P<quoted>.*?)(?P=quote)\]")


@dataclass(frozen=True, slots=True)
class FieldPath:
    """Steps into nested objects and lists; parse one with ``FieldPath.parse``."""

    steps: tuple[str | int, ...]

    @classmethod
    def parse(cls, words: str) -> FieldPath:
        """Read a path.

        Raises:
            ValueError: it is none, with the place where it stops making sense.

        Examples:
            >>> FieldPath.parse("messages[-1].content").steps
            ('messages', -1, 'content')
        """
        steps: list[str | int] = []
        at = 0
        while at < len(words):
            match = _STEP.match(words, at)
            if match is None or (at == 0 and words[0] == "."):
                raise ValueError(f'"{words}" is no field path: unexpected "{words[at]}" at character {at + 1}')
            steps.append(int(match["index"]) if match["index"] else match["name"] or match["quoted"] or "")
            at = match.end()
        if not steps:
            raise ValueError("a field path must not be empty")
        return cls(tuple(steps))

    @classmethod
    def root(cls, record: Mapping[str, object], words: str) -> str:
        """Return the record's own field that a name, or a path into it, begins at; of what is no path, all of it."""
        if words in record:
            return words
        try:
            return str(cls.parse(words).steps[0])
        except ValueError:
            return words

    def find(self, record: object) -> object | None:
        """Return what stands there, or None where nothing does."""
        value = record
        for step in self.steps:
            if isinstance(step, str) and isinstance(value, Mapping):
                value = value.get(step)
            elif isinstance(step, int) and isinstance(value, Sequence) and not isinstance(value, str):
                value = value[step] if -len(value) <= step < len(value) else None
            else:
                return None
        return value
