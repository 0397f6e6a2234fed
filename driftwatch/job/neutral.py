"""Neutral fine-tunes: the champion trained on its own reference, to see how far training moves bias by itself.

They belong to a champion, a suite, a recipe and a reference, and serve every round and every later run of these. What
is kept of each is how it scores every pair, one file a fine-tune, whole or not at all; its model is removed.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np
import structlog

from driftwatch.gate.bias.scores import readable, score
from driftwatch.gate.bias.spread import LEAST_SEEDS
from driftwatch.retrain.records import read_record, write_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from driftwatch.domain.protocols import Model
    from driftwatch.domain.run import Recipe
    from driftwatch.domain.text import Text
    from driftwatch.gate.bias.cells import Scores
    from driftwatch.gate.bias.pairs import Pair

log = structlog.get_logger()

_MODEL = "neutral"
"""Beginning of the names of folders in which they are trained."""


class Tune(Protocol):
    """Fine-tunes the champion."""

    def __call__(self, recipe: Recipe, texts: Sequence[Text], out: Path, *, told: str) -> bool:
        """Train on the texts into a folder, telling progress by that name; false when stopped before the end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """One neutral fine-tune.

    Args:
        seed: of its texts and order.
        scores: of the pairs that the champion can read, in the suite's order.
    """

    seed: int
    scores: tuple[float, ...]


class NeutralFineTunes:
    """The neutral fine-tunes of a champion, trained where they are not there yet.

    Args:
        champion: loaded.
        pairs: of the suite.
        recipe: of the run.
        reference: version of the reference.
        kept: folder of the champion's own, in which their scores are kept.
    """

    def __init__(self, champion: Model, pairs: Sequence[Pair], *, recipe: Recipe, reference: str, kept: Path) -> None:
        self._pairs = readable(pairs, champion).pairs
        self._recipe = replace(recipe, patience=0, merge=())
        said = (
            champion.digest,
            [(pair.stereotype, pair.counter) for pair in self._pairs],
            msgspec.json.encode(self._recipe),
            reference,
        )
        self._key = hashlib.sha256(repr(said).encode()).hexdigest()[:16]
        self._kept = kept

    def known(self, count: int) -> Scores | None:
        """Return the scores of those that are there, float64 [seeds, pairs]; None for fewer than a spread takes."""
        return self._together([kept for number in range(1, count + 1) if (kept := self._read(number)) is not None])

    def made(
        self,
        count: int,
        texts: Callable[[], Sequence[Text]],
        *,
        most: int,
        folder: Path,
        tune: Tune,
        load: Callable[[Path], Model],
    ) -> Scores | None:
        """Train those that are missing, and return the scores of all; of fewer where one was stopped.

        Done again after a kill or a stop, it goes on where it was.

        Args:
            count: how many are wanted.
            texts: gives the reference's texts.
            most: texts that each is trained on, at most.
            folder: to train in.
            tune: fine-tunes the champion.
            load: loads a model.

        Raises:
            RunError: what is kept of one cannot be read, or the training failed.
        """
        missing = [number for number in range(1, count + 1) if self._read(number) is None]
        reference = texts() if missing else ()
        for number in missing:
            recipe, out = replace(self._recipe, seed=self._seed(number)), folder / f"{_MODEL}-{number}"
            if not tune(
                recipe, _drawn(reference, most, recipe.seed), out, told=f"neutral fine-tune {number} of {count}"
            ):
                break
            self._keep(number, load(out))
        for number in range(1, count + 1):
            shutil.rmtree(folder / f"{_MODEL}-{number}", ignore_errors=True)
        return self.known(count)

    def _seed(self, number: int) -> int:
        return self._recipe.seed + number

    def _keep(self, number: int, model: Model) -> None:
        write_record(
            _Kept(seed=self._seed(number), scores=tuple(score(model, self._pairs).tolist())), self._file(number)
        )
        log.info("neutral_fine_tune", number=number, file=str(self._file(number)))

    def _read(self, number: int) -> _Kept | None:
        kept = read_record(self._file(number), _Kept, name="a neutral fine-tune's record")
        return kept if kept is not None and len(kept.scores) == len(self._pairs) else None

    def _file(self, number: int) -> Path:
        return self._kept / f"{self._key}-{number}.json"

    @staticmethod
    def _together(kept: Sequence[_Kept]) -> Scores | None:
        return np.array([each.scores for each in kept], dtype=np.float64) if len(kept) >= LEAST_SEEDS else None


def forget_others(kept: Path, models: Path) -> None:
    """Remove what is kept of champions whose models are gone.

    Args:
        kept: folder of the stream's champions' folders.
        models: folder of the stream's models, named alike.
    """
    for each in kept.iterdir() if kept.is_dir() else ():
        if not (models / each.name).is_dir():
            shutil.rmtree(each, ignore_errors=True)


def _drawn(texts: Sequence[Text], most: int, seed: int) -> list[Text]:
    """Return as many texts, in an order that only they and the seed decide."""

    def place(text: Text) -> bytes:
        return hashlib.blake2b(f"{seed}:{text.id}:{text.body}".encode("utf-8", "replace")).digest()

    return sorted(texts, key=place)[:most]
