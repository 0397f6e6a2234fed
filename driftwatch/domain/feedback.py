"""What people or systems said of the model's answers to texts, and how often it was right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from driftwatch.domain.drift import Measure

_Z = 1.959963984540054
"""Of a two-sided interval of 95%."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """Of one text; at least one of target, correct and rating is given.

    Args:
        text: the text's id.
        target: the class that would have been right; it wins over the record's own when a model is trained.
        correct: whether the model's answer was right.
        rating: how good the answer was, 0 to 1.
        who: whoever says so, as the sender names them; empty where it does not.
        at: when it came in.
    """

    text: str
    target: str | None = None
    correct: bool | None = None
    rating: float | None = None
    who: str = ""
    at: datetime

    @property
    def score(self) -> float | None:
        """How right the model was, 0 to 1; None where only the right class is named."""
        return self.rating if self.correct is None else float(self.correct)


def accuracy(feedback: Sequence[Feedback]) -> tuple[Measure, ...]:
    """Return the mean score with a 95% interval, and how many texts it comes from; nothing where there is no score.

    Source: Wilson 1927, Probable Inference, the Law of Succession, and Statistical Inference. Ratings between 0 and 1
    spread no more than right and wrong answers of the same mean, so for them the interval is rather too wide.
    """
    scores = [score for each in feedback if (score := each.score) is not None]
    n = len(scores)
    if not n:
        return ()
    mean = sum(scores) / n
    centre = (mean + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    reach = _Z / (1 + _Z**2 / n) * math.sqrt(mean * (1 - mean) / n + _Z**2 / (4 * n**2))
    low, high = max(0.0, min(mean, centre - reach)), min(1.0, max(mean, centre + reach))
    return (
        Measure(name="feedback.accuracy", value=mean, low=low, high=high),
        Measure(name="feedback.n", value=float(n)),
    )
