"""Texts on disk that are looked at again in any order."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from driftwatch.domain.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self


class Spool:
    """Keeps texts under numbers in a file, with their places in memory; closed, the file is gone.

    Args:
        file: to write to.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream = file.open("w+b")
        self._places: dict[int, int] = {}
        self._end = 0
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(Text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything."""
        with suppress(OSError):  # what is still to be written is not wanted any more
            self._stream.close()
        self._file.unlink(missing_ok=True)

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def add(self, number: int, text: Text) -> None:
        """Keep a text; a number is used once."""
        line = self._encoder.encode(text) + b"\n"
        self._stream.seek(self._end)
        self._stream.write(line)
        self._places[number] = self._end
        self._end += len(line)

    def read(self, numbers: Iterable[int]) -> Iterator[Text]:
        """Give the texts of these numbers, in this order."""
        for number in numbers:
            self._stream.seek(self._places[number])
            yield self._decoder.decode(self._stream.readline())
