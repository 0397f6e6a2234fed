"""Makes a reference version: from training data, or from the texts a new champion was trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.drift.archive import save_reference
from driftwatch.drift.reference import assemble, build_reference
from driftwatch.store.registry import ReferenceRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from driftwatch.domain.features import Features
    from driftwatch.domain.text import Text
    from driftwatch.drift.choice import Choice
    from driftwatch.drift.reference import Built

Extract = Callable[["Sequence[Text]"], "Features"]
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredients:
    """What a reference is made of.

    Args:
        texts: what the champion learned, as production should look.
        heldout: of the same kind, never trained on.
        memory: older texts that the champion should still know.
        others: uint32 [m], 32 bits of the hash of each body that it knows besides; None for none.
    """

    texts: Iterable[Text]
    heldout: Iterable[Text] = ()
    memory: Iterable[Text] = ()
    others: npt.NDArray[np.uint32] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebased:
    """A reference version on disk, not yet in force."""

    row: ReferenceRow
    warnings: tuple[str, ...]


def make(
    ingredients: Ingredients,
    *,
    stream: str,
    seed: int,
    sample: int,
    extract: Extract,
    folder: Path,
    at: datetime,
    on_progress: OnProgress = lambda _done, _total: None,
) -> Rebased:
    """Build a reference and save it under ``folder``; the same ingredients and seed give the same version.

    Args:
        ingredients: its texts.
        stream: whose reference.
        seed: of sampling and split.
        sample: most texts kept.
        extract: gives the features of texts.
        folder: the stream's references; the version's own folder is made in it.
        at: when it is made; no part of its version.
        on_progress: told texts done and in all.

    Raises:
        DataError: too few texts, or texts that cannot be used.
    """
    built = build_reference(
        ingredients.texts,
        heldout=ingredients.heldout,
        memory=ingredients.memory,
        others=ingredients.others,
        stream=stream,
        seed=seed,
        sample=sample,
        extract=extract,
        created_at=at,
        on_progress=on_progress,
    )
    return _saved(built, folder)


def make_chosen(
    learned: Choice,
    heldout: Choice,
    *,
    stream: str,
    seed: int,
    extract: Extract,
    folder: Path,
    at: datetime,
    on_progress: OnProgress = lambda _done, _total: None,
) -> Rebased:
    """Build a reference of texts that were chosen already, and save it, as ``make`` does.

    Args:
        learned: of what the champion learned.
        heldout: of texts of the same kind that it never saw.
        stream: whose reference.
        seed: that they were chosen by.
        extract: see ``make``.
        folder: see there.
        at: see there.
        on_progress: see there.

    Raises:
        DataError: too few texts, or texts that cannot be used.
    """
    built = assemble(
        learned, heldout=heldout, stream=stream, seed=seed, extract=extract, created_at=at, on_progress=on_progress
    )
    return _saved(built, folder)


def _saved(built: Built, folder: Path) -> Rebased:
    reference = save_reference(built.reference, folder)
    row = ReferenceRow(
        stream=reference.stream,
        version=reference.version,
        path=str(folder / reference.version),
        encoder=reference.encoder,
        tokenizer=reference.tokenizer,
        champion=reference.champion,
        texts=len(reference.train.texts) + len(reference.cal.texts),
        created_at=reference.created_at,
        in_force=False,
    )
    return Rebased(row=row, warnings=built.warnings)
