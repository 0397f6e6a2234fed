"""Keys of bodies on disk, parted by their highest bits, so that every part fits into memory however many there are."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from driftwatch.domain.errors import StoreUnavailableError
from driftwatch.drift.sifting import COPY, Owned, once, owners_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKETS = 128
"""Parts, by the highest 7 bits; of 10^9 keys each has 62 MB."""
_BOUNDS = np.arange(1, BUCKETS, dtype=np.uint64) << np.uint64(57)
_IN_MEMORY = 32 * 1024

Rows = npt.NDArray[Any]


class Spill:
    """Keys or copies in temporary files that have no names, so nothing is left of them whatever ends the process.

    Args:
        folder: where they lie.
        copies: whether copies are held, not keys alone.
    """

    def __init__(self, folder: Path, *, copies: bool) -> None:
        self._dtype: np.dtype[Any] = COPY if copies else np.dtype(np.uint64)
        self._folder = folder
        self._open = ExitStack()
        self._files: list[SpooledTemporaryFile[bytes]] = []

    def __enter__(self) -> Self:
        """Open the files."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for _ in range(BUCKETS):
            file = self._open.enter_context(SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(self._folder)))
            self._files.append(file)
        return self

    def __exit__(self, *_: object) -> None:
        """Let the files go."""
        self._open.close()

    def add(self, rows: Rows) -> None:
        """Take in keys or copies, their keys ascending: whoever read them has put them in order.

        Raises:
            StoreUnavailableError: they cannot be written, as on a full disk.
        """
        ends = np.concatenate([[0], np.searchsorted(_keys(rows), _BOUNDS), [len(rows)]])
        with self._told():
            for bucket in np.flatnonzero(np.diff(ends)).tolist():
                self._files[bucket].write(rows[ends[bucket] : ends[bucket + 1]].tobytes())

    def parts(self) -> Iterator[Owned]:
        """Yield the distinct bodies, part by part, lowest keys first.

        Raises:
            StoreUnavailableError: as ``add``.
        """
        for file in self._files:
            with self._told():
                file.seek(0)
                rows: Rows = np.frombuffer(file.read(), dtype=self._dtype)
            yield owners_of(rows) if self._dtype.names else Owned(bodies=once(rows))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnavailableError(
                f"keys of training texts cannot be kept: {error.strerror}",
                where=str(self._folder),
                cure="free 8 bytes a training text there, 32 where texts have groups",
            ) from None


def _keys(rows: Rows) -> npt.NDArray[np.uint64]:
    found: npt.NDArray[np.uint64] = rows["key"] if rows.dtype.names else rows
    return found
