"""Early stopping: looks at the held-out loss while training goes on, remembered in the trainer's own history.

The history lies in every checkpoint, so that a training that is taken up again knows what was seen before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_LOSS = "held_out_loss"


@dataclass(frozen=True, slots=True)
class Look:
    """The held-out loss after a step, in nats per prediction."""

    step: int
    loss: float

    def entry(self) -> dict[str, float]:
        """Return it as an entry of the trainer's history."""
        return {"step": self.step, _LOSS: self.loss}


@dataclass(frozen=True, slots=True)
class Looks:
    """Every look so far, in order."""

    looks: tuple[Look, ...] = ()

    @classmethod
    def of(cls, history: Iterable[Mapping[str, Any]]) -> Looks:
        """Return the looks in a trainer's history."""
        return cls(tuple(Look(int(entry["step"]), float(entry[_LOSS])) for entry in history if _LOSS in entry))

    @property
    def best(self) -> Look | None:
        """The first look with the least loss."""
        return min(self.looks, key=lambda look: look.loss, default=None)

    def exhausted(self, patience: int) -> bool:
        """Whether so many looks have passed since the best.

        Examples:
            >>> looks = Looks((Look(10, 3.0), Look(20, 2.5), Look(30, 2.6), Look(40, 2.5)))
            >>> looks.best, looks.exhausted(2), looks.exhausted(3)
            (Look(step=20, loss=2.5), True, False)
        """
        best = self.best
        return best is not None and len(self.looks) - 1 - self.looks.index(best) >= patience > 0


def looks_in(checkpoint: Path) -> Looks:
    """Return the looks that a whole checkpoint remembers."""
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    return Looks.of(state["log_history"])
