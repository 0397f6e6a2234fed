"""What the job asks of the processes that train for it, and what they tell: two small values as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - msgspec reads the annotations

import msgspec

from driftwatch.domain.run import Progress, Recipe  # noqa: TC001 - likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One training for several processes.

    Args:
        champion: folder to begin from.
        train: JSON Lines of the new texts to train on.
        replay: JSON Lines of the replayed texts.
        select: JSON Lines of the held-out texts for early stopping.
        recipe: hyperparameters.
        round: from 1.
        out: folder of the candidate.
        checkpoints: folder of this training's checkpoints.
        threads: CPU threads of each process.
    """

    champion: Path
    train: Path
    replay: Path
    select: Path
    recipe: Recipe
    round: int
    out: Path
    checkpoints: Path
    threads: int

    @property
    def stop(self) -> Path:
        """A file whose appearance asks the processes for a stop at their next safe point."""
        return self.checkpoints.with_name(f"{self.checkpoints.name}.stop")

    def write(self, file: Path) -> None:
        """Write it, whole or not at all."""
        aside = file.with_name(f".{file.name}.writing")
        aside.write_bytes(msgspec.json.encode(self, enc_hook=str))
        aside.replace(file)


def read_order(file: Path) -> Order:
    """Read what ``write`` wrote."""
    return msgspec.json.decode(file.read_bytes(), type=Order, dec_hook=lambda kind, value: kind(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A line of the first process's standard output: a step, or why it gave up.

    Args:
        progress: after an optimiser step; None at the end.
        finished: whether the candidate is there; None before the end.
        failure: what went wrong.
        where: the place of it.
        cure: what can be done about it.
        retryable: whether the same training may go well later.
        smaller: whether it goes on in smaller parts once all processes are started again.
    """

    progress: Progress | None = None
    finished: bool | None = None
    failure: str | None = None
    where: str | None = None
    cure: str | None = None
    retryable: bool = False
    smaller: bool = False

    @property
    def last(self) -> bool:
        """Whether nothing comes after it."""
        return self.finished is not None or self.failure is not None
