"""What a run left in its folder for people to see: the probe's prediction, losses of trainings, curves of merges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from driftwatch.domain.errors import DriftwatchError
from driftwatch.retrain.merge.curve import MergeCurve, load_curve
from driftwatch.retrain.probe.record import RECORD, Prediction, load_prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import TypeVar

    T = TypeVar("T")

CARD_PAGE = "card.html"
"""Name of the data card's section in a run's folder, where it was written."""

BIAS_PAGE = "bias.html"
"""Name of the section on bias in a run's folder, where it was written."""

_MOST_ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedStep:
    """One optimiser step.

    Args:
        step: from 1.
        loss: of its batch, in the unit of the model's loss.
    """

    step: int
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """A run's records.

    Args:
        prediction: of the probe; None without one.
        losses: of each round's training, step by step.
        curves: of each round's merge.
        card: section of the data card, HTML; empty without one.
        bias: section on bias, HTML; empty without one.
    """

    prediction: Prediction | None = None
    losses: Mapping[int, tuple[TrainedStep, ...]] = field(default_factory=dict)
    curves: Mapping[int, MergeCurve] = field(default_factory=dict)
    card: str = ""
    bias: str = ""


def read_trail(folder: Path) -> Trail:
    """Read what is there; a record that cannot be read is left out, since the page is there to help with that too."""
    rounds = range(1, _MOST_ROUNDS + 1)
    losses = {number: _losses(folder / f"training-{number}.jsonl") for number in rounds}
    curves = {number: _whole(load_curve, folder / f"merge-{number}.json") for number in rounds}
    return Trail(
        prediction=_whole(load_prediction, folder / "probe" / RECORD),
        losses={number: steps for number, steps in losses.items() if steps},
        curves={number: curve for number, curve in curves.items() if curve is not None},
        card=_text(folder / CARD_PAGE),
        bias=_text(folder / BIAS_PAGE),
    )


def _whole(load: Callable[[Path], T | None], file: Path) -> T | None:
    try:
        return load(file)
    except DriftwatchError:
        return None


def _losses(file: Path) -> tuple[TrainedStep, ...]:
    """Return the last word on each step: after a kill some are done again, and the last line may be half."""
    decoder = msgspec.json.Decoder(TrainedStep)
    steps: dict[int, TrainedStep] = {}
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return ()
    for line in lines:
        try:
            found = decoder.decode(line)
        except msgspec.DecodeError:
            continue
        steps[found.step] = found
    return tuple(steps[number] for number in sorted(steps))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
