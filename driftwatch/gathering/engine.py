"""What reads pieces of training data: this process, or the workers of a cluster (``ray``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from driftwatch.drift.sifting import Asked, Sifted, Verdicts, sift
from driftwatch.intake.training import read_piece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from driftwatch.intake.pieces import Piece
    from driftwatch.intake.training_records import TrainingFields


class Engine(Protocol):
    """Reads pieces one after the other or several at a time."""

    def sift(
        self, pieces: Sequence[Piece], fields: TrainingFields, *, ask: Callable[[], Asked], verdicts: Verdicts
    ) -> Iterator[tuple[Piece, Sequence[Sifted]]]:
        """Yield what is found in each piece, in order, no faster than it is taken.

        Args:
            pieces: to read.
            fields: of the texts in them.
            ask: returns what to find; asked anew for every piece when its turn has come.
            verdicts: of earlier passes.

        Raises:
            DataError: a piece cannot be read; of several, what is wrong in the first one.
            RunError: the cluster cannot do it.
        """
        ...


class LocalEngine:
    """Reads pieces in this process."""

    def sift(
        self, pieces: Sequence[Piece], fields: TrainingFields, *, ask: Callable[[], Asked], verdicts: Verdicts
    ) -> Iterator[tuple[Piece, Sequence[Sifted]]]:
        """Yield what is found in each piece, a large one in several lots."""
        for piece in pieces:
            for lot in sift(read_piece(piece, fields), ask(), verdicts):
                yield piece, (lot,)
