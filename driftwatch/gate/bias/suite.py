"""A suite, whatever it is made of, and what of its data could not be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from driftwatch.gate.bias.pairs import Pair
    from driftwatch.gate.bias.questions import Question
    from driftwatch.gate.bias.triples import Triple


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Rows of a suite's data that were left out for one reason.

    Args:
        reason: why, such as ``equal texts``.
        count: how many rows.
        first: the first of them, as ``file:line``.
    """

    reason: str
    count: int
    first: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """What one suite asks of a model; it holds at least one pair, triple or question.

    Args:
        name: as shown and as measured, such as ``crows-pairs``.
        pairs: paired sentences.
        triples: StereoSet's kind.
        questions: BBQ's kind.
        skipped: what of the data was left out, by reason; shown wherever the suite's results are.
        emptied: categories of which everything was left out; shown likewise.
    """

    name: str
    pairs: tuple[Pair, ...] = ()
    triples: tuple[Triple, ...] = ()
    questions: tuple[Question, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    emptied: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return how many pairs, triples and questions there are."""
        return len(self.pairs) + len(self.triples) + len(self.questions)
