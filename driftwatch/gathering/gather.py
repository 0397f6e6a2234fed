"""Two choices from training data of any size: of what the champion learned, and of held-out texts it never saw.

One pass draws what the champion learned and notes the key of every body. Two are needed where texts have groups: a
group is drawn whole, and a body that several groups hold counts for one of them, which is only known once all was read.
So it is with held-out texts, of which those are left out that the champion learned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.drift.choice import MOST_HELDOUT, Choice, heldout_seed, learned_seed, named
from driftwatch.drift.drawing import Draw, Keys, unpacked
from driftwatch.drift.evidence.known import shortened
from driftwatch.drift.sifting import Asked, Owned, Verdicts, no_keys
from driftwatch.gathering.spill import Spill
from driftwatch.intake.pieces import PIECE_BYTES, cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from driftwatch.gathering.engine import Engine
    from driftwatch.intake.pieces import Piece
    from driftwatch.intake.training_records import TrainingFields


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is chosen, and from what.

    Args:
        data: files of what the champion learned.
        heldout: files of texts of the same kind that it never saw.
        fields: of the texts in them.
        seed: of the choice.
        sample: most texts of what it learned.
        piece_bytes: about how much is read at a time.
    """

    data: Sequence[Path]
    heldout: Sequence[Path]
    fields: TrainingFields
    seed: int
    sample: int
    piece_bytes: int = PIECE_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What was chosen: of what the champion learned, and of what it never saw."""

    learned: Choice
    heldout: Choice


def gather(
    search: Search,
    engine: Engine,
    *,
    folder: Path,
    on_read: Callable[[int, int], None] = lambda _done, _total: None,
) -> Gathered:
    """Choose texts as ``build_reference`` does of texts in memory.

    Args:
        search: what to choose.
        engine: reads the files.
        folder: on disk, where 8 bytes a text lie while it is at work, 32 where texts have groups.
        on_read: told bytes read and about how many in all.

    Raises:
        DataError: a file cannot be read.
        RunError: the cluster cannot do it.
        StoreUnavailableError: the disk is full.
    """
    grouped = search.fields.group is not None
    data, spare = (cut(paths, piece_bytes=search.piece_bytes) for paths in (search.data, search.heldout))
    weight = sum(piece.weight for piece in (*data, *spare, *spare, *(data if grouped else ())))
    reader = _Reader(engine, search.fields, weight, on_read)
    ask = Asked(seed=learned_seed(search.seed), copies=grouped, most=0 if grouped else search.sample)
    ask_spare = Asked(seed=heldout_seed(search.seed), copies=grouped)
    draw, spare_draw = Draw(search.sample, unpacked), Draw(MOST_HELDOUT, unpacked)
    with Spill(folder, copies=grouped) as kept, Spill(folder, copies=grouped) as spare_kept:
        total = reader.read(data, ask, draw, spill=kept)
        spare_total = reader.read(spare, ask_spare, spare_draw, spill=spare_kept)
        learned, heldout = _settled(kept, spare_kept)
    if grouped:
        again = replace(ask, keys=False, copies=False, most=search.sample)
        reader.read(data, again, draw, verdicts=learned.verdicts())
    again = replace(ask_spare, keys=False, copies=False, most=MOST_HELDOUT)
    reader.read(spare, again, spare_draw, verdicts=heldout.verdicts())
    return Gathered(learned=learned.choice(draw, total), heldout=heldout.choice(spare_draw, spare_total))


class _Known:
    """What is known of all bodies of one kind once they were read, part by part: 4 bytes for each, and verdicts."""

    def __init__(self) -> None:
        self._bodies = [np.zeros(0, dtype=np.uint32)]
        self._left_out, self._shared, self._owners = [no_keys()], [no_keys()], [no_keys()]
        self._distinct = 0

    def add(self, part: Owned, *, left_out: Keys | None = None) -> None:
        """Take in a part whose keys are above those of the parts before."""
        self._bodies.append(_once_short(part.bodies))
        self._distinct += len(part.bodies)
        self._left_out.append(no_keys() if left_out is None else left_out)
        self._shared.append(part.shared)
        self._owners.append(part.owners)

    def verdicts(self) -> Verdicts:
        """Return what the next pass has to know."""
        found = (np.concatenate(parts) for parts in (self._left_out, self._shared, self._owners))
        return Verdicts(*found)

    def choice(self, draw: Draw[bytes], total: int) -> Choice:
        """Return what was chosen of a number of texts."""
        return Choice(
            texts=[named(text) for text in draw.texts()],
            bodies=np.concatenate(self._bodies),
            distinct=self._distinct,
            total=total,
        )


class _Reader:
    """Reads pieces, pass by pass, and tells how far it is."""

    def __init__(
        self, engine: Engine, fields: TrainingFields, weight: int, on_read: Callable[[int, int], None]
    ) -> None:
        self._engine, self._fields = engine, fields
        self._done, self._weight, self._on_read = 0, weight, on_read

    def read(
        self,
        pieces: Sequence[Piece],
        asked: Asked,
        draw: Draw[bytes],
        *,
        spill: Spill | None = None,
        verdicts: Verdicts | None = None,
    ) -> int:
        """Put what is found into draw and spill; returns the number of texts."""
        total, last = 0, None
        # A piece whose turn comes later need not send what is out of the draw by now.
        found = self._engine.sift(
            pieces, self._fields, ask=lambda: replace(asked, below=draw.below), verdicts=verdicts or Verdicts()
        )
        for piece, lots in found:
            for lot in lots:
                total += lot.total
                if spill is not None:
                    spill.add(lot.copies if asked.copies else lot.keys)
                draw.add(*lot.texts.below(draw.below))
            self._tell(last if piece is not last else None)
            last = piece
        self._tell(last)
        return total

    def _tell(self, piece: Piece | None) -> None:
        if piece is not None:
            self._done += piece.weight
            self._on_read(self._done, self._weight)


def _settled(kept: Spill, spare_kept: Spill) -> tuple[_Known, _Known]:
    """Return what is known of the learnt bodies, and of the held-out ones that are not among them."""
    learned, heldout = _Known(), _Known()
    for ours, theirs in zip(kept.parts(), spare_kept.parts(), strict=True):
        both = _among(theirs.bodies, ours.bodies)
        learned.add(ours)
        heldout.add(replace(theirs, bodies=theirs.bodies[~both]), left_out=theirs.bodies[both])
    return learned, heldout


def _among(some: Keys, others: Keys) -> npt.NDArray[np.bool_]:
    """Return which of some keys are among others, bool [some]; both are ascending."""
    if not len(others):
        return np.zeros(len(some), np.bool_)
    found: npt.NDArray[np.bool_] = others.take(np.searchsorted(others, some), mode="clip") == some
    return found


def _once_short(bodies: Keys) -> npt.NDArray[np.uint32]:
    """Return 32 bits of each key, each once; ascending as the keys are."""
    found = shortened(bodies)
    first: npt.NDArray[np.uint32] = found[np.concatenate([np.ones(1, np.bool_), found[1:] != found[:-1]])[: len(found)]]
    return first
