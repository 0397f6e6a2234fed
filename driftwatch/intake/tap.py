"""Texts that are piped into ``driftwatch tap``: lines of standard input, in batches that are committed at once."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

from driftwatch.intake.gathered import Gathered
from driftwatch.intake.plain import plain_of
from driftwatch.intake.record_fields import RecordFields, records_of

if TYPE_CHECKING:
    from driftwatch.domain.protocols import Clock

_LONGEST_LINE = 8 * 1024 * 1024
_BLOCK = 256 * 1024
_QUIET_SECONDS = 0.5
"""A batch that has begun is committed after so long without another line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TapSettings(RecordFields):
    """Lines that are piped into ``driftwatch tap STREAM``.

    Args:
        type: ``tap``.
        format: ``jsonl``, ``lines``, or ``auto`` to tell by the first line.
        id: field path of the text's id; without one its line's number and content are its id, so that the same file
            piped in again adds nothing.
        name: of the source.
    """

    type: Literal["tap"] = "tap"
    format: Literal["auto", "jsonl", "lines"] = "auto"
    name: str = "tap"


@dataclass(frozen=True, slots=True)
class Line:
    """A line by its number, from 1; no content where it is too long to hold."""

    number: int
    content: bytes | None


def batches(descriptor: int, *, limit: int) -> Iterator[list[Line]]:
    """Yield the lines of a file descriptor in batches: full ones, and what there is when nothing more comes for now.

    Args:
        descriptor: open for reading, a pipe or a file.
        limit: most lines of a batch.
    """
    batch: list[Line] = []
    for line in _lines(descriptor):
        if line is not None:
            batch.append(line)
        if batch and (line is None or len(batch) >= limit):
            yield batch
            batch = []
    if batch:
        yield batch


def _lines(descriptor: int) -> Iterator[Line | None]:
    """Yield lines as they come, and None after half a second without any."""
    held, number, overlong = bytearray(), 0, False
    while True:
        if not select.select([descriptor], [], [], _QUIET_SECONDS)[0]:
            yield None
            continue
        block = os.read(descriptor, _BLOCK)
        *whole, rest = (held + block).split(b"\n") if block else ([held] if held or overlong else []) + [b""]
        for content in whole:
            number += 1
            yield Line(number, None if overlong or len(content) > _LONGEST_LINE else bytes(content))
            overlong = False
        if not block:
            return
        held = bytearray(rest)
        if len(held) > _LONGEST_LINE:
            held, overlong = bytearray(), True


class TapReader:
    """Reads batches of lines as texts.

    Args:
        settings: what lines look like.
        clock: for texts without a time.
    """

    def __init__(self, settings: TapSettings, *, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._records, self._plain = records_of(settings), plain_of(settings)
        self._is_json = None if settings.format == "auto" else settings.format == "jsonl"

    def read(self, batch: Sequence[Line]) -> Gathered:
        """Return a batch's texts, and what became of the other lines."""
        gathered, now = Gathered(), self._clock.now()
        gathered.rejected["line-too-long"] += sum(line.content is None for line in batch)
        lines = [(line.number, content) for line in batch if line.content and (content := line.content.strip())]
        if self._is_json is None and lines:
            self._is_json = lines[0][1].startswith(b"{")

        def place(at: int) -> str:
            number, content = lines[at]
            return f"{self._settings.name}:{number}:{blake2b(content, digest_size=8).hexdigest()}"

        if self._is_json and lines:
            content = b"\n".join(content for _, content in lines)
            gathered.take_lines(content, self._plain, self._records, place=place, now=now)
        else:
            for at, (_, content) in enumerate(lines):
                gathered.take(self._records.line(content, place=place(at), now=now))
        return gathered
