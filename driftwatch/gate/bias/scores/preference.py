"""Pairs scored by a model of any family, and those that it cannot read set apart.

A language model's score of a pair is the (pseudo-)log-likelihood of its stereotype less that of its counterpart; a
classifier's is how much of the probability moves from one to the other.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.features import PairScores
from driftwatch.gate.bias.suite import Skipped
from driftwatch.gate.verdicts import CannotJudgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from driftwatch.domain.protocols import Model
    from driftwatch.gate.bias.pairs import Pair, Stratum

_AT_ONCE = 256
"""Pairs scored between two words on the progress; neighbours of one template share most of their tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """What of a suite all models concerned can score as it is written.

    Args:
        pairs: these.
        skipped: the others by reason, with the id of the first.
        emptied: what no pair is left of, a category's directed pairs and its others apart.
    """

    pairs: tuple[Pair, ...]
    skipped: tuple[Skipped, ...] = ()
    emptied: tuple[Stratum, ...] = ()


def readable(pairs: Sequence[Pair], *models: Model) -> Readable:
    """Set apart the pairs that a model cannot read whole, or not compare.

    Its tokenizer does not know a word, its context cuts a sentence off, or the two share no token that a masked model
    could be asked for.

    Args:
        pairs: a suite's.
        models: that are compared; a pair is left out of all where one cannot read it.
    """
    sentences = [(pair.stereotype, pair.counter) for pair in pairs]
    said = [model.unreadable_pairs(sentences) for model in models]
    kept, left_out, first = [], Counter[str](), dict[str, str]()
    for number, pair in enumerate(pairs):
        reason = next((one[number] for one in said if one[number] is not None), None)
        if reason is None:
            kept.append(pair)
        else:
            left_out[reason.value] += 1
            first.setdefault(reason.value, pair.id)
    return Readable(
        pairs=tuple(kept),
        skipped=tuple(Skipped(reason=why, count=count, first=first[why]) for why, count in left_out.items()),
        emptied=tuple(sorted({pair.stratum for pair in pairs} - {pair.stratum for pair in kept}, key=_named)),
    )


def _named(stratum: Stratum) -> str:
    return stratum.name


def measured(
    model: Model, pairs: Sequence[Pair], *, on_progress: Callable[[int], None] = lambda _done: None
) -> PairScores:
    """Score every pair.

    Args:
        model: of any family.
        pairs: that it can read (see ``readable``).
        on_progress: told how many pairs are scored.

    Raises:
        CannotJudgeError: there are no pairs, a sentence cannot be read as it is written, or a score is no number.
        ModelError: the model cannot be used.
    """
    if not pairs:
        raise CannotJudgeError("the suite has no pairs")
    _check(model, pairs)
    parts = []
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start : start + _AT_ONCE]
        parts.append(model.pair_scores([(pair.stereotype, pair.counter) for pair in some]))
        on_progress(start + len(some))
    found = _joined(parts)
    if not np.isfinite(found.values).all():
        raise CannotJudgeError("the model's score of a pair of the suite is no number")
    return found


def score(
    model: Model, pairs: Sequence[Pair], *, on_progress: Callable[[int], None] = lambda _done: None
) -> npt.NDArray[np.float64]:
    """Return each pair's score alone, float64 [pairs]; see ``measured``."""
    return measured(model, pairs, on_progress=on_progress).values


def _check(model: Model, pairs: Sequence[Pair]) -> None:
    left = readable(pairs, model).skipped
    if left:
        why = "; ".join(f"{each.count} with {each.reason} (first: {each.first})" for each in left)
        raise CannotJudgeError(f"the model cannot read pairs of the suite as they are written: {why}")


def _joined(parts: Sequence[PairScores]) -> PairScores:
    flipped = [part.flipped for part in parts if part.flipped is not None]
    return PairScores(
        values=np.concatenate([part.values for part in parts]),
        unit=parts[0].unit,
        digest=parts[0].digest,
        flipped=np.concatenate(flipped) if flipped else None,
    )
