"""What all gates share: pairing two models' losses, and refusing where nothing could be judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.errors import DriftwatchError
from driftwatch.domain.features import LossUnit
from driftwatch.domain.run import GateMeasure, Verdict, VerdictOutcome
from driftwatch.gate.bootstrap import Estimate, weighted_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftwatch.domain.protocols import Model
    from driftwatch.domain.text import Text

LEAST_TEXTS = 20
"""Fewest texts that a gate judges by."""


class CannotJudgeError(Exception):
    """There is nothing to judge by; the gate refuses with the reason."""


@dataclass(frozen=True, slots=True)
class PairedLosses:
    """Two models' losses on the same tokens of n texts.

    Args:
        candidate: float64 [n], nats.
        champion: float64 [n], nats.
        tokens: float64 [n]; of a classifier 1 where the text's class is known.
        unit: of the losses.
        correct: bool [n, 2], whether candidate and champion gave the text's class; None where they give none.
    """

    candidate: npt.NDArray[np.float64]
    champion: npt.NDArray[np.float64]
    tokens: npt.NDArray[np.float64]
    unit: LossUnit
    correct: npt.NDArray[np.bool_] | None


def paired_losses(candidate: Model, champion: Model, texts: Sequence[Text]) -> PairedLosses:
    """Score the texts with both models.

    Raises:
        CannotJudgeError: the models do not predict the same, or a loss is no number.
    """
    new, old = candidate.score(texts), champion.score(texts)
    if new.unit is not old.unit:
        raise CannotJudgeError(f"the candidate's loss is in {new.unit}, the champion's in {old.unit}")
    if not np.array_equal(new.tokens, old.tokens):
        raise CannotJudgeError("candidate and champion split the texts into different tokens")
    for name, losses in (("candidate", new), ("champion", old)):
        if not np.isfinite(losses.nats).all():
            raise CannotJudgeError(f"the {name}'s loss is no number on {int((~np.isfinite(losses.nats)).sum())} texts")
    both = None if new.correct is None or old.correct is None else np.column_stack((new.correct, old.correct))
    return PairedLosses(new.nats, old.nats, new.tokens.astype(np.float64), new.unit, both)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two models' losses on some texts.

    Args:
        texts: n of them.
        losses: on these.
    """

    texts: tuple[Text, ...]
    losses: PairedLosses

    @property
    def unit(self) -> LossUnit:
        """What the losses are spread over."""
        return self.losses.unit

    @property
    def scored(self) -> int:
        """Return on how many texts something was predicted."""
        return int((self.losses.tokens > 0).sum())

    def groups(self) -> list[str]:
        """Return the name of what each text is drawn with."""
        return [_unit(text, place) for place, text in enumerate(self.texts)]

    def rise(self, places: npt.NDArray[np.intp] | None = None, *, seed: int) -> Estimate | None:
        """Estimate the candidate's loss less the champion's, in nats per token; a group's texts are drawn together.

        Args:
            places: of the texts looked at, int [texts]; None for all.
            seed: of the bootstrap.

        Returns:
            None where too few texts can be scored or all are of one group.
        """
        chosen = np.arange(len(self.texts)) if places is None else places
        difference, tokens = self.losses.candidate[chosen] - self.losses.champion[chosen], self.losses.tokens[chosen]
        if int((tokens > 0).sum()) < LEAST_TEXTS:
            return None
        try:
            return weighted_mean(difference, tokens, clusters=[_unit(self.texts[at], at) for at in chosen], seed=seed)
        except ValueError:
            return None


def compare(candidate: Model, champion: Model, texts: Sequence[Text]) -> Comparison:
    """Score the texts with both models.

    Raises:
        CannotJudgeError: too few texts, or losses that cannot be compared.
    """
    losses = paired_losses(candidate, champion, texts)
    scored = int((losses.tokens > 0).sum())
    if scored < LEAST_TEXTS:
        which = "have a class that both models know" if losses.unit is LossUnit.LABELLED_TEXT else "can be scored"
        raise CannotJudgeError(f"only {scored} held-out texts {which}, {LEAST_TEXTS} are needed")
    return Comparison(tuple(texts), losses)


def whole_rise(compared: Comparison, *, seed: int) -> Estimate:
    """Estimate the rise of the loss over all texts.

    Raises:
        CannotJudgeError: all of them are of one group, so that nothing is known of its spread.
    """
    rise = compared.rise(seed=seed)
    if rise is None:
        raise CannotJudgeError("an interval needs texts of at least two groups")
    return rise


def judged(gate: str, *, round: int, by: Callable[[], Verdict]) -> Verdict:  # noqa: A002 - the word of the house
    """Return the verdict, or a refusal where the gate could not run; only what may pass by itself is raised."""
    try:
        return by()
    except CannotJudgeError as error:
        return _could_not(gate, round, str(error))
    except DriftwatchError as error:
        if error.retryable:
            raise
        return _could_not(gate, round, str(error))


def measure(name: str, estimate: Estimate, *, limit: float, n: int, unit: str) -> GateMeasure:
    """Return the estimate as a gate's measure."""
    return GateMeasure(
        name=name, value=estimate.value, low=estimate.low, high=estimate.high, limit=limit, unit=unit, n=n
    )


def _unit(text: Text, place: int) -> str:
    """Name what a text is drawn with."""
    return f"text {place}" if text.group is None else f"group {text.group}"


def _could_not(gate: str, round: int, why: str) -> Verdict:  # noqa: A002
    return Verdict(
        gate=gate, round=round, outcome=VerdictOutcome.REFUSED, detail=f"could not run, which refuses: {why}"
    )
